"""The tables of a comparison as text: the paper's Tables 1-4, and further ones. `target_tables` has the targets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from lenssbi.benchmark.comparison.errors import ALL, DOUBLES
from lenssbi.benchmark.comparison.text_tables import (
    TO,
    Cell,
    DisplayTable,
    Part,
    Row,
    interval,
    non_empty,
    number,
    per_cent,
    three,
    undecided,
    unique,
    where,
)

if TYPE_CHECKING:
    from lenssbi.benchmark.comparison.compare import Comparison
    from lenssbi.benchmark.plan import ComparisonPlan

NOT_HELD = "the paper's values are not in the text we hold"
HEADINGS = {"einstein_radius": "θ_E [arcsec]", "phi": "φ [deg]", "q": "q", "slope": "slope"}
SYMBOLS = {"einstein_radius": "θ_E", "phi": "φ", "q": "q", "slope": "slope"}


def paper_tables(comparison: Comparison) -> Iterator[DisplayTable]:
    """The paper's tables in its layout: a part for each suite, a line for each row, a column for each parameter."""
    whole = where(comparison.tables["errors"], split=ALL)
    for title, suites in comparison.plan.tables.items():
        those = [row for row in whole if row["suite"] in suites]
        parameters = _parameters(those)
        parts = [_errors(comparison.plan, suite, where(those, suite=suite), parameters) for suite in suites]
        yield DisplayTable(title, ("method", *(HEADINGS[name] for name in parameters)), parts)


def _errors(plan: ComparisonPlan, suite: str, rows: Sequence[Row], parameters: Sequence[str]) -> Part:
    published = any(row["paper"] is not None for row in rows)
    title = f"{suite} ({_lenses(rows)})" + ("" if published else f": {NOT_HELD}")
    return Part(title, _lines(plan, rows, parameters, _error))


def _error(row: Row) -> Cell:
    """Our value, its interval, the paper's value, their ratio, and the target if it differs from the paper's value."""
    key = f"{row['suite']}/{row['row']}/{row['parameter']}"
    paper = "" if row["paper"] is None else f"paper {row['paper']:g}"
    if row["error"] is None:
        return Cell(TO, non_empty(row["reason"], paper), missing=True, key=key)
    ratio = "" if row["of_paper"] is None else f" ×{three(row['of_paper'])} ({interval(row, 'of_paper')})"
    wanted = "" if row["wanted"] == row["paper"] else f"wanted {three(row['wanted'])}"
    return Cell(
        three(row["error"]), non_empty(interval(row), paper + ratio, wanted, undecided(row)), row["met"], key=key
    )


def _lines(
    plan: ComparisonPlan, rows: Sequence[Row], parameters: Sequence[str], cell: Callable[[Row], Cell]
) -> list[tuple[Cell, ...]]:
    """A line for each row of the tables, a cell for each parameter, empty if the suite has no such parameter."""
    lines = []
    for name in unique(rows, "row"):
        of_row = where(rows, row=name)
        found = {row["parameter"]: cell(row) for row in of_row}
        lines.append((row_head(plan, of_row[0]), *(found.get(parameter, Cell("")) for parameter in parameters)))
    return lines


def row_head(plan: ComparisonPlan, row: Row) -> Cell:
    """The title of a row and its method."""
    return Cell(plan.title(row["row"]), non_empty(row["method"] or ""))


def _parameters(rows: Sequence[Row]) -> list[str]:
    return [name for name in HEADINGS if name in unique(rows, "parameter")]


def relative_table(comparison: Comparison) -> DisplayTable:
    """Errors and times over those of the baseline, on the same lenses."""
    plan = comparison.plan
    whole = [row for row in where(comparison.tables["errors"], split=ALL) if row["row"] != plan.baseline]
    parameters, parts = _parameters(whole), []
    for suite in unique(whole, "suite"):
        times = where(comparison.tables["times"], suite=suite)
        errors = _lines(
            plan, where(whole, suite=suite), parameters, lambda row: number(row, "of_baseline", "of_baseline")
        )
        clocks = [
            [number(row, key, key) for key in ("of_baseline", "cpu_of_baseline")]
            for row in times
            if row["row"] != plan.baseline
        ]
        parts.append(Part(suite, [(*cells, *spent) for cells, spent in zip(errors, clocks, strict=True)]))
    headings = ("method", *(SYMBOLS[name] for name in parameters), "seconds", "processor seconds")
    return DisplayTable(f"Relative to {plan.title(plan.baseline)}", headings, parts)


def coverage_tables(comparison: Comparison) -> Iterator[DisplayTable]:
    """Coverage of all parameters together, suite by suite, then one table for each suite, parameter by parameter."""
    plan, rows = comparison.plan, comparison.tables["coverage"]
    levels, suites = unique(rows, "level"), unique(rows, "suite")
    headings = ("method", *(f"{100 * level:g}%" for level in levels), "flagged as strange [%]")
    pooled = where(rows, parameter=ALL)
    parts = [Part(suite, _coverage(plan, where(pooled, suite=suite))) for suite in suites]
    yield DisplayTable("All parameters together", headings, parts)
    for suite in suites:
        those = [row for row in where(rows, suite=suite) if row["parameter"] != ALL]
        names = unique(those, "parameter")
        if names:
            parts = [Part(name, _coverage(plan, where(those, parameter=name))) for name in names]
            yield DisplayTable(suite, headings, parts)


def _coverage(plan: ComparisonPlan, rows: Sequence[Row]) -> list[tuple[Cell, ...]]:
    lines = []
    for name in unique(rows, "row"):
        of_row = where(rows, row=name)
        flagged = of_row[0]["flagged"]
        cells = [_covered(row) for row in of_row]
        lines.append((row_head(plan, of_row[0]), *cells, Cell("" if flagged is None else three(100 * flagged))))
    return lines


def _covered(row: Row) -> Cell:
    """The share inside, and that of the lenses without flags, if there are flags."""
    share = per_cent(row, "share")
    if share.missing:
        return share
    known = row["flagged"] and row["unflagged_share"] is not None
    apart = f"unflagged {three(100 * row['unflagged_share'])}" if known else ""
    return Cell(share.text, (*share.details, *non_empty(apart, undecided(row))), row["met"])


def failures_table(comparison: Comparison) -> DisplayTable:
    """Catastrophic failures, flagged or not."""
    rows, limits = comparison.tables["failures"], comparison.plan.catastrophic
    parts = [
        Part(suite, [_failures(comparison.plan, row) for row in where(rows, suite=suite)])
        for suite in unique(rows, "suite")
    ]
    headings = ("method", "lenses", "catastrophic", "of them unflagged", "share [%]", "unflagged share [%]")
    caption = (
        f"Catastrophic: θ_E is wrong by more than {limits.arcsec:g} arcsec and by more than {limits.sigma:g} sigma."
    )
    return DisplayTable("Catastrophic failures", (*headings, "flagged at all [%]", "no posterior"), parts, caption)


def _failures(plan: ComparisonPlan, row: Row) -> tuple[Cell, ...]:
    numbers = [Cell(f"{row['lenses']:,}"), *(_count(row[key]) for key in ("catastrophic", "unflagged"))]
    unflagged = per_cent(row, "unflagged_share", "unflagged")
    details = (*unflagged.details, *non_empty(undecided(row)))
    shares = (per_cent(row, "share"), Cell(unflagged.text, details, row["met"], unflagged.missing))
    flagged = Cell("" if row["flagged_share"] is None else three(100 * row["flagged_share"]))
    return (row_head(plan, row), *numbers, *shares, flagged, Cell(str(row["undone"]), non_empty(row["undone_why"])))


def _count(value: int | None) -> Cell:
    return Cell(TO, missing=True) if value is None else Cell(f"{value:,}")


def doubles_table(comparison: Comparison) -> DisplayTable:
    """Errors of doubles over those of the other lenses, as in the paper's section 5.3."""
    rows = [row for row in where(comparison.tables["errors"], split=DOUBLES) if row["of_others"] is not None]
    parameters = _parameters(rows)
    parts = [
        Part(
            suite,
            _lines(
                comparison.plan, where(rows, suite=suite), parameters, lambda row: number(row, "of_others", "of_others")
            ),
        )
        for suite in unique(rows, "suite")
    ]
    caption = "The paper has 2.1 for θ_E and 1.9 for q, for its network (Pearson et al. 2021, section 5.3)."
    return DisplayTable("Doubles over others", ("method", *(SYMBOLS[name] for name in parameters)), parts, caption)


def split_tables(comparison: Comparison) -> Iterator[DisplayTable]:
    """Errors of part of the lenses: a table for each suite, a part for each row."""
    rows = [row for row in comparison.tables["errors"] if row["error"] is not None]
    for suite in unique(rows, "suite"):
        those = where(rows, suite=suite)
        parameters = _parameters(those)
        parts = [
            Part(comparison.plan.title(name), list(_splits(where(those, row=name), parameters)))
            for name in unique(those, "row")
        ]
        yield DisplayTable(suite, ("lenses with", "number", *(HEADINGS[name] for name in parameters)), parts)


def _splits(rows: Sequence[Row], parameters: Sequence[str]) -> Iterator[tuple[Cell, ...]]:
    for split in unique(rows, "split"):
        found = {row["parameter"]: row for row in where(rows, split=split)}
        cells = [number(found[name], "error") if name in found else Cell("") for name in parameters]
        yield Cell(split), Cell(f"{next(iter(found.values()))['lenses']:,}"), *cells


def times_table(comparison: Comparison) -> DisplayTable:
    """Time and evaluations per lens."""
    rows = comparison.tables["times"]
    parts = [
        Part(suite, [_times(comparison.plan, row) for row in where(rows, suite=suite)])
        for suite in unique(rows, "suite")
    ]
    headings = ("method", "lenses", "seconds (median)", "16th–84th percentile", "processor seconds", "evaluations")
    return DisplayTable("Time and evaluations per lens", headings, parts)


def _times(plan: ComparisonPlan, row: Row) -> tuple[Cell, ...]:
    spread = "" if row["seconds_16"] is None else f"{three(row['seconds_16'])}{TO}{three(row['seconds_84'])}"
    cells = [Cell(three(row[key]) or TO, missing=row[key] is None) for key in ("cpu_50", "evaluations_50")]
    return (row_head(plan, row), Cell(f"{row['lenses']:,}"), number(row, "seconds_50"), Cell(spread), *cells)


def _lenses(rows: Sequence[Row]) -> str:
    """Number of lenses in the rows of a suite."""
    counts = sorted({row["lenses"] for row in rows if row["lenses"]})
    if not counts:
        return "no lenses"
    return f"{counts[0]:,} lenses" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,} lenses, by method"
