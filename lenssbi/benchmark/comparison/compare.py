"""All tables of the comparison, from the estimates of the methods.

`compare` selects the method for each row and suite, `tabulate` makes the tables; neither predicts or fits anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lenssbi.benchmark.comparison.bootstrap import Row
from lenssbi.benchmark.comparison.coverage import coverage_rows
from lenssbi.benchmark.comparison.errors import error_rows
from lenssbi.benchmark.comparison.failures import failure_rows
from lenssbi.benchmark.comparison.targets import target_rows
from lenssbi.benchmark.comparison.times import time_rows
from lenssbi.benchmark.plan import ComparisonPlan
from lenssbi.benchmark.runners.point_estimates import SPENT, Lenses, PointEstimates, Which


@dataclass(frozen=True)
class Comparison:
    """The paper's comparison.

    Parameters
    ----------
    plan
        Configuration of the comparison.
    tables
        "errors", "times", "coverage", "failures", "targets" and "points" -> rows, each a mapping of the same columns in the same order.
    points
        Estimates of each row for each suite, in the order of the tables; if there are none, the tables have the reason.
    timed
        Estimates of the methods that provide the times of the rows.
    lenses
        Suite -> its lenses.
    """

    plan: ComparisonPlan
    tables: Mapping[str, Sequence[Row]]
    points: Sequence[PointEstimates]
    timed: Sequence[PointEstimates]
    lenses: Mapping[str, Lenses]

    def of(self, suite: str) -> list[PointEstimates]:
        """The estimates of the rows for a suite."""
        return [points for points in self.points if points.suite == suite]


def compare(
    plan: ComparisonPlan,
    lenses: Mapping[str, Lenses],
    estimates: Mapping[Which, PointEstimates],
    statuses: Mapping[Which, str],
) -> Comparison:
    """The comparison of a run with evaluated suites.

    Parameters
    ----------
    plan
        Configuration of the comparison.
    lenses
        Suite -> its lenses.
    estimates
        (suite, method) -> estimates of the method for the suite.
    statuses
        (suite, method) -> outcome of the method on the suite.
    """
    points, timed, reasons = {}, {}, {}
    for suite in plan.suites:
        for name, row in plan.rows.items():
            methods = row.candidates(suite)
            found = estimates_for(estimates, suite, name, methods)
            if found is None:
                reasons[suite, name] = "; ".join(f"{method}: {_why(statuses, suite, method)}" for method in methods)
            else:
                points[suite, name] = found
            timed_by = estimates_for(estimates, suite, name, plan.timed.get(name, ())) or found
            if timed_by is not None:
                timed[suite, name] = timed_by
    return tabulate(plan, lenses, points, timed, reasons)


def estimates_for(
    estimates: Mapping[Which, PointEstimates], suite: str, row: str, methods: Sequence[str]
) -> PointEstimates | None:
    """Estimates of the first of the methods with results for a suite; None if there is none."""
    found = next((estimates[suite, method] for method in methods if (suite, method) in estimates), None)
    return None if found is None else replace(found, row=row)


def tabulate(
    plan: ComparisonPlan,
    lenses: Mapping[str, Lenses],
    points: Mapping[Which, PointEstimates],
    timed: Mapping[Which, PointEstimates],
    reasons: Mapping[Which, str],
) -> Comparison:
    """The tables.

    Parameters
    ----------
    plan
        Configuration of the comparison.
    lenses
        Suite -> its lenses; a suite that could not be simulated is missing.
    points, timed
        (suite, row) -> estimates of the row, and those that provide its times.
    reasons
        (suite, row) -> reason why there are none.
    """
    tables: dict[str, Sequence[Row]] = {
        "errors": list(error_rows(plan, lenses, points, reasons)),
        "times": list(time_rows(plan, timed, reasons)),
        "coverage": list(coverage_rows(plan, points, reasons)),
        "failures": list(failure_rows(plan, points, reasons)),
    }
    tables["targets"] = list(target_rows(plan, tables, points, timed))
    tables["points"] = [one for found in points.values() for one in point_rows(found, lenses[found.suite])]
    return Comparison(plan, tables, list(points.values()), list(timed.values()), lenses)


def point_rows(points: PointEstimates, lenses: Lenses) -> Iterator[Row]:
    """A row for each lens and parameter."""
    identity = {"suite": points.suite, "row": points.row, "method": points.method}
    for i, lens in enumerate(points.lens):
        true = {"snr": lenses.snr[lens], "multiplicity": lenses.multiplicity[lens]}
        spent = {key: getattr(points, key)[i] for key in SPENT}
        for name in points.names:
            values = {key: getattr(points, key)[name][i] for key in ("true", "predicted", "sigma")}
            numbers = {key: _known(value) for key, value in {**values, **true, **spent}.items()}
            flags = {"flagged": bool(points.flagged[i]), "flags": points.flags[i]}
            yield {**identity, "lens": int(lens), "parameter": name, **numbers, **flags}


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _why(statuses: Mapping[Which, str], suite: str, method: str) -> str:
    """Outcome of a method on a suite."""
    from lenssbi.benchmark.methods import WITH_PRIOR

    return statuses.get((suite, method.removesuffix(WITH_PRIOR)), "not asked")
