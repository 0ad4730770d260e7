"""Distributions of Einstein radii within their range.

uniform        p(r) constant
shifted_log    p(r) proportional to 1 / (r + offset): flat well below the offset, uniform in ln r well above it
log_normal     ln r normal about the logarithm of the median, cut at the ends of the range
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import numpy as np
from pydantic import Field
from scipy import special

from lenssbi.arrays import FloatArray
from lenssbi.config import Config, Range


class UniformRadius(Config):
    """p(r) constant."""

    kind: Literal["uniform"] = "uniform"

    def draw(self, rng: np.random.Generator, n: int, span: Range) -> FloatArray:
        """`n` radii within `span` [arcsec]."""
        return rng.uniform(*span, n)


class ShiftedLogRadius(Config):
    """p(r) proportional to 1 / (r + offset)."""

    kind: Literal["shifted_log"] = "shifted_log"
    offset: float = Field(0.5, ge=0, description="[arcsec]")

    def draw(self, rng: np.random.Generator, n: int, span: Range) -> FloatArray:
        """`n` radii within `span` [arcsec]."""
        low, high = np.log(np.asarray(span) + self.offset)
        return np.exp(rng.uniform(low, high, n)) - self.offset


class LogNormalRadius(Config):
    """ln r normal; the defaults are those of 319 published fits of Euclid Q1 lenses."""

    kind: Literal["log_normal"] = "log_normal"
    median: float = Field(0.896, gt=0, description="[arcsec]")
    scatter: float = Field(0.383, gt=0, description="of the natural logarithm")

    def draw(self, rng: np.random.Generator, n: int, span: Range) -> FloatArray:
        """`n` radii within `span` [arcsec]."""
        low, high = special.ndtr(np.log(np.asarray(span) / self.median) / self.scatter)
        return self.median * np.exp(self.scatter * special.ndtri(rng.uniform(low, high, n)))


RadiusLaw: TypeAlias = Annotated[UniformRadius | ShiftedLogRadius | LogNormalRadius, Field(discriminator="kind")]
