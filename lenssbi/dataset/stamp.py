"""A stamp: image, noise, PSF, mask, and their units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lenssbi.arrays import FloatArray
from lenssbi.instrument import PSF

WCS = "wcs"  # the entry of a stamp's `info` with the keywords of its celestial WCS


@dataclass(frozen=True)
class Stamp:
    """The image of one lens; row 0 is the bottom row, the centre of the stamp is theta = 0.

    Parameters
    ----------
    image
        Light per pixel [unit], shape (y, x).
    noise
        One sigma per pixel [unit], shape (y, x), finite and positive inside `mask`.
    mask
        True for usable pixels, shape (y, x).
    psf
        Point spread function.
    pixel_scale
        Side of a pixel [arcsec].
    name
        Name of the stamp in tables.
    unit
        Unit of image and noise, such as "electron".
    zero_point
        AB magnitude of one unit, None if unknown.
    band
        Name of the filter.
    info
        Further information from the file.

    Raises
    ------
    ValueError
        If the shapes differ, or an unmasked pixel is not finite or has no positive noise.
    """

    image: FloatArray
    noise: FloatArray
    mask: NDArray[np.bool_]
    psf: PSF
    pixel_scale: float
    name: str
    unit: str = "electron"
    zero_point: float | None = None
    band: str = "VIS"
    info: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.image.ndim != 2 or self.image.shape != self.noise.shape or self.image.shape != self.mask.shape:
            shapes = f"{self.image.shape}, {self.noise.shape}, {self.mask.shape}"
            raise ValueError(f"image, noise and mask need one two-dimensional shape, got {shapes}")
        if not self.pixel_scale > 0:
            raise ValueError(f"a stamp needs pixel_scale > 0, got {self.pixel_scale}")
        if not ((np.isfinite(self.image) & (self.noise > 0)) | ~self.mask).all():
            raise ValueError("every unmasked pixel needs a finite value and positive noise: mask the others")

    @property
    def shape(self) -> tuple[int, int]:
        """Pixels (ny, nx)."""
        return self.image.shape[0], self.image.shape[1]

    @property
    def flags(self) -> tuple[str, ...]:
        """Flags for anomalies of the file, from `info`: see :func:`lenssbi.dataset.background.subtract_sky`."""
        return tuple(self.info.get("flags", ()))

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Edges (left, right, bottom, top) [arcsec], for figures."""
        ny, nx = self.shape
        half_x, half_y = nx * self.pixel_scale / 2, ny * self.pixel_scale / 2
        return -half_x, half_x, -half_y, half_y

    def cut(self, shape: tuple[int, int]) -> Stamp:
        """The central `shape` pixels; if a side changes its parity, theta = 0 moves by half a pixel.

        Raises
        ------
        ValueError
            If the stamp is smaller.
        """
        if self.shape == tuple(shape):
            return self
        margins = [have - want for have, want in zip(self.shape, shape, strict=True)]
        if any(m < 0 for m in margins):
            raise ValueError(f"cannot cut {shape} pixels from {self.shape}")
        rows, columns = (slice(m // 2, m // 2 + want) for m, want in zip(margins, shape, strict=True))
        cut = (rows, columns)
        info = dict(self.info)
        if WCS in info:
            first = {"CRPIX1": columns.start, "CRPIX2": rows.start}
            info[WCS] = info[WCS] | {name: info[WCS].get(name, 0.0) - start for name, start in first.items()}
        return replace(self, image=self.image[cut], noise=self.noise[cut], mask=self.mask[cut], info=info)
