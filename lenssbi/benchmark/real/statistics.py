"""Differences of network and fit from the published values, over the stamps of one kind.

    bias      median of ours minus published
    rms       root mean square of the same
    NMAD      1.4826 times the median distance from the bias: the scatter, outliers aside
    R^2       1 - sum (ours - published)^2 / sum (published - mean of published)^2
    outliers  share of radii that are off by more than a fraction of the published one
    pull      root mean square of (ours - published) / sqrt(sum of both variances): 1 if both errors are right
    within    share of stamps within 2 of these combined sigma

Intervals are 68.3 per cent intervals of the bootstrap over stamps; for shares of none or all they are Wilson's. For fewer than `FEWEST`
stamps there are no intervals, NMAD and R^2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lenssbi.benchmark.comparison.bootstrap import Row, draws, nothing, share, with_ends
from lenssbi.benchmark.real.compare import COMPARED, EFFECTIVE, EINSTEIN, RADIUS, StampComparison
from lenssbi.benchmark.real.config import Method, RealConfig
from lenssbi.benchmark.real.published import KINDS
from lenssbi.calibration.scores import nmad, rms

FEWEST = 3  # stamps required for an interval or a correlation
OF_SEVERAL = ("nmad", "r2")
SIGMAS = 2.0
RADII = (RADIUS, EFFECTIVE)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Pairs:
    """Our and published values of some stamps with their errors, each of shape (..., stamp)."""

    ours: Floats
    sigma: Floats
    published: Floats
    published_sigma: Floats

    def of(self, rows: NDArray[np.int_]) -> Pairs:
        """Stamps by index, of any shape."""
        return Pairs(self.ours[rows], self.sigma[rows], self.published[rows], self.published_sigma[rows])

    @property
    def away(self) -> Floats:
        """Ours minus published."""
        return self.ours - self.published

    @property
    def pulls(self) -> Floats:
        """The same over the combined error."""
        return self.away / np.hypot(self.sigma, self.published_sigma)


def bias(pairs: Pairs) -> Floats:
    """Median difference, over the last axis like all of these statistics."""
    return np.asarray(np.median(pairs.away, axis=-1))


def r_squared(pairs: Pairs) -> Floats:
    """Coefficient of determination; NaN if all published values are the same."""
    spread = np.sum((pairs.published - pairs.published.mean(axis=-1, keepdims=True)) ** 2, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(spread > 0, 1 - np.sum(pairs.away**2, axis=-1) / spread, np.nan)


STATISTICS: dict[str, Callable[[Pairs], Floats]] = {
    "bias": bias,
    "rms": lambda pairs: rms(pairs.away),
    "nmad": lambda pairs: nmad(pairs.away),
    "r2": r_squared,
    "pull": lambda pairs: rms(pairs.pulls),
}


def summary_rows(stamps: Sequence[StampComparison], config: RealConfig) -> Iterator[Row]:
    """A row for each kind of stamps, method and parameter that was published of one of them; one of counts if nothing was."""
    for kind in KINDS:
        those = [stamp for stamp in stamps if stamp.published.kind == kind]
        names = [name for name in COMPARED if _was_published(name, those)]
        for method in config.methods if those else ():
            answered = [stamp for stamp in those if stamp.answers[method].values]
            counts = {"stamps": len(those), "answered": len(answered)}
            counts["flagged"] = sum(stamp.answers[method].flagged for stamp in those)
            for name in names or [""]:
                yield {
                    "kind": kind,
                    "method": method,
                    **_parameter(name, those),
                    **counts,
                    **_numbers(those, method, name, config),
                }


def _was_published(name: str, stamps: Sequence[StampComparison]) -> bool:
    """Whether a parameter is a row of its own: the effective radius is `radius` already if nothing else was published."""
    if name == RADIUS:
        return any(stamp.quantity for stamp in stamps)
    known = any(name in stamp.published.values for stamp in stamps)
    return known and (name != EFFECTIVE or any(stamp.quantity == EINSTEIN for stamp in stamps))


def _parameter(name: str, stamps: Sequence[StampComparison]) -> Row:
    quantities = sorted({stamp.quantity for stamp in stamps} - {""}) if name == RADIUS else [name]
    return {"parameter": name, "quantity": " ".join(quantities), "unit": COMPARED.get(name, "")}


def _numbers(stamps: Sequence[StampComparison], method: Method, name: str, config: RealConfig) -> Row:
    found = [pair for stamp in stamps if (pair := stamp.pair(method, name)) is not None]
    row: Row = {"compared": len(found), "error": None, "reason": ""}
    for statistic in (*STATISTICS, "outliers", "within"):
        row |= nothing(statistic)
    if not found:
        return row | {"reason": "nothing to compare"}
    pairs = Pairs(*(np.array(column) for column in zip(*((*ours, *theirs) for ours, theirs in found), strict=True)))
    row["error"] = float(np.median(pairs.sigma))
    for statistic, function in STATISTICS.items():
        row |= _with_interval(statistic, function, pairs, config)
    row |= share(np.abs(pairs.pulls) < SIGMAS, config, "within", "within_")
    if name in RADII:
        row |= share(np.abs(pairs.away) > config.outlier * pairs.published, config, "outliers", "outliers_")
    return row


def _with_interval(name: str, function: Callable[[Pairs], Floats], pairs: Pairs, config: RealConfig) -> Row:
    count, value = len(pairs.ours), float(function(pairs))
    if not np.isfinite(value) or (count < FEWEST and name in OF_SEVERAL):
        return nothing(name)
    if count < FEWEST:
        return nothing(name) | {name: value}
    drawn = function(pairs.of(draws(count, config)))
    return with_ends(name, value, drawn[np.isfinite(drawn)])
