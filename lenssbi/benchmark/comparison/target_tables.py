"""Targets as text tables: methods against suites for errors and coverage, a line for each of the other targets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from lenssbi.benchmark.comparison.text_tables import (
    TO,
    Cell,
    DisplayTable,
    Part,
    Row,
    interval,
    non_empty,
    number,
    three,
    undecided,
    unique,
    where,
)

if TYPE_CHECKING:
    from lenssbi.benchmark.comparison.compare import Comparison
    from lenssbi.benchmark.plan import ComparisonPlan

MET = {True: "met", False: "short", None: "not known"}


def target_tables(comparison: Comparison) -> Iterator[DisplayTable]:
    """The tables; one that has no rows is left out."""
    rows, plan = comparison.tables["targets"], comparison.plan
    within = 100 * plan.coverage.within
    lines = ("what", "suites", "lenses", "found", "wanted", "met")
    tables = [
        _matrix("Largest error over the wanted one", where(rows, kind="error"), plan, _error),
        _matrix(
            f"Largest deviation of coverage [points], wanted within {within:g}",
            where(rows, kind="coverage"),
            plan,
            _coverage,
        ),
        DisplayTable(
            f"Relative to {plan.title(plan.baseline)}", lines, [Part("", _lines(plan, where(rows, kind="relative")))]
        ),
        DisplayTable("Catastrophic failures", lines, [Part("", _lines(plan, where(rows, kind="failures")))]),
    ]
    return (table for table in tables if any(part.rows for part in table.parts))


def counts(comparison: Comparison) -> Cell:
    """Number of targets that are met, of all of them."""
    rows = comparison.tables["targets"]
    met, unknown = sum(row["met"] is True for row in rows), sum(row["met"] is None for row in rows)
    return Cell(f"{met} of {len(rows)}", non_empty(f"{unknown} not known" if unknown else ""), met == len(rows))


def _matrix(
    title: str, rows: Sequence[Row], plan: ComparisonPlan, cell: Callable[[Row, ComparisonPlan], Cell]
) -> DisplayTable:
    """A line for each row, a column for each suite."""
    suites = unique(rows, "suites")
    found = {(row["row"], row["suites"]): cell(row, plan) for row in rows}
    lines = [
        (Cell(plan.title(name)), *(found.get((name, suite), Cell("")) for suite in suites))
        for name in unique(rows, "row")
    ]
    return DisplayTable(title, ("method", *suites), [Part("", lines)])


def _error(row: Row, plan: ComparisonPlan) -> Cell:
    """The largest error of a row for a suite over its target."""
    if row["value"] is None:
        return Cell(TO, non_empty(row["note"]), missing=True)
    share = plan.share(row["suites"], row["row"])
    wanted = "" if share == 1 else f"wanted {share:g} of the paper's"
    cells = f"{row['cells_met']} of {row['cells']} cells met"
    return Cell(
        three(row["value"]), non_empty(interval(row), row["parameter"], cells, wanted, undecided(row)), row["met"]
    )


def _coverage(row: Row, plan: ComparisonPlan) -> Cell:
    """The largest deviation of a row for a suite from nominal."""
    if row["value"] is None:
        return Cell(TO, non_empty(row["note"]), missing=True)
    ends = f"{100 * row['low']:+.1f} to {100 * row['high']:+.1f}"
    details = non_empty(ends, row["parameter"], row["note"], undecided(row))
    return Cell(f"{100 * row['value']:+.1f}", details, row["met"])


def _lines(plan: ComparisonPlan, rows: Sequence[Row]) -> list[tuple[Cell, ...]]:
    lines: list[tuple[Cell, ...]] = []
    for row in rows:
        suites = row["suites"].split(" ")
        shown = "all" if suites == list(plan.suites) else ", ".join(suites)
        met = Cell(MET[row["met"]], non_empty(undecided(row)), row["met"], missing=row["met"] is None)
        found = number({**row, "reason": ""}, "value")
        lines.append(
            (
                Cell(row["what"], non_empty(row["note"])),
                Cell(shown),
                Cell(f"{row['lenses']:,}"),
                found,
                Cell(three(row["wanted"])),
                met,
            )
        )
    return lines
