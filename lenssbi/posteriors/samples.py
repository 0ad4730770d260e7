"""Weighted posterior draws with names and units.

A posterior is a table of draws, shape (draw, parameter), and a weight for each. Quantiles are those of the weighted
empirical distribution; the effective sample size is Kish's,

    n_eff = (sum w)^2 / sum w^2.

A position angle lives on a circle of 180 degrees. Its summary is taken about the weighted circular mean: the draws are
moved to within 90 degrees of it, the quantiles are linear there, the median is brought back to [0, 180), and the lower
and upper limits stay on either side of the median, so they may lie below 0 or above 180.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lenssbi.parameters import axis_ratio, position_angle
from lenssbi.status import InputError

if TYPE_CHECKING:
    from pandas import DataFrame

    from lenssbi.posteriors.mixtures import DiagonalMixture

PERIODS = {"phi": 180.0}  # name -> period in the unit of that column
QUANTILES = (0.16, 0.5, 0.84)


class Summary(NamedTuple):
    """Summary of a one-dimensional posterior, all in ``unit``."""

    median: float
    lower: float
    upper: float
    mean: float
    sigma: float
    unit: str

    def as_json(self) -> dict[str, float | str]:
        """The four entries that ``--json`` prints for a parameter."""
        return {"median": self.median, "lower": self.lower, "upper": self.upper, "unit": self.unit}


@dataclass(frozen=True)
class Samples:
    """Posterior draws.

    Parameters
    ----------
    values
        Draws in physical units, shape (draw, parameter).
    names, units
        Name and unit of each column; a dimensionless column has the unit "".
    log_weights
        Natural log of each draw's weight, any normalisation, shape (draw,); None for equal weights.
    log_evidence
        Natural log of the evidence, if a sampler computed it.
    info
        Further information for readers of the file, serialisable as JSON.
    """

    values: np.ndarray
    names: tuple[str, ...]
    units: tuple[str, ...]
    log_weights: np.ndarray | None = None
    log_evidence: float | None = None
    info: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        values = np.ascontiguousarray(self.values, dtype=float)  # BLAS rounds transposed arrays in its own way
        if values.ndim != 2 or len(values) == 0:
            raise ValueError(f"Samples needs values of shape (draw, parameter), got {values.shape}")
        if not values.shape[1] == len(self.names) == len(self.units):
            raise ValueError(f"{values.shape[1]} columns, {len(self.names)} names, {len(self.units)} units")
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "units", tuple(self.units))
        if self.log_weights is None:
            return
        log_weights = np.asarray(self.log_weights, dtype=float)
        if log_weights.shape != (len(values),):
            raise ValueError(f"log_weights has shape {log_weights.shape}, expected {(len(values),)}")
        if not np.isfinite(log_weights.max()):
            raise ValueError("no draw has a finite, non-zero weight")
        object.__setattr__(self, "log_weights", log_weights)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def weights(self) -> np.ndarray:
        """Weights that add up to 1, shape (draw,)."""
        if self.log_weights is None:
            return np.full(len(self), 1.0 / len(self))
        weights = np.exp(self.log_weights - self.log_weights.max())
        return weights / weights.sum()

    @property
    def n_eff(self) -> float:
        """Kish's effective sample size."""
        return float(1.0 / np.sum(self.weights**2))

    def column(self, name: str) -> np.ndarray:
        """Draws of one parameter, shape (draw,)."""
        return self.values[:, self.names.index(name)]

    def unit(self, name: str) -> str:
        """Unit of one parameter."""
        return self.units[self.names.index(name)]

    def summary(self) -> dict[str, Summary]:
        """Median, 16th and 84th percentile, mean and standard deviation of every column."""
        weights = self.weights
        columns = zip(self.names, self.units, self.values.T, strict=True)
        return {name: _summarise(values, weights, unit, PERIODS.get(name)) for name, unit, values in columns}

    def share_below(self, name: str, value: float) -> float:
        """Share of the posterior below a value; the circle of an angle is cut opposite to the posterior's circular mean."""
        draws, weights, period = self.column(name), self.weights, PERIODS.get(name)
        if period is not None:
            centre = _circular_mean(draws, weights, period)
            draws, value = _within_half_a_turn(draws, centre, period), _within_half_a_turn(value, centre, period)
        return float(weights[draws < value].sum())

    def covariance(self) -> np.ndarray:
        """Weighted covariance, shape (parameter, parameter)."""
        return np.atleast_2d(np.cov(self.values, rowvar=False, aweights=self.weights, ddof=0))

    def derived(self) -> Samples:
        """The same draws with ``q`` and ``phi`` [deg] appended if ``e1`` and ``e2`` are present."""
        if not {"e1", "e2"} <= set(self.names) or "q" in self.names:
            return self
        extra = derive_ellipse(self.column("e1"), self.column("e2"))
        values = np.concatenate([self.values, np.stack([extra["q"], extra["phi"]], axis=1)], axis=1)
        return replace(self, values=values, names=(*self.names, "q", "phi"), units=(*self.units, "", "deg"))

    def select(self, names: tuple[str, ...]) -> Samples:
        """The columns of these names, in this order."""
        columns = [self.names.index(name) for name in names]
        return replace(self, values=self.values[:, columns], names=names, units=tuple(self.units[i] for i in columns))

    def reweighted(self, log_factor: np.ndarray, **changes: Any) -> Samples:
        """The draws with each weight multiplied by ``exp(log_factor)``, shape (draw,)."""
        old = np.zeros(len(self)) if self.log_weights is None else self.log_weights
        return replace(self, log_weights=old + log_factor, **changes)

    def resample(self, count: int, rng: np.random.Generator) -> Samples:
        """Equally weighted draws, taken in proportion to the weights (repeats included)."""
        rows = rng.choice(len(self), size=count, p=self.weights)
        return replace(self, values=self.values[rows], log_weights=None)

    def equal_weights(self, seed: int = 0) -> Samples:
        """Draws of equal weight, as many as the effective number, resampled systematically; unchanged if their weights are equal.

        Parameters
        ----------
        seed
            Seed of the one random number that is drawn.
        """
        if self.log_weights is None or np.ptp(self.log_weights) == 0:
            return replace(self, log_weights=None)
        rows = systematic(self.weights, round(self.n_eff), seed)
        return replace(self, values=self.values[rows], log_weights=None)

    def to_dataframe(self, seed: int = 0) -> DataFrame:
        """Draws of equal weight as a pandas DataFrame, a column for each parameter, q and phi [deg] among them.

        Parameters
        ----------
        seed
            Seed of `equal_weights`.

        Raises
        ------
        InputError
            If pandas is not installed.
        """
        try:
            from pandas import DataFrame
        except ImportError:
            raise InputError("a DataFrame needs pandas: pip install pandas") from None
        draws = self.equal_weights(seed).derived()
        return DataFrame(draws.values, columns=list(draws.names))

    def save(
        self,
        path: str | Path,
        *,
        with_prior: Samples | None = None,
        learned: DiagonalMixture | None = None,
        network: DiagonalMixture | None = None,
    ) -> None:
        """Write the posterior file; see :mod:`lenssbi.posteriors.hdf5`."""
        from lenssbi.posteriors.writing import save_samples

        save_samples(path, self, with_prior=with_prior, learned=learned, network=network)


def systematic(weights: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Rows of `count` draws, at least one, taken in proportion to `weights` (draw,), which add up to 1; in ascending order.

    With one random number u, draw i is taken as often as the places (u + j) / count, j = 0 ... count - 1, fall into its part of the
    cumulative weights: count w_i times rounded down or up (Kitagawa 1996; Douc, Cappe & Moulines 2005).

    Examples
    --------
    >>> systematic(np.array([0.5, 0.25, 0.25]), 4, seed=1).tolist()
    [0, 0, 1, 2]
    """
    count = max(1, count)
    places = (np.random.default_rng(seed).random() + np.arange(count)) / count
    rows = np.searchsorted(np.cumsum(weights), places, side="right")
    return np.minimum(rows, np.flatnonzero(weights)[-1])  # the weights may add up to a little less than 1


def derive_ellipse(e1: np.ndarray, e2: np.ndarray) -> dict[str, np.ndarray]:
    """Axis ratio ``q`` and position angle ``phi`` [deg, 0 to 180] of ellipticities (1-q^2)/(1+q^2) exp(2 i phi)."""
    e = np.asarray(e1, dtype=float) + 1j * np.asarray(e2, dtype=float)
    return {"q": axis_ratio(e), "phi": np.degrees(position_angle(e))}


def _summarise(values: np.ndarray, weights: np.ndarray, unit: str, period: float | None) -> Summary:
    used = weights > 0  # a draw of no weight may have any value, even infinity
    values, weights = values[used], weights[used]
    if period is not None:
        values = _within_half_a_turn(values, _circular_mean(values, weights, period), period)
    lower, median, upper = weighted_quantiles(values, weights, QUANTILES)
    mean = np.sum(weights * values)
    sigma = np.sqrt(np.sum(weights * (values - mean) ** 2))
    turn = 0.0 if period is None else np.floor(median / period) * period
    median, lower, upper, mean = (float(place - turn) for place in (median, lower, upper, mean))
    return Summary(median, lower, upper, mean, float(sigma), unit)


def _circular_mean(values: np.ndarray, weights: np.ndarray, period: float) -> float:
    turn = 2.0 * np.pi / period
    return float(np.angle(np.sum(weights * np.exp(1j * turn * values))) / turn)


def _within_half_a_turn(values: Any, centre: float, period: float) -> Any:
    return centre + (values - centre + 0.5 * period) % period - 0.5 * period


def weighted_quantiles(values: np.ndarray, weights: np.ndarray, levels: tuple[float, ...]) -> np.ndarray:
    """Quantiles of the weighted empirical distribution.

    Parameters
    ----------
    values, weights
        Draws and their non-negative weights, shape (draw,).
    levels
        Probabilities between 0 and 1.

    Returns
    -------
    numpy.ndarray
        Shape (level,); the distribution function steps by half a weight on each side of a draw and is linear between.
    """
    if weights.min() == weights.max():  # as for all of a network's draws: their order among equals does not matter
        ordered, sorted_weights = np.sort(values), weights
    else:
        order = np.argsort(values, kind="stable")
        ordered, sorted_weights = values[order], weights[order]
    cumulative = np.cumsum(sorted_weights) - 0.5 * sorted_weights
    return np.interp(levels, cumulative / sorted_weights.sum(), ordered)
