"""Coverage of the lenses of a catalogue, if their true parameters are known.

A catalogue of simulated stamps gives for each lens the share of its posterior below the truth, its rank (Talts et al. 2018, section 4). The
smallest central interval that contains the truth then has credibility |2 rank - 1|, which is uniform over the lenses if the posteriors are
right: the share of lenses below a level is that level, with the scatter of a binomial count. Lenses of the network and refined lenses are
judged separately. Which lenses are refined depends on their posteriors, so neither share is that of all lenses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from lenssbi.calibration.scores import LEVELS, claimed, half_width

METHODS = ("network", "refined")
FEWEST = 10  # smallest number of lenses for which a share is given
BAND = LEVELS["0.955"]  # probability of the interval of the binomial counts of a perfect posterior
GRID = np.linspace(0.02, 0.98, 49)


class Parameter(Protocol):
    """Columns of one parameter of a catalogue."""

    @property
    def name(self) -> str:
        """Name of the parameter."""
        ...

    @property
    def title(self) -> str:
        """Name in tables and figures."""
        ...

    @property
    def unit(self) -> str:
        """Unit of the parameter."""
        ...

    @property
    def rank(self) -> NDArray[np.float64]:
        """Share of each posterior below the truth, shape (lens,), NaN if the truth is unknown."""
        ...

    def difference(self) -> NDArray[np.float64]:
        """Median minus truth, shape (lens,)."""
        ...


class Share(NamedTuple):
    """Share [per cent] of truths inside intervals of one level; low and high limit the scatter of a perfect posterior."""

    share: float
    low: float
    high: float

    @property
    def inside(self) -> bool:
        """Whether the share is within the scatter of a perfect posterior."""
        return self.low <= self.share <= self.high


class Judged(NamedTuple):
    """Errors and coverage of one parameter by one method.

    Parameters
    ----------
    lenses
        Number of lenses with a known truth.
    bias, error
        Median, and half the 68 per cent interval, of median minus truth.
    shares
        Shares of the truths inside the intervals of each of `LEVELS`.
    curve
        Share minus level at `GRID`, in points, shape (level,).
    """

    parameter: str
    title: str
    unit: str
    lenses: int
    bias: float
    error: float
    shares: tuple[Share, ...]
    curve: NDArray[np.float64]


class Coverage(NamedTuple):
    """Coverage by one method: its parameters, and the band [points] of a perfect posterior of as many lenses at `GRID`."""

    method: str
    judged: tuple[Judged, ...]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def coverages(methods: Sequence[str], parameters: Sequence[Parameter]) -> list[Coverage]:
    """Coverage by every method that has lenses with a known truth.

    Parameters
    ----------
    methods
        Method of each lens.
    parameters
        Columns of the catalogue.
    """
    found = []
    for method in METHODS:
        mine = np.array([one == method for one in methods], bool)
        judged = tuple(_judged(parameter, mine & np.isfinite(parameter.rank)) for parameter in parameters)
        judged = tuple(one for one in judged if one.lenses >= FEWEST)
        if judged:
            low, high = _band(GRID, max(one.lenses for one in judged))
            found.append(Coverage(method, judged, low - 100 * GRID, high - 100 * GRID))
    return found


def _judged(parameter: Parameter, mine: NDArray[np.bool_]) -> Judged:
    levels = claimed(parameter.rank[mine])
    apart = parameter.difference()[mine]
    return Judged(
        parameter.name,
        parameter.title,
        parameter.unit,
        int(mine.sum()),
        float(np.median(apart)) if mine.any() else np.nan,
        half_width(apart) if mine.any() else np.nan,
        tuple(_share(levels, level) for level in LEVELS.values()),
        100 * (np.searchsorted(np.sort(levels), GRID) / max(levels.size, 1) - GRID),
    )


def _share(claimed: NDArray[np.float64], level: float) -> Share:
    low, high = _band(np.array([level]), claimed.size)
    share = 100 * np.mean(claimed < level) if claimed.size else np.nan
    return Share(float(share), float(low[0]), float(high[0]))


def _band(levels: NDArray[np.float64], count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Central interval of probability `BAND` of the share [per cent] for `count` lenses with perfect posteriors."""
    low, high = binom.interval(BAND, max(count, 1), levels)
    return 100 * low / max(count, 1), 100 * high / max(count, 1)
