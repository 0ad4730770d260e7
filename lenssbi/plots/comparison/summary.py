"""Summary of the comparison: every error over the paper's, and the time per lens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lenssbi.plots.comparison.row_style import (
    ALL,
    Row,
    RowStyle,
    Titles,
    bare,
    bars,
    known,
    legend,
    note_at,
    note_empty,
    plain_log,
    row_styles,
    unique,
)
from lenssbi.plots.style import INK, house_style, label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RADIUS = "einstein_radius"
GROUP = 1.4  # [rows] between the suites


def summary(rows: Sequence[Row], titles: Titles | None = None) -> Figure:
    """Draw errors over the paper's: a panel for each parameter, a band for each suite.

    Parameters
    ----------
    rows
        Rows of the table of errors: suite, row, parameter, split, of_paper, of_paper_low, of_paper_high, paper, wanted. To the left of 1
        is better than the paper; a short stroke marks a target below 1. Suites that are not in the paper's tables are named
        below.
    titles
        All rows, in order.
    """
    from matplotlib.figure import Figure

    rows = [row for row in rows if row["split"] == ALL]
    published = [row for row in rows if known(row, "paper")]
    shown, suites = row_styles(unique(rows, "row"), titles), unique(published, "suite")
    names, places = unique(published, "parameter"), _places(published, suites, list(row_styles((), titles) | shown))
    with house_style():
        figure = Figure(figsize=(9.0, 0.115 * -min(places.values(), default=-8.0) + 1.5), layout="constrained")
        panels = figure.subplots(1, max(len(names), 1), sharex=True, sharey=True, squeeze=False)[0]
        panels[0].set_xscale("log")
        for axes, name in zip(panels, names, strict=False):
            _ratios(axes, [row for row in published if row["parameter"] == name], shown, places)
            axes.set_title(label(name))
        _bands(panels, suites, places)
        figure.supxlabel(_below(unique(rows, "suite"), suites), fontsize=9, color=INK)
        legend(
            figure,
            [shown[name] for name in shown if any(row == name for _, row in places)],
            [_target_mark()],
            columns=5,
        )
        if not names:
            note_empty(panels[0], "no published values")
    return figure


def _target_mark() -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], ls="", marker="|", ms=9, mew=1.4, color=INK, label="wanted, where below 1")


def _places(rows: Sequence[Row], suites: Sequence[str], order: Sequence[str]) -> dict[tuple[str, str], float]:
    """(suite, row) -> height: suites from the top, the rows of each in their order."""
    places, height = {}, 0.0
    for suite in suites:
        there = unique([row for row in rows if row["suite"] == suite], "row")
        for name in (name for name in order if name in there):
            height -= 1.0
            places[suite, name] = height
        height -= GROUP
    return places


def _ratios(
    axes: Axes, rows: Sequence[Row], shown: Mapping[str, RowStyle], places: Mapping[tuple[str, str], float]
) -> None:
    for row in rows:
        place, style = places[row["suite"], row["row"]], shown[str(row["row"])]
        share = row["wanted"] / row["paper"] if known(row, "wanted") else 1.0
        if share != 1:
            axes.plot([share, share], [place - 0.5, place + 0.5], color=INK, lw=1.4)
        if known(row, "of_paper"):
            error = bars([row], "of_paper", "of_paper_low", "of_paper_high")
            keywords: dict[str, Any] = {"fmt": style.marker, "ms": 4.2, "lw": 1.2, "color": style.colour}
            axes.errorbar(row["of_paper"], place, xerr=error, **keywords)
        else:
            note_at(axes, place, "no answer")


def _bands(panels: Sequence[Axes], suites: Sequence[str], places: Mapping[tuple[str, str], float]) -> None:
    """A band for every other suite, its name, the line at 1 and plain numbers."""
    middles = {}
    for number, suite in enumerate(suites):
        heights = [place for (where, _), place in places.items() if where == suite]
        middles[suite] = (min(heights) + max(heights)) / 2
        if number % 2 == 0:
            for axes in panels:
                axes.axhspan(
                    min(heights) - 0.5 - GROUP / 2, max(heights) + 0.5 + GROUP / 2, color=INK, alpha=0.05, lw=0
                )
    for axes in panels:
        axes.axvline(1.0, color=INK, lw=1.1)
        axes.set_yticks(list(middles.values()), list(middles))
        axes.tick_params(axis="y", length=0)
        bare(axes, "left", "right", "top")
    if places:
        low, high = panels[0].get_xlim()
        panels[0].set_xlim(min(low, 0.45), max(high, 1.6))
        plain_log(panels[0], "x")
        panels[0].set_ylim(min(places.values()) - 1.2, 0.2)


def _below(suites: Sequence[str], published: Sequence[str]) -> str:
    text = "68 per cent error over the paper's (left of the line: smaller)"
    without = [suite for suite in suites if suite not in published]
    return text + (f"\nwithout published values: {', '.join(without)}" if without else "")


def cost_and_error(errors: Sequence[Row], times: Sequence[Row], titles: Titles | None = None) -> Figure:
    """Draw the median time of a lens against the error of einstein_radius: a panel for each of the paper's tables.

    Parameters
    ----------
    errors
        Rows of the table of errors: table, suite, row, parameter, split, and of_paper or of_baseline with their intervals. A table
        without published values is drawn relative to the baseline.
    times
        Rows of the table of times: suite, row, seconds_50.
    titles
        All rows, in order.
    """
    from matplotlib.figure import Figure

    rows = [row for row in errors if row["split"] == ALL and row["parameter"] == RADIUS]
    shown, tables = row_styles(unique(rows, "row"), titles), unique(rows, "table")
    seconds = {(row["suite"], row["row"]): row["seconds_50"] for row in times if known(row, "seconds_50")}
    with house_style():
        figure = Figure(figsize=(9.0, 3.9), layout="constrained")
        panels = figure.subplots(1, max(len(tables), 1), sharex=True, sharey=True, squeeze=False)[0]
        panels[0].set(xscale="log", yscale="log")
        for axes, table in zip(panels, tables, strict=False):
            those = [row for row in rows if row["table"] == table]
            _costs(axes, those, seconds, shown)
            axes.set_title(table)
        if any(axes.containers for axes in panels):
            plain_log(panels[0], "x")
            plain_log(panels[0], "y")
        if not tables:
            note_empty(panels[0], "nothing to compare")
        figure.supxlabel("median time of a lens [s]", fontsize=9, color=INK)
        legend(figure, [shown[name] for name in shown if name in unique(rows, "row")], columns=4)
    return figure


def _costs(
    axes: Axes, rows: Sequence[Row], seconds: Mapping[tuple[str, str], float], shown: Mapping[str, RowStyle]
) -> None:
    value = "of_paper" if any(known(row, "of_paper") for row in rows) else "of_baseline"
    suites = unique(rows, "suite")
    drawn = [row for row in rows if known(row, value) and (row["suite"], row["row"]) in seconds]
    axes.axhline(1.0, color=INK, lw=1.0)
    for name, style in shown.items():
        those = [row for row in drawn if row["row"] == name]
        if not those:
            continue
        x, y = [seconds[row["suite"], name] for row in those], [row[value] for row in those]
        lengths = bars(those, value, f"{value}_low", f"{value}_high")
        axes.errorbar(x, y, lengths, fmt=style.marker, ms=5, lw=0.9, color=style.colour, alpha=0.85)
        for row, place in zip(those, zip(x, y, strict=True), strict=True):
            text = str(1 + suites.index(row["suite"]))
            if len(suites) > 1:
                axes.annotate(text, place, (4, 2), textcoords="offset points", fontsize=6.5, color=style.colour)
    if not drawn:
        note_empty(axes, "not known")
    axes.set_ylabel(f"error of {label(RADIUS)} over the {'paper' if value == 'of_paper' else 'baseline'}'s")
    numbered = [f"{i}  {suite}" for i, suite in enumerate(suites, 1)] if len(suites) > 1 else suites
    axes.set_xlabel("\n".join(numbered), fontsize=7.5)
    bare(axes)
