"""Priors over the parameters of a fit, as maps of the unit cube built from independent blocks.

Most parameters are independent of each other. The ellipticity is not a product of intervals: a population uniform in
axis ratio q and position angle phi fills a disc of the (e1, e2) plane with the density

    p(e1, e2) = p(q) p(phi) |d(q, phi) / d(e1, e2)| = p(q) p(phi) (1 + q^2)^2 / (8 q |e|),    |e| = (1 - q^2) / (1 + q^2).

The map of the unit square onto a full disc is the concentric one (Shirley & Chiu 1997): it has no seam where phi wraps
and keeps round lenses, which lie at its centre, in one piece; a sampler that draws bounds around points needs both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.parameters import Marginal, axis_ratio, ellipticity, position_angle, wrap_angle


class Block(Protocol):
    """The prior of one or several parameters; ``names`` are theirs."""

    @property
    def names(self) -> tuple[str, ...]:
        """Parameters, in order."""
        ...

    def quantile(self, u: FloatArray) -> FloatArray:
        """Unit cube (..., parameter) to parameters (..., parameter)."""
        ...

    def log_prob(self, x: FloatArray) -> FloatArray:
        """Log density at (..., parameter), shape (...)."""
        ...


@dataclass(frozen=True)
class JointPrior:
    """Independent blocks, one after the other."""

    blocks: tuple[Block, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All parameters, in order."""
        return tuple(name for block in self.blocks for name in block.names)

    def quantile(self, u: FloatArray) -> FloatArray:
        """Unit cube (..., parameter) to parameters (..., parameter)."""
        return np.concatenate([b.quantile(part) for b, part in self._parts(u)], axis=-1)

    def log_prob(self, x: FloatArray) -> FloatArray:
        """Log density at (..., parameter), shape (...)."""
        return np.sum([b.log_prob(part) for b, part in self._parts(x)], axis=0)

    def _parts(self, x: FloatArray) -> list[tuple[Block, FloatArray]]:
        ends = np.cumsum([len(block.names) for block in self.blocks])
        return list(zip(self.blocks, np.split(np.asarray(x, dtype=float), ends[:-1], axis=-1), strict=True))


@dataclass(frozen=True)
class Single:
    """One parameter."""

    name: str
    marginal: Marginal

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name,)

    def quantile(self, u: FloatArray) -> FloatArray:
        return self.marginal.quantile(u)

    def log_prob(self, x: FloatArray) -> FloatArray:
        return self.marginal.log_prob(x)[..., 0]


@dataclass(frozen=True)
class Ellipse:
    """``e1`` and ``e2`` of a lens uniform in axis ratio and position angle.

    Parameters
    ----------
    q_low, q_high
        Range of the axis ratio.
    phi, half_width
        Middle and half-width of the range of the position angle [rad]; all angles by default.
    """

    q_low: float
    q_high: float = 1.0
    phi: float = 0.0
    half_width: float = np.pi / 2

    names = ("e1", "e2")

    def __post_init__(self) -> None:
        if not 0 < self.q_low < self.q_high <= 1:
            raise ValueError(f"Ellipse needs 0 < q_low < q_high <= 1, got [{self.q_low}, {self.q_high}]")
        if not 0 < self.half_width <= np.pi / 2:
            raise ValueError(f"Ellipse needs a half_width between 0 and pi/2, got {self.half_width}")

    def quantile(self, u: FloatArray) -> FloatArray:
        is_disc = self.half_width == np.pi / 2 and self.q_high == 1
        roundness, angle = _concentric(u) if is_disc else (u[..., 0], 2 * u[..., 1] - 1)
        q = self.q_low + (self.q_high - self.q_low) * roundness
        e = ellipticity(q, self.phi + self.half_width * angle)
        return np.stack([e.real, e.imag], axis=-1)

    def log_prob(self, x: FloatArray) -> FloatArray:
        e = x[..., 0] + 1j * x[..., 1]
        q, turn = axis_ratio(e), wrap_angle(position_angle(e) - self.phi)
        inside = (q >= self.q_low) & (q <= self.q_high) & (np.abs(turn) <= self.half_width) & (np.abs(e) < 1)
        q, modulus = np.where(inside, q, 0.5), np.maximum(np.abs(e), 1e-12)
        density = np.log((1 + q**2) ** 2 / (8 * q * modulus))
        return np.where(inside, density - np.log((self.q_high - self.q_low) * 2 * self.half_width), -np.inf)


def _concentric(u: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Unit square to a disc, equal areas: (1 - radius^2, angle / pi in [-1, 1]), each uniform."""
    a, b = 2 * u[..., 0] - 1, 2 * u[..., 1] - 1
    wide = np.abs(a) > np.abs(b)
    radius = np.where(wide, a, b)
    safe = np.where(radius == 0, 1.0, radius)
    octant = np.where(wide, b / safe / 4, 0.5 - a / safe / 4)  # in units of pi
    point = radius * np.exp(1j * np.pi * octant)
    return 1 - radius**2, np.angle(point) / np.pi
