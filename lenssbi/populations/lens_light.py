"""The lens' light, and the residual of an imperfect subtraction.

The profile is that of an early-type galaxy (de Vaucouleurs 1948), with an axis ratio and position angle similar to the mass. The light is
added for its shot noise and its true profile subtracted again (Pearson et al. 2021, section 2.1). With `residual` the profile that is
subtracted is not the true one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pydantic import Field, model_validator

from lenssbi.arrays import ComplexArray, FloatArray
from lenssbi.config import Config, Range, ordered
from lenssbi.light import LightProfile, Sersic
from lenssbi.populations.draws import column


class LensLight(Config):
    """Distribution of the lens' light; every range is uniform."""

    magnitude: Range = Field((18.0, 22.0), description="[AB]")
    effective_radius: Range = Field((0.4, 1.5), description="[arcsec]")
    residual: float = Field(
        0.0, ge=0, lt=0.5, description="relative error of flux, size, index and q of the profile that is subtracted"
    )

    @model_validator(mode="after")
    def _check(self) -> LensLight:
        ordered("magnitude", self.magnitude)
        ordered("effective_radius", self.effective_radius, above=0)
        return self

    def draw(
        self, rng: np.random.Generator, q: FloatArray, phi: FloatArray, centre: ComplexArray
    ) -> tuple[tuple[LightProfile, ...], tuple[LightProfile, ...]]:
        """Light of lenses whose masses have `q`, `phi` [rad] and `centre` [arcsec], each (n,), and the residual of its subtraction."""
        n = len(q)
        flux, size = 10 ** (-0.4 * rng.uniform(*self.magnitude, n)), rng.uniform(*self.effective_radius, n)
        q, phi = np.clip(q + rng.normal(0, 0.1, n), 0.3, 1.0), phi + rng.normal(0, 0.1, n)
        light = Sersic(*(column(values) for values in (flux, size, np.full(n, 4.0), q, phi, centre)))
        if not self.residual:
            return (light,), ()
        error = np.exp(self.residual * rng.standard_normal((4, n)))
        off = self.residual * 0.1 * size * (rng.standard_normal(n) + 1j * rng.standard_normal(n))
        wrong = replace(
            light,
            flux=column(-flux * error[0]),
            effective_radius=column(size * error[1]),
            index=column(4.0 * error[2]),
            q=column(np.clip(q * error[3], 0.2, 1.0)),
            centre=column(centre + off),
        )
        return (light,), (light, wrong)
