"""Cost of a result: wall time, processor time and evaluations of the likelihood, lens by lens.

Medians are over all attempted lenses, including those without a posterior: one that was stopped after half an hour counts with half
an hour. Relative to the baseline they are ratios of medians over the lenses that both attempted, if both were timed as planned:
a fit by importance sampling cannot replace the times of nested sampling.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from lenssbi.benchmark.comparison.bootstrap import Row, draws, nothing, ratio, with_ends
from lenssbi.benchmark.plan import ComparisonPlan
from lenssbi.benchmark.runners.point_estimates import PointEstimates

RATIOS = {"seconds": "of_baseline", "cpu": "cpu_of_baseline", "evaluations": "evaluations_of_baseline"}
"""Column of a cost -> column of its ratio."""


def time_rows(
    plan: ComparisonPlan,
    timed: Mapping[tuple[str, str], PointEstimates],
    reasons: Mapping[tuple[str, str], str],
) -> Iterator[Row]:
    """The whole table; `timed` are (suite, row) -> the estimates with the times of the row, `reasons` as for `errors.error_rows`."""
    for suite in plan.suites:
        baseline = timed.get((suite, plan.baseline))
        for row in plan.rows:
            found = timed.get((suite, row))
            identity = {"suite": suite, "row": row, "method": None if found is None else found.method}
            if found is None:
                yield {**identity, **empty(), "reason": reasons.get((suite, row), "")}
            else:
                yield {**identity, **empty(), **_spent(plan, found), **_relative(plan, found, baseline)}


def empty() -> Row:
    """The figures of an empty row."""
    row: Row = {"lenses": 0, **nothing("seconds_50", ""), "seconds_16": None, "seconds_84": None}
    row |= {"cpu_50": None, "evaluations_50": None}
    for name in RATIOS.values():
        row |= nothing(name)
    return row | {"pairs": 0, "reason": ""}


def _spent(plan: ComparisonPlan, points: PointEstimates) -> Row:
    _, seconds = points.spent("seconds")
    if not len(seconds):
        return {"reason": "its times are not known"}
    drawn = np.median(seconds[draws(len(seconds), plan)], axis=1)
    row = {"lenses": len(seconds), **with_ends("seconds_50", float(np.median(seconds)), drawn, "")}
    row |= {f"seconds_{q}": float(np.percentile(seconds, q)) for q in (16, 84)}
    for name in ("cpu", "evaluations"):
        _, values = points.spent(name)
        row[f"{name}_50"] = float(np.median(values)) if len(values) else None
    return row


def _relative(plan: ComparisonPlan, points: PointEstimates, baseline: PointEstimates | None) -> Row:
    row: Row = {}
    if baseline is None:
        return row
    for who in (points, baseline):
        if not plan.is_timed(who.row, who.method):
            return {"reason": f"{who.row} was not timed by {' or '.join(plan.timed[who.row])} here"}
    for name, column in RATIOS.items():
        (one, over), (two, under) = points.spent(name), baseline.spent(name)
        both, first, second = np.intersect1d(one, two, return_indices=True)
        if name == "seconds":
            row["pairs"] = len(both)
        if not len(both):
            continue
        drawn = draws(len(both), plan)
        pair = [(float(np.median(v)), np.median(v[drawn], axis=1)) for v in (over[first], under[second])]
        row |= ratio(column, pair[0], pair[1])
    return row
