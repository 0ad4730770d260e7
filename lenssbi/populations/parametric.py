"""Parametric sources: Sersic, Gaussian, or several Sersics scattered over the whole (Pearson et al. 2021, section 2.1)."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from lenssbi.arrays import ComplexArray, FloatArray
from lenssbi.config import Config, Range, ordered
from lenssbi.light import LightProfile, Sersic
from lenssbi.populations.draws import column
from lenssbi.populations.scale import PhysicalScale, Scale

KINDS = ("sersic", "gaussian", "several")
GAUSSIAN = 0.5  # the Sersic index of a Gaussian


class ParametricSource(Config):
    """Distribution of parametric sources; every range is uniform."""

    kind: Literal["parametric"] = "parametric"
    shares: dict[str, float] = Field(
        {"sersic": 0.25, "gaussian": 0.25, "several": 0.5}, description="of the kinds of source"
    )
    scale: Scale = PhysicalScale()
    sersic_index: Range = (0.5, 4.0)
    q: Range = (0.3, 1.0)
    n_components: tuple[int, int] = Field((2, 5), description="Sersics of a source of several")

    @model_validator(mode="after")
    def _check(self) -> ParametricSource:
        unknown = set(self.shares) - set(KINDS)
        if unknown or not self.shares or min(self.shares.values()) < 0 or sum(self.shares.values()) <= 0:
            raise ValueError(f"shares are of {', '.join(KINDS)}, none below zero, got {self.shares}")
        ordered("sersic_index", self.sersic_index, above=0.3)
        ordered("q", self.q, above=0)
        ordered("n_components", self.n_components, above=0)
        if self.q[1] > 1:
            raise ValueError(f"q is at most 1, got {self.q}")
        return self

    def draw(
        self, rng: np.random.Generator, n: int, place: ComplexArray, z_source: FloatArray
    ) -> tuple[tuple[LightProfile, ...], dict[str, Any]]:
        """Draw `n` sources.

        Parameters
        ----------
        rng
            Random number generator.
        n
            Number of draws.
        place
            Centres of the sources [arcsec], shape (n,).
        z_source
            Redshifts of the sources, shape (n,).

        Returns
        -------
        A batch of Sersics per component (a Gaussian is a Sersic of index 1/2; missing components have no flux), and
        information on the sources.
        """
        shares = np.array([self.shares.get(kind, 0.0) for kind in KINDS])
        kind = rng.choice(len(KINDS), n, p=shares / shares.sum())
        magnitude, size = self.scale.draw(rng, z_source)
        several = kind == KINDS.index("several")
        number = np.where(several, rng.integers(self.n_components[0], self.n_components[1] + 1, n), 1)
        slots = int(self.n_components[1]) if self.shares.get("several", 0.0) else 1
        lit = np.arange(slots) < number[:, None]
        # gamma deviates of shape 2, normalised, are a Dirichlet's: no component dominates, none is negligible
        weights = np.where(lit, rng.standard_gamma(2.0, (n, slots)), 0.0)
        fluxes = 10 ** (-0.4 * magnitude)[:, None] * weights / weights.sum(axis=1, keepdims=True)
        sizes = size[:, None] * np.where(several[:, None], rng.uniform(0.3, 0.9, (n, slots)), 1.0)
        scatter = rng.normal(0, 0.6, (n, slots)) + 1j * rng.normal(0, 0.6, (n, slots))
        places = place[:, None] + np.where(several[:, None], size[:, None] * scatter, 0)
        index = rng.uniform(*self.sersic_index, (n, slots))
        index[kind == KINDS.index("gaussian")] = GAUSSIAN
        q, phi = rng.uniform(*self.q, (n, slots)), rng.uniform(0, np.pi, (n, slots))
        source = tuple(
            Sersic(*(column(values[:, slot]) for values in (fluxes, sizes, index, q, phi, places)))
            for slot in range(slots)
        )
        names = np.array(KINDS)[kind]
        info = {"source_kind": names, "source": names, "source_magnitude": magnitude, "source_effective_radius": size}
        return source, info
