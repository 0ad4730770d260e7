"""Coverage of the central intervals at 68.3, 95.5 and 99.7 per cent.

Coverage is computed for each sampled parameter and for all of them together (`ALL`). Lenses that are flagged as unlike the training or the
prior (`misspecified`, `prior_conflict`) are counted, and the coverage of the others is a separate column.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lenssbi.benchmark.comparison.bootstrap import Row, nothing, share
from lenssbi.benchmark.plan import ComparisonPlan
from lenssbi.benchmark.runners.point_estimates import PointEstimates
from lenssbi.calibration.scores import LEVELS, claimed

ALL = "all"


def coverage_rows(
    plan: ComparisonPlan,
    points: Mapping[tuple[str, str], PointEstimates],
    reasons: Mapping[tuple[str, str], str],
) -> Iterator[Row]:
    """The whole table; the arguments are those of `errors.error_rows`."""
    for suite in plan.suites:
        for row in plan.rows:
            found = points.get((suite, row))
            if found is None:
                identity = {"suite": suite, "row": row, "method": None, "parameter": ALL}
                reason = reasons.get((suite, row), "")
                yield from ({**identity, **_empty(level), "reason": reason} for level in LEVELS)
            else:
                yield from _rows(plan, found)


def _rows(plan: ComparisonPlan, points: PointEstimates) -> Iterator[Row]:
    identity = {"suite": points.suite, "row": points.row, "method": points.method}
    masses = {name: values[:, None] for name, values in points.below.items()}
    masses[ALL] = np.concatenate(list(masses.values()), axis=1)
    for name, below in masses.items():
        for level, nominal in LEVELS.items():
            inside = claimed(below) < nominal
            yield {
                **identity,
                "parameter": name,
                **_empty(level),
                **_shares(plan, inside, points.out_of_distribution, nominal),
            }


def _empty(level: str) -> Row:
    row: Row = {"level": float(level), "lenses": 0, **nothing("share", ""), "deviation": None, "met": None}
    row |= {"decided": None, "flagged": None, "unflagged_lenses": 0, **nothing("unflagged_share", "unflagged_")}
    return row | {"unflagged_deviation": None, "reason": ""}


def _shares(plan: ComparisonPlan, inside: NDArray[Any], unlike: NDArray[np.bool_], nominal: float) -> Row:
    row = {"lenses": len(inside), **share(inside, plan)}
    row |= {"deviation": row["share"] - nominal, "flagged": float(unlike.mean())}
    row |= within(row["deviation"], row["low"] - nominal, row["high"] - nominal, plan.coverage.within)
    familiar = inside[~unlike]
    row["unflagged_lenses"] = len(familiar)
    if len(familiar):
        row |= share(familiar, plan, "unflagged_share", "unflagged_")
        row["unflagged_deviation"] = row["unflagged_share"] - nominal
    return row


def within(deviation: float, low: float, high: float, limit: float) -> Row:
    """Whether a deviation is within the limit, and whether its whole interval is on one side: columns `met` and `decided`."""
    met = bool(abs(deviation) <= limit)
    outside = low > limit or high < -limit
    return {"met": met, "decided": bool(max(abs(low), abs(high)) <= limit) if met else bool(outside)}
