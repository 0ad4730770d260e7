"""Cost of a result: distributions of time, of processor time and of evaluations, suite by suite (figure 19 of Pearson et al. 2021).

The bar under a ridge holds the middle 68 per cent of the lenses and its dot is the median; the number next to the times is the median
relative to the baseline's. Networks are a line, since they process all lenses at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lenssbi.plots.comparison.row_style import (
    EDGES,
    FEWEST,
    Row,
    RowEstimates,
    RowStyle,
    Titles,
    bare,
    interval,
    known,
    name_rows,
    note_at,
    note_empty,
    plain_log,
    ridge,
    row_styles,
    unique,
)
from lenssbi.plots.style import INK, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class CostColumn(NamedTuple):
    """A quantity: its column in the points, the columns of its median and of its ratio to the baseline in the table, and its name."""

    name: str
    median: str
    ratio: str
    title: str


COSTS = (
    CostColumn("seconds", "seconds_50", "of_baseline", "seconds a lens"),
    CostColumn("cpu", "cpu_50", "cpu_of_baseline", "processor seconds a lens"),
    CostColumn("evaluations", "evaluations_50", "", "evaluations a lens"),
)


def times(rows: Sequence[Row], points: Sequence[RowEstimates], titles: Titles | None = None) -> Figure:
    """Draw the cost of results: a line of panels for each suite, a panel for each of `COSTS`.

    Parameters
    ----------
    rows
        Rows of the table of times: suite, row, method, seconds_16, seconds_50, seconds_84, cpu_50, evaluations_50, of_baseline,
        cpu_of_baseline.
    points
        Estimates: those of the same suites, rows and methods give the distributions; without any the table's numbers are drawn.
    titles
        All rows, in order.
    """
    from matplotlib.figure import Figure

    shown, suites = row_styles(unique(rows, "row"), titles), unique(rows, "suite")
    places = {name: -float(i) for i, name in enumerate(shown)}
    found = {(point.suite, point.row, point.method): point for point in points}
    with house_style():
        height = (0.235 * len(shown) + 0.4) * max(len(suites), 1) + 0.8
        figure = Figure(figsize=(10.5, height), layout="constrained")
        grid = figure.subplots(max(len(suites), 1), len(COSTS), squeeze=False, sharex="col", sharey=True)
        for suite, panels in zip(suites, grid, strict=False):
            those = {str(row["row"]): row for row in rows if row["suite"] == suite}
            for cost, axes in zip(COSTS, panels, strict=True):
                for name, place in places.items():
                    if name not in those or not known(those[name], "seconds_50"):
                        note_at(axes, place + 0.1, "no answer")
                    else:
                        point = found.get((suite, name, str(those[name]["method"])))
                        _line(axes, those[name], point, cost, place, shown[name])
            panels[0].set_title(suite, loc="left", fontweight="bold", fontsize=9)
        name_rows(grid[0, 0], places, {name: style.title for name, style in shown.items()})
        grid[0, 0].set_ylim(min(places.values(), default=0.0) - 0.45, 0.75)
        for cost, column in zip(COSTS, grid.T, strict=True):
            column[0].set_title(cost.title, loc="right", fontsize=9)
            _dress(column, cost.title)
        figure.legend(handles=[_mark()], loc="outside upper center", ncols=1)
    return figure


def _mark() -> Any:
    from matplotlib.lines import Line2D

    text = "68 per cent of the lenses, median; beside it the median over the baseline's"
    return Line2D([], [], color=INK, lw=2.6, marker="o", mfc="white", ms=4, label=text)


def _line(axes: Axes, row: Row, point: RowEstimates | None, cost: CostColumn, place: float, style: RowStyle) -> None:
    values = np.empty(0) if point is None else point.spent(cost.name)[1]
    values = values[values > 0]
    if values.size:
        ends = 10 ** np.percentile(np.log10(values), [EDGES[0], 50, EDGES[1]])
        ridge(axes, values, place, style, (0.7 * values.min(), 1.4 * values.max()), log=True)
    elif known(row, cost.median) and row[cost.median] > 0:
        ends = np.array([row.get(f"{cost.name}_{end}") or row[cost.median] for end in (16, 50, 84)], float)
    else:
        return
    if ends[0] < ends[2] or values.size < FEWEST:
        interval(axes, list(ends), place - 0.14, style.colour)
    if cost.ratio and known(row, cost.ratio):
        keywords: dict[str, Any] = {"fontsize": 6.5, "color": style.colour, "va": "center"}
        axes.text(1.005, place + 0.1, _times(row[cost.ratio]), transform=axes.get_yaxis_transform(), **keywords)


def _times(ratio: float) -> str:
    """A ratio as text.

    Examples
    --------
    >>> _times(0.58), _times(0.0123), _times(4.24)
    ('×0.58', '÷81', '×4.2')
    """
    return f"×{ratio:.2g}" if ratio > 0.1 or ratio <= 0 else f"÷{float(f'{1 / ratio:.2g}'):,.0f}"


def _dress(column: Sequence[Axes], title: str) -> None:
    """Logarithmic axes with a name; a note if nothing is known."""
    for axes in column:
        bare(axes, "left", "right", "top")
        axes.grid(axis="x", color=INK, alpha=0.12, lw=0.6)
        axes.tick_params(axis="y", length=0)
        if not axes.lines:
            note_empty(axes, "not known")
    if any(axes.lines for axes in column):
        plain_log(column[-1], "x")
    column[-1].set_xlabel(title)
