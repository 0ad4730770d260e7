"""Targets of the comparison, one line each: the figure, its interval, the target, whether it is met and whether that is significant.

    error       the worst error of a row for a suite over its target, and how many of its cells meet their targets
    relative    errors and times over the baseline's, averaged over suites (and parameters)
    coverage    the largest deviation of a parameter of a row for a suite from nominal; if it is too large, that of the lenses without
                a flag of misspecification may meet the target
    failures    the largest share of unflagged catastrophic failures of a row, over the suites

A figure is decided if its whole interval lies on one side of the target.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from lenssbi.benchmark.comparison import coverage as covering
from lenssbi.benchmark.comparison.bootstrap import Floats, Row, draws, judged, with_ends
from lenssbi.benchmark.comparison.errors import ALL, paired
from lenssbi.benchmark.plan import ComparisonPlan
from lenssbi.benchmark.runners.point_estimates import PointEstimates
from lenssbi.calibration.scores import half_width, half_widths

Rows = Sequence[Row]
Estimates = Mapping[tuple[str, str], PointEstimates]
Ratio = tuple[float, Floats]  # the figure, and that of each draw


def target_rows(plan: ComparisonPlan, tables: Mapping[str, Rows], points: Estimates, timed: Estimates) -> Iterator[Row]:
    """The whole table, from "errors", "coverage" and "failures", and from the estimates for averages."""
    for suite in plan.suites:
        for row in plan.rows:
            yield from _errors(plan, suite, row, tables["errors"])
    for target in plan.relative:
        if target.error is not None:
            yield _relative("errors", target.row, target.error, plan, points, _error_ratios)
        if target.seconds is not None:
            yield _relative("times", target.row, target.seconds, plan, timed, _time_ratios)
    for suite in plan.suites:
        for row in plan.coverage.rows:
            yield _coverage(plan, suite, row, tables["coverage"])
    for row in plan.rows:
        yield _failures(plan, row, tables["failures"])


def _line(kind: str, what: str, row: str, suites: Sequence[str], wanted: float, **values: Any) -> Row:
    line: Row = {"kind": kind, "what": what, "row": row, "suites": " ".join(suites), "parameter": ""}
    line |= {"value": None, "low": None, "high": None, "wanted": wanted, "met": None, "decided": None}
    return {**line, "cells_met": None, "cells": None, "lenses": 0, "note": "", **values}


def _errors(plan: ComparisonPlan, suite: str, row: str, errors: Rows) -> Iterator[Row]:
    """The line of a row for a suite, if the paper has errors for it."""
    cells = [c for c in errors if (c["suite"], c["row"], c["split"]) == (suite, row, ALL) and c["wanted"] is not None]
    if not cells:
        return
    there = [cell for cell in cells if cell["error"] is not None]
    values: Row = {"cells": len(cells), "cells_met": sum(bool(cell["met"]) for cell in there)}
    if there:
        worst = max(there, key=lambda cell: cell["error"] / cell["wanted"])
        values |= {"value": worst["error"] / worst["wanted"], "parameter": worst["parameter"]}
        values |= {end: worst[end] / worst["wanted"] for end in ("low", "high")} | {"lenses": worst["lenses"]}
        values |= judged(values, 1.0, "value")
    if len(there) < len(cells):
        values |= {"note": next(cell["reason"] for cell in cells if cell["error"] is None)}
    share = plan.share(suite, row)
    of = "the paper's" if share == 1 else f"{share:g} of the paper's"
    yield _line("error", f"largest error of {plan.title(row)} over {of}", row, [suite], 1.0, **values)


def _relative(
    what: str,
    row: str,
    wanted: float,
    plan: ComparisonPlan,
    points: Estimates,
    ratios: Callable[[ComparisonPlan, PointEstimates, PointEstimates], list[Ratio]],
) -> Row:
    """The mean over all suites that both rows have, drawn together within a suite."""
    both = [s for s in plan.suites if (s, row) in points and (s, plan.baseline) in points]
    found = {s: ratios(plan, points[s, row], points[s, plan.baseline]) for s in both}
    each = [ratio for those in found.values() for ratio in those]
    title = f"{what} of {plan.title(row)} over those of {plan.title(plan.baseline)}, mean"
    suites = [suite for suite, those in found.items() if those]
    if not each:
        return _line("relative", title, row, plan.suites, wanted, note="no suite has both")
    values = with_ends("value", float(np.mean([r[0] for r in each])), np.mean([r[1] for r in each], axis=0), "")
    values |= judged(values, wanted, "value") | {"cells": len(each), "cells_met": sum(r[0] <= wanted for r in each)}
    values["lenses"] = sum(len(_common(points[s, row], points[s, plan.baseline])[0]) for s in suites)
    left_out = [suite for suite in plan.suites if suite not in suites]
    note = f"without {', '.join(left_out)}" if left_out else ""
    return _line("relative", title, row, suites, wanted, **values, note=note)


def _common(one: PointEstimates, two: PointEstimates) -> tuple[Any, Any]:
    everything = np.ones(1 + max([*one.lens, *two.lens], default=0), dtype=bool)
    return paired(one.lens, two.lens, everything)


def _error_ratios(plan: ComparisonPlan, one: PointEstimates, two: PointEstimates) -> list[Ratio]:
    first, second = _common(one, two)
    if len(first) < 2:
        return []
    drawn, found = _suite_draws(plan, one.suite, len(first)), []
    for name in (name for name in one.names if name in two.names):
        over, under = one.difference(name)[first], two.difference(name)[second]
        spread = half_widths(under[drawn])
        if half_width(under) > 0 and np.all(spread > 0):
            found.append((half_width(over) / half_width(under), half_widths(over[drawn]) / spread))
    return found


def _time_ratios(plan: ComparisonPlan, one: PointEstimates, two: PointEstimates) -> list[Ratio]:
    if not all(plan.is_timed(points.row, points.method) for points in (one, two)):
        return []
    (lenses, over), (others, under) = one.spent("seconds"), two.spent("seconds")
    both, first, second = np.intersect1d(lenses, others, return_indices=True)
    if not len(both):
        return []
    drawn, over, under = _suite_draws(plan, one.suite, len(both)), over[first], under[second]
    return [
        (
            float(np.median(over) / np.median(under)),
            np.median(over[drawn], axis=1) / np.median(under[drawn], axis=1),
        )
    ]


def _suite_draws(plan: ComparisonPlan, suite: str, count: int) -> Any:
    """Draws of the lenses of one suite, independent of those of other suites, so that their scatter averages out."""
    return draws(count, plan.model_copy(update={"seed": plan.seed + 1 + plan.suites.index(suite)}))


def _coverage(plan: ComparisonPlan, suite: str, row: str, rows: Rows) -> Row:
    what, limit = f"coverage of {plan.title(row)}: largest deviation", plan.coverage.within
    mine = [r for r in rows if (r["suite"], r["row"]) == (suite, row)]
    there = [r for r in mine if r["deviation"] is not None and r["parameter"] != covering.ALL]
    if not there:
        note = next((r["reason"] for r in mine), "")
        return _line("coverage", what, row, [suite], limit, note=note)
    worst = max(there, key=lambda r: abs(r["deviation"]))
    nominal = worst["share"] - worst["deviation"]
    values: Row = {"value": worst["deviation"], "lenses": worst["lenses"], "cells": len(there)}
    values |= {"low": worst["low"] - nominal, "high": worst["high"] - nominal, "met": worst["met"]}
    values |= {"decided": worst["decided"], "cells_met": sum(r["met"] for r in there)}
    values["parameter"] = f"{worst['parameter']} at {worst['level']:g}"
    if not worst["met"]:
        values |= _unflagged(there, limit)
    return _line("coverage", what, row, [suite], limit, **values)


def _unflagged(rows: Rows, limit: float) -> Row:
    """Coverage of the lenses without a flag of misspecification; if it meets the target, the flags warn of the others."""
    flagged, left = rows[0]["flagged"], rows[0]["unflagged_lenses"]
    if not flagged:
        return {"note": "none flagged"}
    values = f"{100 * flagged:.0f} per cent flagged"
    if not left:
        return {"met": True, "note": values}
    worst = max((r["unflagged_deviation"] for r in rows), key=abs)
    note = f"{values}, {100 * worst:+.1f} of the other {left}"
    return {"note": note, "met": bool(abs(worst) <= limit)}


def _failures(plan: ComparisonPlan, row: str, rows: Rows) -> Row:
    what, limits = f"unflagged catastrophic failures of {plan.title(row)}: largest share", plan.catastrophic
    mine = [r for r in rows if r["row"] == row]
    there = [r for r in mine if r["unflagged_share"] is not None]
    if not there:
        note = next((r["reason"] for r in mine), "")
        return _line("failures", what, row, plan.suites, limits.share, note=note)
    worst = max(there, key=lambda r: r["unflagged_share"])
    values = {"value": worst["unflagged_share"], "low": worst["unflagged_low"], "high": worst["unflagged_high"]}
    values |= {key: worst[key] for key in ("lenses", "met", "decided")}
    values |= {"cells": len(there), "cells_met": sum(r["met"] for r in there), "note": f"in {worst['suite']}"}
    return _line("failures", what, row, [r["suite"] for r in there], limits.share, **values)
