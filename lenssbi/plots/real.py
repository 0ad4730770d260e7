"""Radii of real lenses: ours against the published ones, a panel for each method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lenssbi.plots.comparison.row_style import RowStyle, bare, legend, note_empty, plain_log, row_styles, unique
from lenssbi.plots.style import INK, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Row = Mapping[str, Any]
TICKS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
FLAGGED: dict[str, Any] = {"mec": INK, "mfc": "white", "marker": "o", "label": "hollow: flagged"}


def ours_against_published(lenses: Sequence[Row], methods: Sequence[str], outlier: float) -> Figure:
    """Draw the radius of each lens with both error bars, on the line of equality if they agree; hollow markers are flagged.

    Parameters
    ----------
    lenses
        Rows with `id`, `kind`, `radius`, `radius_error` and, of each method, `<method>_radius`, `<method>_radius_error` and
        `<method>_flagged`; None if there is no value.
    methods
        "network", "fit": a panel each.
    outlier
        Relative difference at which the dotted lines stand.

    Returns
    -------
    matplotlib.figure.Figure
        On logarithmic axes of equal range [arcsec].
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    known = [row for row in lenses if row["radius"] is not None]
    kinds = row_styles(unique(known, "kind"))
    limits = _limits(known, methods)
    with house_style():
        figure = Figure(figsize=(1.0 + 4.0 * len(methods), 4.6), layout="constrained")
        panels = np.atleast_1d(figure.subplots(1, len(methods), sharex=True, sharey=True))
        for axes, method in zip(panels, methods, strict=True):
            _panel(axes, [row for row in known if row[f"{method}_radius"] is not None], method, kinds)
            _frame(axes, limits, outlier)
            axes.set_title(method)
        panels[0].set_ylabel("lenssbi [arcsec]")
        legend(figure, kinds.values(), [Line2D([], [], ls="", ms=5, **FLAGGED)], 2 * len(methods))
    return figure


def _limits(rows: Sequence[Row], methods: Sequence[str]) -> tuple[float, float]:
    names = ["radius", *(f"{method}_radius" for method in methods)]
    found = [row[name] for row in rows for name in names if row[name] is not None and row[name] > 0]
    return (0.8 * min(found), 1.25 * max(found)) if found else (0.3, 3.0)


def _panel(axes: Axes, rows: Sequence[Row], method: str, kinds: Mapping[str, RowStyle]) -> None:
    if not rows:
        note_empty(axes, "no answer")
    for row in rows:
        colour = kinds[row["kind"]].colour
        bars: dict[str, Any] = {"ecolor": colour, "elinewidth": 1.0, "mec": colour, "ms": 6.5, "mew": 1.2}
        filling = "white" if row[f"{method}_flagged"] else colour
        axes.errorbar(
            row["radius"],
            row[f"{method}_radius"],
            xerr=row["radius_error"],
            yerr=row[f"{method}_radius_error"],
            fmt=kinds[row["kind"]].marker,
            mfc=filling,
            **bars,
        )


def _frame(axes: Axes, limits: tuple[float, float], outlier: float) -> None:
    from matplotlib.ticker import LogLocator

    line = np.array(limits)
    axes.plot(line, line, color=INK, lw=0.8, ls="--", zorder=0)
    for factor in (1 - outlier, 1 + outlier):
        axes.plot(line, factor * line, color=INK, lw=0.6, ls=":", zorder=0)
    axes.set(xlim=limits, ylim=limits, xlabel="published [arcsec]")
    axes.set_box_aspect(1)
    for which, axis in (("x", axes.xaxis), ("y", axes.yaxis)):
        plain_log(axes, which)
        axis.set_major_locator(LogLocator(subs=TICKS))
    bare(axes)
