"""Bootstrap over the lenses of a suite: the scatter of every figure of the comparison.

Intervals are the central 68.3 per cent of the resamples (Efron & Tibshirani 1993, section 13.3). Two rows that are compared are
resampled together, lens by lens, because their errors are correlated. A share of none or of all of the lenses does not scatter in
the resamples; it has Wilson's interval.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lenssbi.calibration.scores import interval, resampled, wilson

Floats = NDArray[np.float64]
Row = dict[str, Any]


class Resampling(Protocol):
    """Number of resamples, and the seed."""

    @property
    def resamples(self) -> int: ...
    @property
    def seed(self) -> int: ...


def draws(count: int, plan: Resampling) -> NDArray[np.int_]:
    """Indices of the lenses of each draw, shape (draw, lens); the same for the same number of lenses."""
    return resampled(count, plan.resamples, plan.seed)


def with_ends(name: str, value: float, drawn: Floats, ends: str | None = None) -> Row:
    """A figure and the ends of its interval, as columns; the ends are called low and high with `ends`, or the name, before."""
    before = f"{name}_" if ends is None else ends
    low, high = interval(drawn)
    return {name: float(value), f"{before}low": low, f"{before}high": high}


def ratio(name: str, over: tuple[float, Floats], under: tuple[float, Floats]) -> Row:
    """The ratio of two (figure, draws), as columns; None if the second is zero or its draws contain zeros."""
    if not np.all(np.append(under[1], under[0]) > 0):
        return nothing(name)
    return with_ends(name, over[0] / under[0], over[1] / under[1])


def share(inside: NDArray[Any], plan: Resampling, name: str = "share", ends: str = "") -> Row:
    """The share of True values, as columns.

    Parameters
    ----------
    inside
        Values of the lenses, shape (lens,), or several of each lens, shape (lens, value), which are resampled together.
    plan
        Number of resamples and seed.
    name, ends
        Name of the columns of the share and prefix of those of its ends.
    """
    each = np.asarray(inside, dtype=float).reshape(len(inside), -1).mean(axis=1)
    value = float(each.mean())
    if value in (0.0, 1.0):
        low, high = wilson(value, len(each))
        return {name: value, f"{ends}low": low, f"{ends}high": high}
    return with_ends(name, value, each[draws(len(each), plan)].mean(axis=1), ends)


def nothing(name: str, ends: str | None = None) -> Row:
    """The columns of `with_ends` for a missing figure."""
    before = f"{name}_" if ends is None else ends
    return dict.fromkeys((name, f"{before}low", f"{before}high"))


def judged(row: Row, wanted: float | None, name: str, ends: str = "") -> Row:
    """Whether a figure is at most the target, and whether its whole interval is on one side: columns `met` and `decided`."""
    if wanted is None or row[name] is None:
        return {"met": None, "decided": None}
    met = bool(row[name] <= wanted)
    end = row[f"{ends}high"] if met else row[f"{ends}low"]
    return {"met": met, "decided": bool(end <= wanted) is met}
