"""The lenses of a suite drawn again, with replacement: how far every figure of the comparison would scatter in another run.

Intervals hold the central 68.3 per cent of what the draws give (Efron & Tibshirani 1993, section 13.3). Two rows that are compared are
drawn together, lens by lens, for what is hard for one is hard for the other. A share of none or of all of the lenses does not scatter in
the draws; it has Wilson's interval.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lenssbi.calibration.scores import interval, resampled, wilson

Floats = NDArray[np.float64]
Row = dict[str, Any]


class Resampling(Protocol):
    """How often the lenses are drawn again, and the seed."""

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
    """The ratio of two (figure, draws), as columns; nothing where the second is or may be nothing."""
    if not np.all(np.append(under[1], under[0]) > 0):
        return nothing(name)
    return with_ends(name, over[0] / under[0], over[1] / under[1])


def share(inside: NDArray[Any], plan: Resampling, name: str = "share", ends: str = "") -> Row:
    """The share of what is true, as columns.

    Parameters
    ----------
    inside
        Of each lens, shape (lens,), or of several things of each lens, shape (lens, thing): these are drawn together.
    plan
        Of the draws.
    name, ends
        Of the columns.
    """
    each = np.asarray(inside, dtype=float).reshape(len(inside), -1).mean(axis=1)
    value = float(each.mean())
    if value in (0.0, 1.0):
        low, high = wilson(value, len(each))
        return {name: value, f"{ends}low": low, f"{ends}high": high}
    return with_ends(name, value, each[draws(len(each), plan)].mean(axis=1), ends)


def nothing(name: str, ends: str | None = None) -> Row:
    """The columns of `with_ends` of a figure that there is not."""
    before = f"{name}_" if ends is None else ends
    return dict.fromkeys((name, f"{before}low", f"{before}high"))


def judged(row: Row, wanted: float | None, name: str, ends: str = "") -> Row:
    """Whether a figure is at most what is wanted, and whether its interval says the same: columns `met` and `decided`."""
    if wanted is None or row[name] is None:
        return {"met": None, "decided": None}
    met = bool(row[name] <= wanted)
    end = row[f"{ends}high"] if met else row[f"{ends}low"]
    return {"met": met, "decided": bool(end <= wanted) is met}
