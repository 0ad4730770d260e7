"""Coverage in subsets, where an average may hide wrong error bars.

One row for each subset, one column for each interval. Dark bands are the tolerances, of all stamps in the first row and of the
subsets below; the bars are binomial, of one sigma of a perfect posterior, and a point fails if it lies more than two of them
outside its band. Subsets with too few stamps are pale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from lenssbi.plots.style import COLOURS, INK, house_style, label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Row = tuple[str, int, bool, Mapping[str, Mapping[Any, float]]]
"""Name of the subset, stamps in it, whether they are too few, parameter -> level -> share of the truths inside."""
TITLES = {"einstein_radius": r"$\theta_{{\rm E}}$ {} arcsec", "multiplicity": "{} images", "q": r"$q$ {}"}


def splits_figure(rows: Sequence[Row], tolerances: tuple[float, float]) -> Figure:
    """Draw coverage in subsets.

    Parameters
    ----------
    rows
        Coverage of all stamps first; the names of the others are "property bin".
    tolerances
        Tolerances for all stamps, and for a subset; 0.02 for two points.
    """
    from matplotlib.figure import Figure

    names = list(rows[0][3])
    levels = list(rows[0][3][names[0]])
    groups = [list(group) for _, group in groupby(range(len(rows)), key=lambda i: rows[i][0].rsplit(" ", 1)[0])]
    gaps = {i: 0.8 * place for place, group in enumerate(groups) for i in group}
    places = np.array([-(i + gaps[i]) for i in range(len(rows))])
    with house_style():
        figure = Figure(figsize=(10.0, 1.6 + 0.36 * -places[-1]), layout="constrained")
        panels = np.atleast_1d(figure.subplots(1, len(levels), sharey=True))
        for axes, level in zip(panels, levels, strict=True):
            _panel(axes, level, rows, places, tolerances)
        panels[0].set_yticks(places, [f"{_title(row[0])}   ({row[1]:,})" for row in rows])
        handles, shown = panels[0].get_legend_handles_labels()
        figure.legend(handles, shown, loc="outside lower center", ncols=len(shown))
        figure.suptitle("Coverage of the recalibrated posteriors, in all stamps and in subsets", fontsize=11, color=INK)
    return figure


def _panel(axes: Axes, level: Any, rows: Sequence[Row], places: np.ndarray, tolerances: tuple[float, float]) -> None:
    nominal = float(level)
    for i, place in enumerate(places):
        tolerance = 100 * tolerances[0 if i == 0 else 1]
        name = "tolerance (a miss: two bars outside)" if i == 0 else None
        axes.fill_betweenx(
            [place - 0.5, place + 0.5],
            100 * nominal - tolerance,
            min(100 * nominal + tolerance, 100),
            color=INK,
            alpha=0.09,
            lw=0,
            label=name,
        )
    axes.axvline(100 * nominal, color=INK, lw=1.0, ls="--", label="nominal")
    names = list(rows[0][3])
    shifts = np.linspace(0.28, -0.28, len(names)) if len(names) > 1 else np.zeros(1)
    for name, shift, colour in zip(names, shifts, COLOURS, strict=False):
        for pale in (False, True):
            chosen = [i for i, row in enumerate(rows) if (row[2] and i > 0) == pale]
            if not chosen:
                continue
            shares = 100 * np.array([rows[i][3][name][level] for i in chosen])
            scatter = 100 * np.sqrt(nominal * (1 - nominal) / np.array([rows[i][1] for i in chosen]))
            style: dict[str, Any] = {"fmt": "o", "ms": 4, "lw": 1.2, "color": colour, "alpha": 0.3 if pale else 1.0}
            axes.errorbar(shares, places[chosen] + shift, xerr=scatter, label=None if pale else label(name), **style)
    axes.set_xlim(right=min(axes.get_xlim()[1], 101.0))
    axes.set_title(f"{100 * nominal:.1f} per cent intervals")
    axes.set_xlabel("truths inside [per cent]")
    axes.tick_params(axis="y", length=0)
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)


def _title(name: str) -> str:
    kind, _, interval = name.rpartition(" ")
    return TITLES[kind].format(interval) if kind in TITLES else name
