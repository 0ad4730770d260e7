"""The noise of a resampled mosaic, in the unit of its images.

A mosaic is made of exposures that were resampled to common pixels. Bilinear resampling by a sub-pixel shift (f_y, f_x) turns white
noise n into

    n'(y, x) = sum_ij w_ij n(y + i, x + j) / sqrt(sum w_ij^2),   w = (1 - f_y, f_y) x (1 - f_x, f_x),

whose neighbouring pixels along x have the correlation coefficient r = f (1 - f) / (f^2 + (1 - f)^2). The variance of a pixel is
that of the sky and of the light in it, sigma^2 + light / gain. The RMS map that comes with a mosaic holds for whole objects and
overstates the scatter of single pixels.

The defaults were measured on Euclid Q1 cut-outs of MER mosaics: sigma 0.0021-0.0030 ADU/s, r 0.22-0.30, RMS over scatter 1.40-1.57.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field, model_validator

from lenssbi.arrays import FloatArray
from lenssbi.config import Config, Range, ordered


class Mosaic(Config):
    """Units and noise of a mosaic; every range is uniform."""

    unit: str = "ADU/s"
    zero_point: float = Field(24.6, description="AB magnitude of one unit")
    gain: float = Field(7900.0, gt=0, description="electrons of one unit")
    sigma: float = Field(0.0024, gt=0, description="median scatter of a pixel of empty sky [unit]")
    scatter: float = Field(0.15, ge=0, description="of the natural logarithm of sigma")
    shift: Range = Field((0.0, 0.35), description="sub-pixel shifts of the resampling [pixels]")
    overstated: Range = Field((1.35, 1.65), description="RMS map over the scatter of pixels")
    pedestal: float = Field(
        0.3, ge=0, description="scatter of the constant that the subtraction of the sky left [sigma]"
    )
    flagged: float = Field(0.1, ge=0, le=1, description="share of the stamps with a patch of flagged pixels")

    @model_validator(mode="after")
    def _check(self) -> Mosaic:
        ordered("shift", self.shift, above=-1e-9)
        ordered("overstated", self.overstated, above=0)
        if self.shift[1] > 0.5:
            raise ValueError(f"shift is at most half a pixel, got {self.shift}")
        return self

    def flux(self, magnitude: FloatArray) -> FloatArray:
        """Flux [unit] of AB magnitudes."""
        return 10 ** (-0.4 * (magnitude - self.zero_point))

    def draw(self, rng: np.random.Generator, n: int) -> dict[str, FloatArray]:
        """Numbers of `n` stamps: `sigma` and `pedestal` [unit], `overstated`, each (n,), and `shift` (n, 2) [pixels]."""
        sigma = self.sigma * np.exp(self.scatter * rng.standard_normal(n))
        return {
            "sigma": sigma,
            "overstated": rng.uniform(*self.overstated, n),
            "pedestal": self.pedestal * sigma * rng.standard_normal(n),
            "shift": rng.uniform(*self.shift, (n, 2)),
        }
