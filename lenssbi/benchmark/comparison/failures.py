"""Catastrophic failures: lenses whose einstein_radius is off by more than 0.2 arcsec and more than 5 sigma, or as configured.

A flagged failure warns the user. A lens without a posterior is not such a failure but counted separately (`undone`). Shares are relative to
the lenses that have a posterior.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from lenssbi.benchmark.comparison.bootstrap import Row, judged, nothing, share
from lenssbi.benchmark.plan import Catastrophic, ComparisonPlan
from lenssbi.benchmark.runners.point_estimates import PointEstimates


def catastrophic(points: PointEstimates, limits: Catastrophic) -> NDArray[np.bool_]:
    """Whether estimates are catastrophically wrong, shape (n,); False if einstein_radius is not known."""
    if "einstein_radius" not in points.names:
        return np.zeros(len(points), dtype=bool)
    away, sigma = np.abs(points.difference("einstein_radius")), points.sigma["einstein_radius"]
    return np.asarray((away > limits.arcsec) & (away > limits.sigma * np.nan_to_num(sigma)))


def failure_rows(
    plan: ComparisonPlan,
    points: Mapping[tuple[str, str], PointEstimates],
    reasons: Mapping[tuple[str, str], str],
) -> Iterator[Row]:
    """The whole table; the arguments are those of `errors.error_rows`."""
    for suite in plan.suites:
        for row in plan.rows:
            found = points.get((suite, row))
            identity = {"suite": suite, "row": row, "method": None if found is None else found.method}
            if found is None:
                yield {**identity, **_empty(), "reason": reasons.get((suite, row), "")}
            else:
                yield {**identity, **_empty(), **_shares(plan, found)}


def _empty() -> Row:
    row: Row = {"asked": 0, "lenses": 0, "catastrophic": None, **nothing("share", ""), "unflagged": None}
    row |= {**nothing("unflagged_share", "unflagged_"), "flagged_share": None, "undone": 0, "undone_why": ""}
    return row | {"met": None, "decided": None, "reason": ""}


def _shares(plan: ComparisonPlan, points: PointEstimates) -> Row:
    wrong = catastrophic(points, plan.catastrophic)
    unflagged = wrong & ~points.flagged
    row = {"asked": points.attempted, "lenses": len(points), "catastrophic": int(wrong.sum()), **share(wrong, plan)}
    row |= {"unflagged": int(unflagged.sum()), **share(unflagged, plan, "unflagged_share", "unflagged_")}
    row |= {"flagged_share": float(points.flagged.mean()), "undone": len(points.failed)}
    why = Counter(one.status for one in points.failed).most_common()
    row["undone_why"] = "; ".join(f"{status}: {count}" for status, count in why)
    return row | judged(row, plan.catastrophic.share, "unflagged_share", "unflagged_")
