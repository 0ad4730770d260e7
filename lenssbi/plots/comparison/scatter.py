"""Predicted against true, lens by lens (Pearson et al. 2021, figures 9, 10, 13, 14, 17 and 18), and the misses in sigma below.

A column for each row of the tables and a line of panels for each parameter, on equal axes, so that rows and parameters can be
compared along a line. Lenses beyond the panel are triangles at its edge; hollow markers are lenses that were flagged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lenssbi.plots.comparison.row_style import UNITS, RowEstimates, RowStyle, Titles, bare, note_empty, row_styles
from lenssbi.plots.style import INK, house_style, label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

DEEPEST = 5.5  # sigma that the lower panels reach to


def scatter(points: Sequence[RowEstimates], titles: Titles | None = None) -> Figure:
    """Draw predicted against true with error bars, and (predicted - true) / sigma below.

    Parameters
    ----------
    points
        Estimates for one suite. Orientations are drawn within 90 deg of the true one.
    titles
        All rows, in order; a row without points has an empty column.
    """
    from matplotlib.figure import Figure

    shown = row_styles((point.row for point in points), titles)
    names = list(dict.fromkeys(name for point in points for name in point.names)) or ["q"]
    answers = {point.row: point for point in points}
    with house_style():
        width, height = 1.3 * max(len(shown), 2) + 0.9, 2.0 * len(names) + 0.95
        figure = Figure(figsize=(width, height))
        edges = {"left": 0.75 / width, "right": 1 - 0.15 / width, "bottom": 0.5 / height, "top": 1 - 0.45 / height}
        outer = figure.add_gridspec(len(names), max(len(shown), 1), wspace=0.14, hspace=0.16, **edges)
        for line, name in enumerate(names):
            limits = _limits(name, points)
            for column, (row, style) in enumerate(shown.items()):
                inner = outer[line, column].subgridspec(2, 1, height_ratios=(2.6, 1), hspace=0.0)
                upper = figure.add_subplot(inner[0])
                lower = figure.add_subplot(inner[1], sharex=upper)
                _pair(upper, lower, answers.get(row), name, style, limits)
                _dress(upper, lower, name, style.title if line == 0 else "", column == 0)
        suite = points[0].suite if points else "no answers"
        figure.supxlabel(f"{suite}: true (hollow: flagged; triangles: beyond the panel)", fontsize=9, color=INK)
        figure.supylabel("predicted; below: (predicted - true) / σ", x=0.1 / width, fontsize=9, color=INK)
    return figure


def _limits(name: str, points: Sequence[RowEstimates]) -> tuple[float, float]:
    """Range of the truths of all rows, with a margin for the misses."""
    true = np.concatenate([point.true[name] for point in points if name in point.names] or [np.array([0.0, 1.0])])
    low, high = np.nanmin(true), np.nanmax(true)
    margin = 0.12 * (high - low) if high > low else 0.1 * (abs(high) or 1.0)
    return float(low - margin), float(high + margin)


def _pair(
    upper: Axes, lower: Axes, point: RowEstimates | None, name: str, style: RowStyle, limits: tuple[float, float]
) -> None:
    upper.set(xlim=limits, ylim=limits)
    lower.set(ylim=(-DEEPEST - 0.9, DEEPEST + 0.9))
    if point is None or name not in point.names:
        note_empty(upper, "no answer")
        return
    upper.plot(limits, limits, color=INK, lw=0.8, ls="--", zorder=0)
    lower.axhspan(-1, 1, color=INK, alpha=0.1, lw=0)
    lower.axhline(0.0, color=INK, lw=0.6)
    true, sigma = point.true[name], point.sigma[name]
    difference = point.difference(name)
    bar = np.where(np.isfinite(sigma), sigma, 0.0)
    alpha = float(np.clip(80 / max(true.size, 1), 0.2, 0.85))
    error: dict[str, Any] = {"fmt": "none", "ecolor": style.colour, "elinewidth": 0.5, "alpha": 0.5 * alpha}
    upper.errorbar(true, true + difference, bar, rasterized=True, **error)
    pull = np.divide(difference, sigma, out=np.full(true.shape, np.nan), where=sigma > 0)
    for flagged in (False, True):
        those, keywords = point.flagged == flagged, _marker_keywords(style, flagged, alpha)
        _markers(upper, true[those], (true + difference)[those], limits, keywords)
        _markers(lower, true[those], pull[those], (-DEEPEST, DEEPEST), keywords)


def _marker_keywords(style: RowStyle, flagged: bool, alpha: float) -> dict[str, Any]:
    edge, filling, strength = (INK, "white", 0.9) if flagged else (style.colour, style.colour, alpha)
    keywords: dict[str, Any] = {"ls": "", "mec": edge, "mfc": filling, "mew": 0.6, "alpha": strength}
    return keywords | {"rasterized": True, "clip_on": False}


def _markers(
    axes: Axes,
    x: NDArray[np.floating],
    y: NDArray[np.floating],
    limits: tuple[float, float],
    keywords: Mapping[str, Any],
) -> None:
    """Points, and triangles at the edges of the panel for those beyond."""
    below, above = y < limits[0], y > limits[1]
    inside = (y >= limits[0]) & (y <= limits[1])
    axes.plot(x[inside], y[inside], "o", ms=2.4, **keywords)
    axes.plot(x[below], np.full(below.sum(), limits[0]), "v", ms=3.4, **keywords)
    axes.plot(x[above], np.full(above.sum(), limits[1]), "^", ms=3.4, **keywords)


def _dress(upper: Axes, lower: Axes, name: str, title: str, first: bool) -> None:
    upper.set_title(_wrapped(title), fontsize=8.5)
    upper.tick_params(labelbottom=False, labelleft=first, labelsize=7.5)
    lower.tick_params(labelleft=first, labelsize=7.5)
    lower.set_yticks([-3, 0, 3])
    if first:
        upper.set_ylabel(label(name, UNITS.get(name, "")))
    bare(upper)
    bare(lower)


def _wrapped(title: str) -> str:
    from textwrap import fill

    return fill(title.replace("_", " "), 15)
