"""Sizes and magnitudes of sources.

There are two ways: observed angles and magnitudes, or a galaxy's size and luminosity at its redshift:

    R_e = 6.9 kpc (1 + z)^-1.20 (L_UV / L_0)^0.27,   L_0 at M_UV = -21, log-normal with sigma_lnR = 0.6

the sizes of star-forming galaxies at z = 0-8 (Shibuya, Ouchi & Harikane 2015, ApJS 219, 15), with the apparent magnitude of a spectrum
flat in f_nu, m = M + DM(z) - 2.5 log10(1 + z). Luminosities are drawn uniformly in magnitude, not from the luminosity function: a
training set needs faint and bright sources, and the selection removes the faintest.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import numpy as np
from pydantic import Field, model_validator

from lenssbi.arrays import FloatArray
from lenssbi.config import Config, Range, ordered
from lenssbi.populations.cosmology import distance_modulus, kpc_per_arcsec


class AngularScale(Config):
    """Sizes and magnitudes as observed."""

    kind: Literal["angular"] = "angular"
    magnitude: Range = Field((21.5, 25.5), description="unlensed, uniform [AB]")
    effective_radius: Range = Field((0.08, 0.6), description="log-uniform [arcsec]")

    @model_validator(mode="after")
    def _check(self) -> AngularScale:
        ordered("magnitude", self.magnitude)
        ordered("effective_radius", self.effective_radius, above=0)
        return self

    def draw(self, rng: np.random.Generator, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """AB magnitudes and effective radii [arcsec], shape (n,), of sources at redshifts `z` (n,)."""
        low, high = np.log(self.effective_radius)
        return rng.uniform(*self.magnitude, len(z)), np.exp(rng.uniform(low, high, len(z)))


class PhysicalScale(Config):
    """Sizes and luminosities of star-forming galaxies."""

    kind: Literal["physical"] = "physical"
    absolute_magnitude: Range = Field((-23.0, -19.0), description="rest-frame ultraviolet, uniform [AB]")
    size: float = Field(6.9, gt=0, description="median effective radius at z = 0 and M = -21 [kpc]")
    size_evolution: float = Field(-1.20, description="exponent of 1 + z")
    size_luminosity: float = Field(0.27, description="exponent of the luminosity")
    size_scatter: float = Field(0.6, ge=0, description="of the natural logarithm")
    effective_radius: Range = Field((0.03, 1.5), description="sizes outside are moved to these limits [arcsec]")

    @model_validator(mode="after")
    def _check(self) -> PhysicalScale:
        ordered("absolute_magnitude", self.absolute_magnitude)
        ordered("effective_radius", self.effective_radius, above=0)
        return self

    def draw(self, rng: np.random.Generator, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """AB magnitudes and effective radii [arcsec], shape (n,), of sources at redshifts `z` (n,)."""
        absolute = rng.uniform(*self.absolute_magnitude, len(z))
        luminosity = 10 ** (-0.4 * (absolute + 21))
        median = self.size * (1 + z) ** self.size_evolution * luminosity**self.size_luminosity
        size = median * np.exp(self.size_scatter * rng.standard_normal(len(z))) / kpc_per_arcsec(z)
        magnitude = absolute + distance_modulus(z) - 2.5 * np.log10(1 + z)
        return magnitude, np.clip(size, *self.effective_radius)


Scale: TypeAlias = Annotated[AngularScale | PhysicalScale, Field(discriminator="kind")]
