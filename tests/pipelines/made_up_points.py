"""Made-up estimates of one suite, and their tables."""

from dataclasses import replace

import numpy as np

from lenssbi.benchmark.comparison.compare import tabulate

from .made_up_comparison import (
    made_up_lenses,
    made_up_plan,
    made_up_points,
)

SUITE = "sie_parametric"


def the(rows, **asked):
    """The one row that has these values."""
    (row,) = [r for r in rows if all(r[key] == value for key, value in asked.items())]
    return row


def tables(points, lenses=None, timed=None, reasons=None, **changes):
    """Of a few points about `SUITE`: row -> points."""
    plan = made_up_plan([SUITE], **changes)
    whose = {(SUITE, row): found for row, found in points.items()}
    timed_by = whose if timed is None else {(SUITE, row): found for row, found in timed.items()}
    return tabulate(plan, {SUITE: lenses or made_up_lenses(SUITE)}, whose, timed_by, reasons or {}).tables


def points(row="blind", count=200, **changes):
    return made_up_points(SUITE, row, made_up_lenses(SUITE), count, **changes)


def off(row, errors, **changes):
    """Estimates with einstein_radius off by `errors`."""
    found, errors = points(row, len(errors)), np.asarray(errors, dtype=float)
    predicted = {**found.predicted, "einstein_radius": found.true["einstein_radius"] + errors}
    return replace(found, predicted=predicted, **changes)
