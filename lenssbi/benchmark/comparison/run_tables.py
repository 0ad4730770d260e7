"""Tables of the compared suites and methods."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lenssbi.benchmark.comparison.errors import TWO
from lenssbi.benchmark.comparison.text_tables import TO, Cell, DisplayTable, Part, three

if TYPE_CHECKING:
    from lenssbi.benchmark.comparison.compare import Comparison

PERCENTILES = (16, 50, 84)


def suites_table(comparison: Comparison) -> DisplayTable:
    """A row for each suite: the number and properties of its lenses."""
    rows = []
    for suite in comparison.plan.suites:
        lenses = comparison.lenses.get(suite)
        head = (Cell(suite), Cell(comparison.plan.table(suite)))
        if lenses is None:
            rows.append((*head, Cell("not made", missing=True), *[Cell("")] * 4))
            continue
        known = lenses.multiplicity[np.isfinite(lenses.multiplicity)]
        doubles = Cell(three(100 * float(np.mean(known == TWO)))) if len(known) else Cell(TO, missing=True)
        spreads = [_spread(values) for values in (lenses.snr, lenses.einstein_radius, lenses.q)]
        rows.append((*head, Cell(f"{len(lenses):,}"), *spreads, doubles))
    headings = ("suite", "paper's table", "lenses", "S/N", "θ_E [arcsec]", "q", "doubles [%]")
    caption = "Median, and 16th–84th percentile; a row may have answers about fewer lenses: every table says how many."
    return DisplayTable("Suites", headings, [Part("", rows)], caption)


def rows_table(comparison: Comparison) -> DisplayTable:
    """A row for each row of the tables: the paper's name and its candidate methods."""
    rows = []
    for name, row in comparison.plan.rows.items():
        methods = [", ".join(row.methods), *(f"{suite}: {', '.join(those)}" for suite, those in row.by_suite.items())]
        timed = ", ".join(comparison.plan.timed.get(name, ()))
        cells = (
            Cell(name),
            Cell(row.title or name),
            Cell(row.published or TO),
            Cell("; ".join(methods)),
            Cell(timed or "the same"),
        )
        rows.append(cells)
    headings = ("row", "title", "paper's row", "methods; the first that has an answer about a suite speaks", "timed")
    return DisplayTable("Rows", headings, [Part("", rows)])


def _spread(values: NDArray[np.float64]) -> Cell:
    known = values[np.isfinite(values)]
    if not len(known):
        return Cell(TO, missing=True)
    low, middle, high = (float(value) for value in np.percentile(known, PERCENTILES))
    return Cell(three(middle), (f"{three(low)}{TO}{three(high)}",))
