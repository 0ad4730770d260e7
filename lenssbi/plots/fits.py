"""Quality of fits: coverage, errors and time, a row of panels for each suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lenssbi.plots.benchmark import ALL, LEVELS
from lenssbi.plots.style import COLOURS, INK, house_style, label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Row = Mapping[str, Any]
RADIUS = "einstein_radius"
MARKERS = "osD^vP*X"
WIDTH = 0.7  # share of the width of a level that the methods take


def fits_figure(lenses: Sequence[Row], coverage: Sequence[Row]) -> Figure:
    """Draw fits.

    Parameters
    ----------
    lenses
        Rows of `lenses.csv`: suite, method, lens, parameter, median, lower, upper, true, seconds.
    coverage
        Rows of `coverage.csv`: suite, method, split, parameter, credible_LEVEL, low_LEVEL, high_LEVEL [0-1].
    """
    from matplotlib.figure import Figure

    suites, methods = (list(dict.fromkeys(row[key] for row in lenses)) for key in ("suite", "method"))
    colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(methods)}
    markers = {name: MARKERS[i % len(MARKERS)] for i, name in enumerate(methods)}
    with house_style():
        figure = Figure(figsize=(10.5, 2.7 * len(suites) + 0.7), layout="constrained")
        grid = figure.subplots(len(suites), 3, squeeze=False)
        for suite, (left, middle, right) in zip(suites, grid, strict=True):
            ours = [row for row in lenses if row["suite"] == suite and row["parameter"]]
            shares = [row for row in coverage if row["suite"] == suite and row["split"] == ALL]
            for number, method in enumerate(methods):
                style = {"color": colours[method], "marker": markers[method], "label": method}
                place = WIDTH * ((number + 0.5) / len(methods) - 0.5)
                _coverage(left, [row for row in shares if row["method"] == method], place, style)
                _errors(middle, [r for r in ours if r["method"] == method and r["parameter"] == RADIUS], style)
                _time(right, [r for r in ours if r["method"] == method and r["parameter"] == RADIUS], style)
            _dress(left, middle, right, suite)
        handles = {
            text: handle for axes in grid.flat for handle, text in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=max(min(len(handles), 5), 1))
    return figure


def _coverage(axes: Axes, rows: Sequence[Row], place: float, style: Mapping[str, str]) -> None:
    """Coverage minus nominal at the three levels, a marker for each parameter."""
    for i, row in enumerate(rows):
        spread = 0.1 * (i / max(len(rows) - 1, 1) - 0.5)
        for x, (column, nominal) in enumerate(LEVELS):
            low, high = (100 * row[column.replace("credible", end)] - nominal for end in ("low", "high"))
            share = 100 * row[column] - nominal
            errors = [[max(share - low, 0.0)], [max(high - share, 0.0)]]
            axes.errorbar(x + place + spread, share, errors, fmt=style["marker"], ms=3, lw=0.8, color=style["color"])


def _errors(axes: Axes, rows: Sequence[Row], style: Mapping[str, str]) -> None:
    if not rows:
        return
    true, median, lower, upper = (np.array([row[key] for row in rows]) for key in ("true", "median", "lower", "upper"))
    errors = np.maximum([median - lower, upper - median], 0.0)
    kwargs: dict[str, Any] = {"color": style["color"], "fmt": style["marker"], "label": style["label"]}
    axes.errorbar(true, median - true, errors, ms=3, lw=0.7, alpha=0.8, **kwargs)


def _time(axes: Axes, rows: Sequence[Row], style: Mapping[str, str]) -> None:
    seconds = np.sort([row["seconds"] for row in rows if row["seconds"]])
    if seconds.size:
        share = 100 * (np.arange(seconds.size) + 0.5) / seconds.size
        axes.plot(seconds, share, color=style["color"], marker=style["marker"], ms=3, lw=1.0)


def _dress(left: Axes, middle: Axes, right: Axes, suite: str) -> None:
    for axes in (left, middle):
        axes.axhline(0.0, color=INK, lw=1.0, ls="--")
    left.set_xticks(range(len(LEVELS)), [f"{nominal} %" for _, nominal in LEVELS])
    left.set_title(f"{suite}: coverage minus nominal [points]")
    middle.set_title(f"{suite}: {label(RADIUS)} found minus true [arcsec]")
    middle.set_xlabel(f"true {label(RADIUS, 'arcsec')}")
    right.set_title(f"{suite}: time")
    right.set_ylim(0, 100)
    right.set_xscale("log")
    right.set_xlabel("seconds a lens")
    right.set_ylabel("per cent of the lenses")
    for axes in (left, middle, right):
        for side in ("right", "top"):
            axes.spines[side].set_visible(False)
