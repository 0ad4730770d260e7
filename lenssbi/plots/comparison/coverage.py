"""Coverage of the intervals minus nominal, for every row and suite.

The large marker is the coverage of all parameters together with the bootstrap's 68 per cent interval; small markers are the parameters.
Markers that are significantly outside the band are hollow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lenssbi.plots.comparison.row_style import (
    ALL,
    MARKERS,
    Row,
    RowStyle,
    Titles,
    bare,
    bars,
    known,
    name_rows,
    note_at,
    row_styles,
    unique,
)
from lenssbi.plots.style import INK, house_style, label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def coverage(rows: Sequence[Row], titles: Titles | None = None, within: float = 0.05) -> Figure:
    """Draw coverage minus nominal: a line of panels for each suite, a panel for each level.

    Parameters
    ----------
    rows
        Rows of the table of coverage: suite, row, parameter ("all": together), level, share, low, high [0-1], deviation, met.
    titles
        All rows, in order.
    within
        Half the width of the band [0-1].
    """
    from matplotlib.figure import Figure

    shown, suites = row_styles(unique(rows, "row"), titles), unique(rows, "suite")
    levels = sorted({float(row["level"]) for row in rows})
    places = {name: -float(i) for i, name in enumerate(shown)}
    names = [name for name in unique(rows, "parameter") if name != ALL]
    with house_style():
        height = (0.19 * len(shown) + 0.42) * max(len(suites), 1) + 0.9
        figure = Figure(figsize=(10.5, height), layout="constrained")
        size = (max(len(suites), 1), max(len(levels), 1))
        grid = figure.subplots(*size, squeeze=False, sharex="col", sharey=True)
        for line, suite, panels in zip(range(len(suites)), suites, grid, strict=False):
            for level, axes in zip(levels, panels, strict=True):
                those = [row for row in rows if row["suite"] == suite and row["level"] == level]
                _panel(axes, [row for row in those if known(row, "deviation")], places, shown, names, within)
                axes.set_title(f"{100 * level:.1f} per cent" if line == 0 else "", loc="right")
            panels[0].set_title(suite, loc="left", fontweight="bold", fontsize=9)
        name_rows(grid[0, 0], places, {name: style.title for name, style in shown.items()})
        grid[0, 0].set_ylim(min(places.values(), default=0.0) - 0.6, 0.6)
        figure.supxlabel("truths inside minus nominal [points]", fontsize=9, color=INK)
        figure.legend(handles=_marks(names), loc="outside upper center", ncols=len(names) + 2)
    return figure


def _panel(
    axes: Axes,
    rows: Sequence[Row],
    places: Mapping[str, float],
    shown: Mapping[str, RowStyle],
    names: Sequence[str],
    within: float,
) -> None:
    axes.axvspan(-100 * within, 100 * within, color=INK, alpha=0.08, lw=0)
    axes.axvline(0.0, color=INK, lw=0.8, ls="--")
    for row in rows:
        style, place = shown[str(row["row"])], places[str(row["row"])]
        keywords: dict[str, Any] = {"color": style.colour, "mec": style.colour, "mfc": _filling(row, style)}
        if row["parameter"] == ALL:
            errors = bars([{**row, "value": row["share"]}], "value", scale=100)
            axes.errorbar(100 * row["deviation"], place, xerr=errors, fmt="o", ms=5.5, lw=1.3, zorder=3, **keywords)
        else:
            marker = _marker(names, str(row["parameter"]))
            axes.plot(100 * row["deviation"], place, marker, ms=3.2, mew=0.7, alpha=0.7, **keywords)
    for name in (name for name in places if name not in unique(rows, "row")):
        note_at(axes, places[name], "no answer")
    axes.tick_params(axis="y", length=0)
    bare(axes, "left", "right", "top")


def _filling(row: Row, style: RowStyle) -> str:
    missed = row.get("met") is False and row.get("decided", True)
    return "white" if missed else style.colour


def _marker(names: Sequence[str], name: str) -> str:
    return MARKERS[1 + names.index(name) % (len(MARKERS) - 1)]


def _marks(names: Sequence[str]) -> list[Any]:
    from matplotlib.lines import Line2D

    keywords: dict[str, Any] = {"color": INK, "ls": ""}
    together = Line2D([], [], marker="o", ms=5.5, label="all parameters", **keywords)
    single = [Line2D([], [], marker=_marker(names, name), ms=3.5, label=label(name), **keywords) for name in names]
    missed = Line2D([], [], marker="o", ms=5.5, mfc="white", label="outside the band", **keywords)
    return [together, *single, missed]
