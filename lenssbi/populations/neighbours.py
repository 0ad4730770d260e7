"""A galaxy near the lens that is neither lensed nor masked, such as one that deblending missed.

Its light, shot noise included, is in the image; a network that was not trained on such stamps may take it for an arc.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field, model_validator

from lenssbi.arrays import ComplexArray
from lenssbi.config import Config, Range, ordered
from lenssbi.light import LightProfile, Sersic
from lenssbi.populations.draws import column


class Neighbours(Config):
    """Distribution of one neighbour per stamp; every range is uniform."""

    magnitude: Range = Field((19.0, 23.0), description="[AB]")
    distance: Range = Field((1.5, 4.0), description="from the lens [arcsec]")
    effective_radius: Range = Field((0.15, 0.8), description="[arcsec]")
    sersic_index: Range = (1.0, 4.0)
    q: Range = (0.3, 1.0)

    @model_validator(mode="after")
    def _check(self) -> Neighbours:
        ordered("magnitude", self.magnitude)
        ordered("distance", self.distance, above=-1e-9)
        ordered("effective_radius", self.effective_radius, above=0)
        ordered("sersic_index", self.sersic_index, above=0.3)
        ordered("q", self.q, above=0)
        if self.q[1] > 1:
            raise ValueError(f"q is at most 1, got {self.q}")
        return self

    def draw(self, rng: np.random.Generator, centre: ComplexArray) -> tuple[LightProfile, ...]:
        """The neighbours of lenses at `centre` [arcsec], shape (n,), in random directions."""
        n = len(centre)
        magnitude, distance, size, index, q = (
            rng.uniform(*span, n)
            for span in (self.magnitude, self.distance, self.effective_radius, self.sersic_index, self.q)
        )
        direction, phi = rng.uniform(0, 2 * np.pi, n), rng.uniform(0, np.pi, n)
        place = centre + distance * np.exp(1j * direction)
        values = (10 ** (-0.4 * magnitude), size, index, q, phi, place)
        return (Sersic(*(column(value) for value in values)),)
