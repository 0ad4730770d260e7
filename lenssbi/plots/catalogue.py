"""A catalogue as a whole: distributions of its columns, medians against true values, and coverage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lenssbi.plots.comparison.row_style import bare, plain_log
from lenssbi.plots.style import COLOURS, INK, NETWORK, PRIOR, RESULT, TRUTH, house_style, label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BINS = (8, 40)  # fewest and most; between them the square root of the number of values
ACROSS = 5  # panels in a line, at most
LEAST = 5.0  # points above and below that a panel of coverage shows
EDGES = (0.005, 0.995)  # quantiles that are drawn between
PALETTE = {"all lenses": NETWORK, "refined": RESULT, "truth": TRUTH, "to look at": PRIOR, "network": NETWORK}


class Histogram(NamedTuple):
    """One panel: the text of its axis, and values by the name of their series, each of any shape (value,)."""

    title: str
    series: Mapping[str, NDArray[np.float64]]
    log: bool = False


class Recovered(NamedTuple):
    """One panel: name and unit of a parameter, and (truth, median) of the lenses by method, each of shape (lens,)."""

    name: str
    unit: str
    points: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]]


class Curves(NamedTuple):
    """One panel: share of truths inside minus level [points] by parameter, at `levels` [0-1], in the band `low` to `high`."""

    title: str
    levels: NDArray[np.float64]
    curves: Mapping[str, NDArray[np.float64]]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def histograms(panels: Sequence[Histogram]) -> Figure:
    """Draw distributions, each series of a panel with the same area; the first is filled and sets the limits of the panel."""
    with house_style():
        figure, grid = _grid(len(panels), 2.05)
        for axes, panel in zip(grid, panels, strict=False):
            _histogram(axes, panel)
        names = dict.fromkeys(name for panel in panels for name in panel.series)
        figure.legend(handles=[_patch(name) for name in names], loc="outside upper right", ncols=len(names))
    return figure


def recovered(panels: Sequence[Recovered]) -> Figure:
    """Draw medians against truths; on the line they are equal."""
    with house_style():
        figure, grid = _grid(len(panels), 2.6)
        for axes, panel in zip(grid, panels, strict=False):
            _recovered(axes, panel)
        grid[0].set_ylabel("median of the posterior")
        names = dict.fromkeys(name for panel in panels for name in panel.points)
        figure.legend(handles=[_patch(name) for name in names], loc="outside upper right", ncols=len(names))
    return figure


def coverage(panels: Sequence[Curves]) -> Figure:
    """Draw coverage minus nominal over the level, a panel for each method, with the band of a perfect posterior."""
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    names = list(dict.fromkeys(name for panel in panels for name in panel.curves))
    styles = {name: _line_style(number) for number, name in enumerate(names)}
    with house_style():
        figure = Figure(figsize=(5.2 * len(panels) + 0.3, 3.5), layout="constrained")
        grid = np.atleast_1d(figure.subplots(1, len(panels)))
        for axes, panel in zip(grid, panels, strict=True):
            axes.fill_between(100 * panel.levels, panel.low, panel.high, color=INK, alpha=0.1, lw=0)
            axes.axhline(0.0, color=INK, lw=1.0, ls="--")
            for name, curve in panel.curves.items():
                axes.plot(100 * panel.levels, curve, **styles[name])
            axes.set_title(panel.title)
            axes.set_ylim(min(axes.get_ylim()[0], -LEAST), max(axes.get_ylim()[1], LEAST))
            axes.set(xlim=(0, 100), xlabel="credibility of the central interval [per cent]")
            bare(axes)
        grid[0].set_ylabel("truths inside minus nominal [points]")
        handles = [Line2D([], [], **styles[name], label=label(name)) for name in names]
        figure.legend(handles=handles, loc="outside lower center", ncols=len(names))
    return figure


def _grid(count: int, height: float) -> tuple[Figure, list[Axes]]:
    """A figure with `count` panels in lines of `ACROSS` or fewer."""
    from matplotlib.figure import Figure

    lines = ceil(count / ACROSS)
    figure = Figure(figsize=(10.5, height * lines + 0.35), layout="constrained")
    grid = list(np.ravel(figure.subplots(lines, ceil(count / lines), squeeze=False)))
    for axes in grid[count:]:
        axes.set_axis_off()
    return figure, grid


def _histogram(axes: Axes, panel: Histogram) -> None:
    series = {name: _finite(values, panel.log) for name, values in panel.series.items()}
    first, *_ = series.values()
    if first.size:
        inside = np.concatenate(list(series.values()))
        # outwards, so that none of a few values is cut off
        low, high = np.quantile(inside, EDGES[0], method="lower"), np.quantile(inside, EDGES[1], method="higher")
        if low >= high:
            low, high = (low / 1.1, high * 1.1) if panel.log else (low - 0.5, high + 0.5)
        for number, (name, values) in enumerate(series.items()):
            edges = _edges(low, high, values.size, panel.log)
            counts, _ = np.histogram(values, edges)
            # by bins of the panel's width: on a logarithmic axis areas are compared as they are seen
            density = counts * (len(edges) - 1) / max(values.size, 1)
            style: dict[str, Any] = {"fill": True, "alpha": 0.55} if number == 0 else {"lw": 1.5}
            axes.stairs(density, edges, color=PALETTE[name], **style)
            if number == 0:
                axes.set_ylim(0, 1.6 * density.max())
        axes.set_xlim(low, high)
        if panel.log:
            plain_log(axes, "x")
    axes.set_yticks([])
    axes.set_xlabel(panel.title)
    bare(axes, "left", "right", "top")


def _edges(low: float, high: float, count: int, log: bool) -> NDArray[np.float64]:
    bins = int(np.clip(np.sqrt(count), *BINS))
    return np.geomspace(low, high, bins + 1) if log else np.linspace(low, high, bins + 1)


def _recovered(axes: Axes, panel: Recovered) -> None:
    everything = np.concatenate([truth for truth, _ in panel.points.values()])
    low, high = np.quantile(everything, EDGES)
    axes.axline((low, low), slope=1, color=INK, lw=0.8, ls="--")
    for number, (name, (truth, median)) in enumerate(panel.points.items()):
        # many points are made faint, or the scatter could not be seen in them
        alpha = float(np.clip(12 / np.sqrt(truth.size), 0.08, 0.9))
        axes.scatter(truth, median, s=5 + 5 * number, color=PALETTE[name], alpha=alpha, lw=0, rasterized=True)
    margin = 0.06 * max(high - low, 1e-6)
    axes.set(xlim=(low - margin, high + margin), ylim=(low - margin, high + margin))
    axes.set_xlabel(f"true {label(panel.name, panel.unit)}")
    bare(axes)


def _finite(values: NDArray[np.float64], log: bool) -> NDArray[np.float64]:
    return values[np.isfinite(values) & (values > 0 if log else True)]


def _patch(name: str) -> Any:
    from matplotlib.patches import Patch

    return Patch(color=PALETTE[name], label=name)


def _line_style(number: int) -> dict[str, Any]:
    """Colour and dashes of a line, which together identify it."""
    return {"color": COLOURS[number % len(COLOURS)], "ls": ("-", "--")[number // len(COLOURS) % 2], "lw": 1.5}
