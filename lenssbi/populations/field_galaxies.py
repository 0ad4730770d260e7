"""Galaxies and stars near a lens, neither lensed nor masked: the number of a random field, increased for groups of galaxies.

Their number is Poisson distributed, their places are uniform in area outside the arcs, except for a share anywhere beyond the lens's core.
Counts rise with magnitude as 10^(slope m); sizes fall with it.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field, model_validator

from lenssbi.arrays import ComplexArray, FloatArray
from lenssbi.config import Config, Range, ordered
from lenssbi.light import LightProfile, Sersic
from lenssbi.populations.draws import column

POINT = 0.01  # [arcsec] effective radius of a star
CLUMPS = 3


class FieldGalaxies(Config):
    """Distribution of galaxies and stars near a lens."""

    number: float = Field(1.6, ge=0, description="mean number in the stamp")
    magnitude: Range = Field((18.5, 25.5), description="[AB]")
    slope: float = Field(0.22, description="of the logarithm of the counts per magnitude")
    effective_radius: float = Field(0.28, gt=0, description="median at magnitude 22 [arcsec]")
    size_slope: float = Field(0.1, ge=0, description="decades of size per magnitude")
    size_scatter: float = Field(0.45, ge=0, description="of the natural logarithm")
    sersic_index: Range = Field((0.6, 4.0), description="uniform")
    q: Range = Field((0.25, 1.0), description="uniform")
    stars: float = Field(0.12, ge=0, le=1, description="share of point sources")
    clumpy: float = Field(0.2, ge=0, le=1, description="share of galaxies of several clumps")
    gap: float = Field(0.7, ge=0, description="from the Einstein radius to the nearest of them [arcsec]")
    near: float = Field(0.12, ge=0, le=1, description="share that may lie among the arcs")
    core: float = Field(0.5, ge=0, description="least distance of those from the lens's centre [arcsec]")

    @model_validator(mode="after")
    def _check(self) -> FieldGalaxies:
        ordered("magnitude", self.magnitude)
        ordered("sersic_index", self.sersic_index, above=0.3)
        ordered("q", self.q, above=0)
        if self.q[1] > 1:
            raise ValueError(f"q is at most 1, got {self.q}")
        return self

    def draw(self, rng: np.random.Generator, n: int) -> tuple[tuple[LightProfile, ...], FloatArray]:
        """Shapes of `n` neighbours centred on 0, of unit total flux, and their AB magnitudes, shape (n,)."""
        magnitude = self.magnitudes(rng, n)
        size = self.effective_radius * 10 ** (-self.size_slope * (magnitude - 22))
        size = np.clip(size * np.exp(self.size_scatter * rng.standard_normal(n)), 0.05, 1.2)
        star, clumpy = rng.uniform(size=n) < self.stars, rng.uniform(size=n) < self.clumpy
        lit = np.where((clumpy & ~star)[:, None], True, np.arange(CLUMPS) == 0)
        weights = np.where(lit, rng.standard_gamma(2.0, (n, CLUMPS)), 0.0)
        weights /= weights.sum(axis=1, keepdims=True)
        scatter = 0.6 * (rng.standard_normal((n, CLUMPS)) + 1j * rng.standard_normal((n, CLUMPS)))
        places = np.where(clumpy[:, None] & (np.arange(CLUMPS) > 0), size[:, None] * scatter, 0)
        sizes = size[:, None] * np.where(clumpy[:, None], rng.uniform(0.3, 0.8, (n, CLUMPS)), 1.0)
        sizes = np.where(star[:, None], POINT, sizes)
        index, q, phi = (rng.uniform(*span, (n, CLUMPS)) for span in (self.sersic_index, self.q, (0.0, np.pi)))
        index, q = np.where(star[:, None], 0.5, index), np.where(star[:, None], 1.0, q)
        shapes = tuple(
            Sersic(*(column(values[:, k]) for values in (weights, sizes, index, q, phi, places))) for k in range(CLUMPS)
        )
        return shapes, magnitude

    def magnitudes(self, rng: np.random.Generator, n: int) -> FloatArray:
        """AB magnitudes, counts rising as 10^(slope m)."""
        low, high = self.magnitude
        share = rng.uniform(size=n)
        if not self.slope:
            return low + (high - low) * share
        rise = 10 ** (self.slope * (high - low)) - 1
        return low + np.log10(1 + share * rise) / self.slope

    def places(self, rng: np.random.Generator, radius: float, centre: complex, half: float) -> ComplexArray:
        """Places of the neighbours of one lens [arcsec].

        Parameters
        ----------
        rng
            Random number generator.
        radius, centre
            Einstein radius and centre of the lens [arcsec].
        half
            Half the side of the square that contains them [arcsec].

        Returns
        -------
        Complex positions, one for each neighbour; those in the excluded area are left out.
        """
        count = rng.poisson(self.number)
        place = rng.uniform(-half, half, count) + 1j * rng.uniform(-half, half, count)
        near = rng.uniform(size=count) < self.near
        least = np.where(near, self.core, radius + self.gap)
        return place[np.abs(place - centre) > least]
