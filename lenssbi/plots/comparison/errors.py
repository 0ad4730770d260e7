"""Errors of each row: distributions of predicted minus true, and errors in subsets of the lenses.

The distributions are those of figures 5-8, 11-12 and 15-16 of Pearson et al. 2021: the 68 per cent interval is the bar under each
ridge, and the paper's is the box about it, so that a bar inside its box is an error below the paper's. All ridges have the same height.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lenssbi.plots.comparison.row_style import (
    ALL,
    EDGES,
    UNITS,
    Row,
    RowEstimates,
    RowStyle,
    Titles,
    bare,
    bars,
    interval,
    known,
    legend,
    name_rows,
    note_at,
    note_empty,
    plain_log,
    ridge,
    row_styles,
    unique,
)
from lenssbi.plots.style import INK, house_style, label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Published = Mapping[str, Mapping[str, float]]
"""Row -> parameter -> the paper's error, in the parameter's unit."""
KINDS = {
    "multiplicity": "images of the source",
    "S/N": "signal to noise",
    "einstein_radius": "true θ$_{\\rm E}$ [arcsec]",
}
"""Property of a split -> label below its panels."""
WORDS = ("doubles", "others")


def error_distributions(
    points: Sequence[RowEstimates], published: Published | None = None, titles: Titles | None = None
) -> Figure:
    """Draw predicted minus true: a panel for each parameter, a ridge for each row.

    Parameters
    ----------
    points
        Estimates for one suite.
    published
        The paper's errors of the same suite, if there are any.
    titles
        All rows, in order; a row without points has an empty line with a note.
    """
    from matplotlib.figure import Figure

    shown = row_styles((point.row for point in points), titles)
    names = list(dict.fromkeys(name for point in points for name in point.names))
    places = {row: -float(i) for i, row in enumerate(shown)}
    answers = {point.row: point for point in points}
    with house_style():
        figure = Figure(figsize=(10.5, 0.52 * len(shown) + 1.3), layout="constrained")
        panels = figure.subplots(1, max(len(names), 1), sharey=True, squeeze=False)[0]
        for axes, name in zip(panels, names, strict=False):
            theirs = {row: errors[name] for row, errors in (published or {}).items() if name in errors and row in shown}
            _distributions(axes, name, answers, theirs, shown, places)
        name_rows(panels[0], places, {row: _counted(style, answers.get(row)) for row, style in shown.items()})
        suite = points[0].suite if points else "no answers"
        figure.supxlabel(f"{suite}: predicted minus true", fontsize=9, color=INK)
        legend(figure, (), _marks(any((published or {}).values())))
    return figure


def _counted(style: RowStyle, point: RowEstimates | None) -> str:
    """Title of a row with its lenses."""
    if point is None:
        return f"{style.title}  (none)"
    count = len(point.lens)
    return (
        f"{style.title}  ({count:,})"
        if count == point.attempted
        else f"{style.title}  ({count:,} of {point.attempted:,})"
    )


def _marks(paper: bool) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    ours = Line2D([], [], color=INK, lw=2.6, marker="o", mfc="white", ms=4, label="68 per cent interval, median")
    return [ours, Patch(fc="none", ec=INK, lw=0.9, label="the paper's interval")] if paper else [ours]


def _distributions(
    axes: Axes,
    name: str,
    answers: Mapping[str, RowEstimates],
    theirs: Mapping[str, float],
    shown: Mapping[str, RowStyle],
    places: Mapping[str, float],
) -> None:
    from matplotlib.patches import Rectangle

    differences = {row: point.difference(name) for row, point in answers.items() if name in point.names}
    differences = {row: values[np.isfinite(values)] for row, values in differences.items()}
    ends = {row: np.percentile(values, [EDGES[0], 50, EDGES[1]]) for row, values in differences.items() if values.size}
    reach = _reach([*(float(np.abs(three).max()) for three in ends.values()), *theirs.values()], name)
    axes.axvline(0.0, color=INK, lw=0.8, ls="--", zorder=0)
    for row, place in places.items():
        if row in theirs:
            box = (-theirs[row], place - 0.27), 2 * theirs[row], 0.24
            axes.add_patch(Rectangle(*box, fc="none", ec=INK, lw=0.9))
        if row not in ends:
            note_at(axes, place + 0.15, "no answer")
            continue
        ridge(axes, differences[row], place, shown[row], (-reach, reach))
        interval(axes, ends[row], place - 0.15, shown[row].colour)
        _outside(axes, differences[row], place, reach, shown[row])
    axes.set(xlim=(-reach, reach), ylim=(min(places.values()) - 0.45, 0.8), title=label(name, UNITS.get(name, "")))
    axes.locator_params(axis="x", nbins=5)
    axes.tick_params(axis="y", length=0)
    bare(axes, "left", "right", "top")


def _reach(ends: Sequence[float], name: str) -> float:
    """Half the range of the axis: three times the widest interval, unless one row is far worse than most."""
    good = [end for end in ends if np.isfinite(end) and end > 0] or [1.0]
    reach = min(3.0 * max(good), 8.0 * float(np.median(good)))
    return min(reach, 90.0) if name == "phi" else reach


def _outside(axes: Axes, values: np.ndarray, place: float, reach: float, style: RowStyle) -> None:
    """Write how many lenses are beyond either end."""
    for count, side, text in (
        (int((values < -reach).sum()), -1, "‹{}"),
        (int((values > reach).sum()), 1, "{}›"),
    ):
        if count:
            keywords: dict[str, Any] = {
                "ha": "left" if side < 0 else "right",
                "va": "bottom",
                "fontsize": 6.5,
                "color": style.colour,
            }
            axes.text(side * 0.98 * reach, place + 0.04, text.format(count), **keywords)


def splits(
    rows: Sequence[Row], titles: Titles | None = None, parameters: Sequence[str] = ("einstein_radius", "q")
) -> Figure:
    """Draw errors of doubles and others, against S/N and against the Einstein radius: a line of panels for each suite.

    Parameters
    ----------
    rows
        Rows of the table of errors: suite, row, parameter, split, property, bin_low, error, low, high. The split "all" is not drawn.
    titles
        All rows, in order.
    parameters
        Parameters that have panels; by default the two whose errors the paper gives for doubles (section 5.3).
    """
    from matplotlib.figure import Figure

    rows = [row for row in rows if known(row, "error") and row["split"] != ALL and row["parameter"] in parameters]
    shown, suites = row_styles(unique(rows, "row"), titles), unique(rows, "suite")
    columns = [(name, kind) for name in parameters if name in unique(rows, "parameter") for kind in _kinds(rows)]
    with house_style():
        size = (max(1.75 * len(columns), 4.0) + 0.5, 1.6 * max(len(suites), 1) + 0.9)
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(max(len(suites), 1), max(len(columns), 1), squeeze=False, sharex="col")
        for suite, panels in zip(suites, grid, strict=False):
            for (name, kind), axes in zip(columns, panels, strict=True):
                those = [row for row in rows if row["parameter"] == name and row["property"] == kind]
                first = panels[columns.index((name, columns[0][1]))]
                if axes is not first:
                    axes.sharey(first)
                    axes.tick_params(labelleft=False)
                _split(axes, [row for row in those if row["suite"] == suite], _bins(those), shown)
            panels[0].set_ylabel(suite, fontsize=8, fontweight="bold")
        for (name, kind), axes in zip(columns, grid[0], strict=False):
            axes.set_title(f"error of {label(name, UNITS.get(name, ''))}", fontsize=8.5)
            grid[-1, columns.index((name, kind))].set_xlabel(KINDS.get(kind, kind))
        if not columns:
            note_empty(grid[0, 0], "no errors of splits")
        legend(figure, [shown[name] for name in shown if name in unique(rows, "row")])
    return figure


def _kinds(rows: Sequence[Row]) -> list[str]:
    """Properties that lenses are split by, those of the paper's section 5.3 first."""
    found = unique(rows, "property")
    return [kind for kind in KINDS if kind in found] + [kind for kind in found if kind not in KINDS]


def _bins(rows: Sequence[Row]) -> dict[str, float | None]:
    """The bins of a property, the lowest first: name -> lower edge."""
    lower = {str(row["split"]): row["bin_low"] for row in rows}
    return dict(sorted(lower.items(), key=lambda bin: -np.inf if bin[1] is None else bin[1]))


def _split(axes: Axes, rows: Sequence[Row], bins: Mapping[str, float | None], shown: Mapping[str, RowStyle]) -> None:
    present, places = [name for name in shown if name in unique(rows, "row")], list(bins)
    for number, name in enumerate(present):
        style = shown[name]
        found = sorted((row for row in rows if row["row"] == name), key=lambda row: places.index(row["split"]))
        shift = 0.66 * ((number + 0.5) / len(present) - 0.5)
        x = np.array([places.index(row["split"]) for row in found]) + shift
        values = [row["error"] for row in found]
        axes.errorbar(x, values, bars(found, "error"), fmt=style.marker, ms=3.2, lw=0.9, color=style.colour)
        axes.plot(x, values, color=style.colour, lw=0.7, alpha=0.45)
    _name_bins(axes, bins)
    if rows:
        plain_log(axes, "y")
        axes.tick_params(axis="y", labelsize=7)
    else:
        note_empty(axes, "no answer")
    bare(axes)


def _name_bins(axes: Axes, bins: Mapping[str, float | None]) -> None:
    """Names below the bins if they are words; otherwise lower edges between them."""
    axes.set_xlim(-0.5, len(bins) - 0.5)
    for place in range(1, len(bins)):
        axes.axvline(place - 0.5, color=INK, alpha=0.15, lw=0.6)
    if set(bins) <= set(WORDS):
        axes.set_xticks(range(len(bins)), list(bins), fontsize=7)
        axes.tick_params(axis="x", length=0)
    else:
        edges = {place - 0.5: edge for place, edge in enumerate(bins.values()) if edge is not None}
        axes.set_xticks(list(edges), [f"{edge:g}" for edge in edges.values()], fontsize=7)
