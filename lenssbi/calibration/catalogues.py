"""Can the errors be believed: how often the truth lies inside, where the catalogue knows it.

A catalogue of simulated stamps gives for each lens the share of its posterior below the truth, its rank (Talts et al. 2018, section 4). The
smallest central interval that holds the truth then has credibility |2 rank - 1|, which is uniform over the lenses if the posteriors are
right: the share of lenses below a level is that level, with the scatter of a binomial count. Lenses of the network and refined ones are
judged apart. Which lenses are refined depends on their posteriors, so neither share is that of all lenses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from lenssbi.calibration.scores import LEVELS, claimed, half_width

METHODS = ("network", "refined")
FEWEST = 10  # lenses that a share is said of
BAND = LEVELS["0.955"]  # of the binomial counts of a perfect posterior
GRID = np.linspace(0.02, 0.98, 49)


class Parameter(Protocol):
    """Columns of one parameter of a catalogue."""

    @property
    def name(self) -> str:
        """Name of the parameter."""
        ...

    @property
    def title(self) -> str:
        """Name for people."""
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
    """Share [per cent] of truths inside intervals of one level; low and high bound what a perfect posterior scatters by."""

    share: float
    low: float
    high: float

    @property
    def inside(self) -> bool:
        """Whether a perfect posterior would show it."""
        return self.low <= self.share <= self.high


class Judged(NamedTuple):
    """How one method did on one parameter.

    Parameters
    ----------
    lenses
        Of known truth.
    bias, error
        Median, and half the 68 per cent interval, of median minus truth.
    shares
        Of each of `LEVELS`.
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
    """One method: its parameters, and the band [points] of a perfect posterior at `GRID`, for as many lenses as it has."""

    method: str
    judged: tuple[Judged, ...]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def coverages(methods: Sequence[str], parameters: Sequence[Parameter]) -> list[Coverage]:
    """Every method that has lenses of known truth.

    Parameters
    ----------
    methods
        Of each lens.
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
    """Central interval of probability `BAND` of the share [per cent] that `count` lenses of a perfect posterior show."""
    low, high = binom.interval(BAND, max(count, 1), levels)
    return 100 * low / max(count, 1), 100 * high / max(count, 1)
