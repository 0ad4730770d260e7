"""One-dimensional priors and their product, as maps of the unit interval.

A sampler draws u uniformly in the unit cube; `quantile` is the inverse cumulative distribution that turns it into parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from scipy import special

from lenssbi.arrays import FloatArray


@runtime_checkable
class Marginal(Protocol):
    """Distribution of one parameter."""

    def quantile(self, u: FloatArray) -> FloatArray:
        """Parameter at the cumulative probability `u` in [0, 1], any shape."""
        ...

    def log_prob(self, x: FloatArray) -> FloatArray:
        """Natural logarithm of the density at `x`, any shape; -inf outside the support."""
        ...

    def support(self) -> tuple[float, float]:
        """Smallest and largest possible value."""
        ...


@dataclass(frozen=True)
class Uniform:
    """Constant density between `low` and `high`."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"Uniform needs low < high, got [{self.low}, {self.high}]")

    def quantile(self, u: FloatArray) -> FloatArray:
        return self.low + (self.high - self.low) * np.asarray(u)

    def log_prob(self, x: FloatArray) -> FloatArray:
        inside = (np.asarray(x) >= self.low) & (np.asarray(x) <= self.high)
        return np.where(inside, -np.log(self.high - self.low), -np.inf)

    def support(self) -> tuple[float, float]:
        return self.low, self.high


@dataclass(frozen=True)
class LogUniform:
    """Density proportional to 1/x between `low` and `high`, both above zero."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high:
            raise ValueError(f"LogUniform needs 0 < low < high, got [{self.low}, {self.high}]")

    def quantile(self, u: FloatArray) -> FloatArray:
        return self.low * (self.high / self.low) ** np.asarray(u)

    def log_prob(self, x: FloatArray) -> FloatArray:
        x = np.asarray(x, dtype=float)
        inside = (x >= self.low) & (x <= self.high)
        return np.where(inside, -np.log(np.where(inside, x, 1.0) * np.log(self.high / self.low)), -np.inf)

    def support(self) -> tuple[float, float]:
        return self.low, self.high


@dataclass(frozen=True)
class Normal:
    """Gaussian of `mean` and `sigma`, cut off at `low` and `high`."""

    mean: float
    sigma: float
    low: float = -np.inf
    high: float = np.inf

    def __post_init__(self) -> None:
        if not self.sigma > 0:
            raise ValueError(f"Normal needs sigma > 0, got {self.sigma}")
        if not self.low < self.high:
            raise ValueError(f"Normal needs low < high, got [{self.low}, {self.high}]")
        if not self._mass() > 1e-12:
            raise ValueError(f"Normal({self.mean}, {self.sigma}) has no mass between {self.low} and {self.high}")

    def quantile(self, u: FloatArray) -> FloatArray:
        below = special.ndtr((self.low - self.mean) / self.sigma)
        x = self.mean + self.sigma * special.ndtri(below + np.asarray(u) * self._mass())
        return np.clip(x, self.low, self.high)

    def log_prob(self, x: FloatArray) -> FloatArray:
        x = np.asarray(x, dtype=float)
        density = -0.5 * ((x - self.mean) / self.sigma) ** 2 - np.log(self.sigma * np.sqrt(2 * np.pi) * self._mass())
        return np.where((x >= self.low) & (x <= self.high), density, -np.inf)

    def support(self) -> tuple[float, float]:
        return self.low, self.high

    def _mass(self) -> float:
        ends = special.ndtr((np.array([self.low, self.high]) - self.mean) / self.sigma)
        return float(ends[1] - ends[0])


@dataclass(frozen=True)
class Prior:
    """Independent marginals of the parameters `names`, in order."""

    names: tuple[str, ...]
    marginals: tuple[Marginal, ...]

    def __post_init__(self) -> None:
        if len(self.names) != len(self.marginals):
            raise ValueError(f"{len(self.names)} names for {len(self.marginals)} marginals")

    def quantile(self, u: FloatArray) -> FloatArray:
        """Unit-cube points (..., parameter) to parameters (..., parameter)."""
        u = np.asarray(u)
        return np.stack([m.quantile(u[..., i]) for i, m in enumerate(self.marginals)], axis=-1)

    def log_prob(self, x: FloatArray) -> FloatArray:
        """Log density at the parameters `x` of shape (..., parameter); shape (...)."""
        x = np.asarray(x)
        return np.sum([m.log_prob(x[..., i]) for i, m in enumerate(self.marginals)], axis=0)
