"""The prior that a posterior carries (the "interim" prior of Wagner-Carena et al. 2021, ApJ 909, 187), by which it is divided.

A network's prior has no explicit form: it is the distribution of the true values that it was trained on. Training stamps are those that
passed the selection (several images, magnification, signal-to-noise), so it is p(x | selected), the truths *after* selection, and not the
distribution that they were drawn from:

    p(x | d, selected) = p(d | x, selected) p(x | selected) / p(d | selected)

Dividing by it leaves p(d | x, selected), and the population that follows is that of the lenses which pass this selection: of those in the
catalogue. Lenses that were never found are not described; for them the selection itself must be modelled (Mandel, Farr & Gair 2019,
MNRAS 486, 1086). A fit's prior is known, and dividing by it leaves p(d | x) = p(d | x, selected) p(selected | x); the
last factor is next to constant over the width of a fit's posterior.

A population of one parameter leaves the other parameters, given this one, as they were in the prior; then only the density of this
one parameter enters.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.integrate import trapezoid
from scipy.stats import gaussian_kde

from lenssbi.arrays import FloatArray
from lenssbi.parameters import Marginal
from lenssbi.population_inference.quantities import Quantity
from lenssbi.status import InputError

POINTS = 1024
FEWEST = 100  # true values; with fewer the density itself scatters by a sixth or more


class InterimPrior(Protocol):
    """A density over a quantity."""

    def log_prob(self, x: FloatArray) -> FloatArray:
        """Natural log of the density at `x`, any shape; -inf outside the support."""
        ...

    def support(self) -> tuple[float, float]:
        """Smallest and largest possible value."""
        ...


@dataclass(frozen=True)
class OnScale:
    """A prior over a parameter, as a density over its quantity."""

    marginal: Marginal
    quantity: Quantity

    def log_prob(self, x: FloatArray) -> FloatArray:
        low, high = self.support()
        inside = (np.asarray(x) >= low) & (np.asarray(x) <= high)
        values = np.clip(
            self.quantity.undo(np.clip(x, low, high)), *self.marginal.support()
        )  # the ends survive rounding
        return np.where(inside, self.marginal.log_prob(values) + self.quantity.log_stretch(x), -np.inf)

    def support(self) -> tuple[float, float]:
        low, high = self.quantity.of(np.array(self.marginal.support()))
        return float(low), float(high)


def on_scale(marginal: Marginal, quantity: Quantity) -> InterimPrior:
    """The density over `quantity` of a prior over its parameter."""
    return OnScale(marginal, quantity)


@dataclass(frozen=True)
class Tabulated:
    """A density on a grid (point,), linear between its points and zero outside."""

    x: FloatArray
    density: FloatArray

    def log_prob(self, x: FloatArray) -> FloatArray:
        found = np.interp(x, self.x, self.density, left=0.0, right=0.0)
        return np.log(found, where=found > 0, out=np.full_like(found, -np.inf))

    def support(self) -> tuple[float, float]:
        return float(self.x[0]), float(self.x[-1])


def density_of_truths(values: FloatArray, quantity: Quantity) -> InterimPrior:
    """The density of true values, estimated with Gaussian kernels that are reflected at its ends.

    Priors of lenses end abruptly (at q = 0.4, say), where a kernel would spill over; reflected it does not (Silverman 1986, section 2.10).
    The ends are the smallest and the largest truth, a spacing of the order of 1/n apart from those of the prior.

    Parameters
    ----------
    values
        True values of the parameter after selection, shape (stamp,).
    quantity
        Quantity that defines the scale.

    Raises
    ------
    InputError
        If there are fewer than `FEWEST` values, or all are the same.
    """
    x = quantity.of(np.asarray(values, dtype=float))
    x = x[np.isfinite(x)]
    if len(x) < FEWEST:
        raise InputError(
            f"{len(x)} true values of {quantity.parameter} are too few for its prior: simulate {FEWEST} stamps or more, better thousands"
        )
    low, high = float(x.min()), float(x.max())
    if not high > low:
        raise InputError(
            f"{quantity.parameter} is {values[0]:g} in all the training's stamps, so that network knows no other: use one that infers it"
        )
    kernel = gaussian_kde(x)
    grid = np.linspace(low, high, POINTS)
    density = kernel(grid) + kernel(2 * low - grid) + kernel(2 * high - grid)
    return Tabulated(grid, density / trapezoid(density, grid))


def common_support(priors: Iterable[InterimPrior], quantity: Quantity) -> tuple[float, float]:
    """Smallest and largest value of `quantity` in the support of any prior: outside it a population cannot be constrained."""
    low, high = zip(*(prior.support() for prior in priors), strict=True)
    limits = max(min(low), quantity.limits[0]), min(max(high), quantity.limits[1])
    if not np.isfinite(limits).all():
        raise ValueError(f"the prior of {quantity.name} needs an end on both sides, got {limits}")
    return limits
