"""Errors as the paper defines them: half the 68 per cent interval of predicted minus true, orientations wrapped.

A row of the table is one parameter of one method row and suite, for all lenses or some of them: bins of signal to noise and of
einstein_radius, doubles and the others, since the errors of doubles were found to be 2.1 (einstein_radius) and 1.9 (q) times those of the
others (Pearson et al. 2021, section 5.3). A combination without results is also a row, without numbers and with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lenssbi.benchmark.comparison.bootstrap import (
    Floats,
    Row,
    draws,
    judged,
    nothing,
    ratio,
    with_ends,
)
from lenssbi.benchmark.config import JUDGED
from lenssbi.benchmark.plan import ComparisonPlan
from lenssbi.benchmark.runners.point_estimates import Lenses, PointEstimates
from lenssbi.calibration.scores import half_width, half_widths

ALL, DOUBLES, OTHERS = "all", "doubles", "others"
TWO = 2  # images of a double


class LensGroup(NamedTuple):
    """Some lenses of a suite: name, common property with its range, and a mask of shape (lens,)."""

    name: str
    of: str
    low: float | None
    high: float | None
    rows: NDArray[np.bool_]

    def as_row(self) -> Row:
        """Its columns."""
        return {"split": self.name, "property": self.of, "bin_low": self.low, "bin_high": self.high}


def parts(lenses: Lenses, plan: ComparisonPlan) -> list[LensGroup]:
    """All lenses of a suite, doubles and others, and the bins that are not empty."""
    double = lenses.multiplicity == TWO
    several = np.isfinite(lenses.multiplicity) & ~double
    found = [LensGroup(ALL, ALL, None, None, np.ones(len(lenses), dtype=bool))]
    found += [LensGroup(DOUBLES, "multiplicity", 2, 2, double), LensGroup(OTHERS, "multiplicity", 3, None, several)]
    for name, values, edges in (
        ("S/N", lenses.snr, plan.snr),
        ("einstein_radius", lenses.einstein_radius, plan.einstein_radius),
    ):
        ends = (None, *edges, None)
        for low, high in pairwise(ends):
            rows = (values >= (0.0 if low is None else low)) & (values < (np.inf if high is None else high))
            found.append(LensGroup(f"{name} {_range(low, high)}", name, low, high, rows))
    return [part for part in found if part.rows.any()]


@dataclass(frozen=True)
class ErrorCells:
    """The errors of one row for one suite.

    Parameters
    ----------
    plan, lenses
        Configuration of the comparison, and the lenses of the suite.
    points, baseline
        Estimates of the row and of the baseline; None if there are none.
    """

    plan: ComparisonPlan
    lenses: Lenses
    points: PointEstimates
    baseline: PointEstimates | None

    def rows(self, parameter: str) -> Iterator[Row]:
        """The rows of a parameter."""
        if parameter not in self.points.names:
            reason = f"{self.points.method} does not infer it"
            yield missing(self.plan, self.points.suite, self.points.row, parameter, reason)
            return
        for part in parts(self.lenses, self.plan):
            yield {**part.as_row(), **self.numbers(parameter, part)}

    def numbers(self, parameter: str, part: LensGroup) -> Row:
        """The figures of a parameter of some lenses."""
        inside = part.rows[self.points.lens]
        away, count = self.points.difference(parameter)[inside], int(inside.sum())
        fewest = 2 if part.name == ALL else max(2, self.plan.fewest)
        paper = published(self.plan, self.points.suite, self.points.row, parameter) if part.name == ALL else {}
        if count < fewest:
            return {**empty(), **paper, "lenses": count, "reason": f"fewer than {fewest} lenses"}
        drawn = away[draws(count, self.plan)]
        error, spread = half_width(away), half_widths(drawn)
        row = {**empty(), **paper, "lenses": count, **with_ends("error", error, spread, "")}
        row |= with_ends("bias", float(np.median(away)), np.median(drawn, axis=1))
        row |= self.of_baseline(parameter, part)
        if part.name == DOUBLES:
            row |= self.of_others(parameter, part, (error, spread))
        if row["paper"] is not None:
            row |= with_ends("of_paper", error / row["paper"], spread / row["paper"])
        return row | judged(row, row["wanted"], "error")

    def of_baseline(self, parameter: str, part: LensGroup) -> Row:
        """Relative to the error of the baseline, of the lenses that both have."""
        other = self.baseline
        if other is None or parameter not in other.names:
            return {**nothing("of_baseline"), "pairs": 0}
        one, two = paired(self.points.lens, other.lens, part.rows)
        if len(one) < (2 if part.name == ALL else max(2, self.plan.fewest)):
            return {**nothing("of_baseline"), "pairs": len(one)}
        drawn = draws(len(one), self.plan)
        both = [who.difference(parameter)[rows] for who, rows in ((self.points, one), (other, two))]
        over, under = ((half_width(away), half_widths(away[drawn])) for away in both)
        return {**ratio("of_baseline", over, under), "pairs": len(one)}

    def of_others(self, parameter: str, part: LensGroup, doubles: tuple[float, Floats]) -> Row:
        """The error of doubles relative to that of the other images."""
        others = np.isfinite(self.lenses.multiplicity) & ~part.rows
        away = self.points.difference(parameter)[others[self.points.lens]]
        if len(away) < max(2, self.plan.fewest):
            return nothing("of_others")
        drawn = away[draws(len(away), self.plan)]
        return ratio("of_others", doubles, (half_width(away), half_widths(drawn)))


def empty() -> Row:
    """The figures of an empty cell."""
    row: Row = {"lenses": 0, **nothing("error", ""), **nothing("bias"), "paper": None, **nothing("of_paper")}
    row |= {"wanted": None, "met": None, "decided": None, **nothing("of_baseline"), "pairs": 0, **nothing("of_others")}
    return row | {"reason": ""}


def published(plan: ComparisonPlan, suite: str, row: str, parameter: str) -> Row:
    """The paper's error and the target."""
    number = {str(name): value for name, value in plan.paper(suite, row).items()}.get(parameter)
    return {"paper": number, "wanted": None if number is None else number * plan.share(suite, row)}


def missing(plan: ComparisonPlan, suite: str, row: str, parameter: str, reason: str) -> Row:
    """A row without results."""
    everything = {"split": ALL, "property": ALL, "bin_low": None, "bin_high": None}
    return {**everything, **empty(), **published(plan, suite, row, parameter), "reason": reason}


def error_rows(
    plan: ComparisonPlan,
    lenses: Mapping[str, Lenses],
    points: Mapping[tuple[str, str], PointEstimates],
    reasons: Mapping[tuple[str, str], str],
) -> Iterator[Row]:
    """The whole table.

    Parameters
    ----------
    plan
        Configuration of the comparison.
    lenses
        Suite -> its lenses; a suite that could not be made is missing.
    points
        (suite, row) -> estimates of the row; missing if there are none.
    reasons
        (suite, row) -> reason why there are none.
    """
    for suite in plan.suites:
        known = lenses[suite].names if suite in lenses else ()
        parameters = [name for name in JUDGED if name in known or name in _in_paper(plan, suite)]
        for row in plan.rows:
            found = points.get((suite, row))
            identity = {
                "table": plan.table(suite),
                "suite": suite,
                "row": row,
                "method": found.method if found else None,
            }
            for parameter in parameters:
                what = {**identity, "parameter": parameter, "unit": JUDGED[parameter]}
                if found is None:
                    yield {**what, **missing(plan, suite, row, parameter, reasons.get((suite, row), ""))}
                else:
                    cells = ErrorCells(plan, lenses[suite], found, points.get((suite, plan.baseline)))
                    yield from ({**what, **one} for one in cells.rows(parameter))


def paired(
    one: NDArray[np.int_], two: NDArray[np.int_], inside: NDArray[np.bool_]
) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Indices in each of the common lenses, among those inside."""
    _, first, second = np.intersect1d(one, two, return_indices=True)
    kept = inside[one[first]]
    return first[kept], second[kept]


def _in_paper(plan: ComparisonPlan, suite: str) -> set[str]:
    return {str(name) for row in plan.published.get(suite, {}).values() for name in row}


def _range(low: float | None, high: float | None) -> str:
    return f"below {high:g}" if low is None else f"{low:g}+" if high is None else f"{low:g}-{high:g}"
