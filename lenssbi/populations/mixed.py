"""Sources of several kinds in one population, such as parametric ones and real galaxies."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from pydantic import Field, model_validator

from lenssbi.arrays import ComplexArray, FloatArray
from lenssbi.config import Config
from lenssbi.light import LightProfile
from lenssbi.populations.galaxies import GalaxySource
from lenssbi.populations.parametric import ParametricSource

Plain: TypeAlias = Annotated[ParametricSource | GalaxySource, Field(discriminator="kind")]


class MixedSource(Config):
    """Distribution of sources of several kinds."""

    kind: Literal["mixed"] = "mixed"
    sources: tuple[Plain, ...] = Field(
        (ParametricSource(), GalaxySource()), min_length=1, description="the distributions"
    )
    shares: tuple[float, ...] = Field((0.5, 0.5), description="of the stamps, one for each of `sources`")

    @model_validator(mode="after")
    def _check(self) -> MixedSource:
        if len(self.shares) != len(self.sources) or min(self.shares) < 0 or sum(self.shares) <= 0:
            raise ValueError(f"shares has one number, none below zero, for each of `sources`, got {self.shares}")
        return self

    def draw(
        self, rng: np.random.Generator, n: int, place: ComplexArray, z_source: FloatArray
    ) -> tuple[tuple[LightProfile, ...], dict[str, Any]]:
        """Draw `n` sources, all from one of the distributions (the candidates for one stamp), so that the shares are those of the stamps.

        See `ParametricSource.draw`.
        """
        shares = np.array(self.shares)
        chosen = self.sources[rng.choice(len(shares), p=shares / shares.sum())]
        return chosen.draw(rng, n, place, z_source)
