"""Quality of the methods: errors against signal to noise, and coverage in each split.

A network's average is of little use for a single lens: both figures show how its errors and their coverage
depend on the stamp.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lenssbi.plots.style import INK, NETWORK, PRIOR, RESULT, TRUTH, house_style, label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Row = Mapping[str, Any]
COLOURS = (RESULT, PRIOR, TRUTH, "#e09f3e", "#6a4c93", NETWORK)
MARKERS = "osD^vP"
LEVELS = (("credible_0.683", 68.3), ("credible_0.955", 95.5), ("credible_0.997", 99.7))
BINS = "S/N "  # prefix of the names of these splits
ALL = "all"


def errors_by_snr(rows: Sequence[Row]) -> Figure:
    """Draw errors against signal to noise: a row of panels for each suite, a panel for each parameter.

    Parameters
    ----------
    rows
        Rows of `accuracy.csv`: suite, method, split, parameter, unit, error, scatter, paper, wanted. The dashed line is the paper's error
        on its own suite, of unknown signal to noise, the dotted line is the target.
    """
    from matplotlib.figure import Figure

    suites, parameters = _unique(rows, "suite"), _unique(rows, "parameter")
    methods, bins = _unique(rows, "method"), [s for s in _unique(rows, "split") if s.startswith(BINS)]
    places = [*_by_edge(bins), ALL]
    with house_style():
        figure = Figure(figsize=(2.9 * len(parameters) + 0.3, 2.3 * len(suites) + 0.7), layout="constrained")
        grid = figure.subplots(len(suites), len(parameters), squeeze=False)
        for suite, panels in zip(suites, grid, strict=True):
            for parameter, axes in zip(parameters, panels, strict=True):
                those = [row for row in rows if row["suite"] == suite and row["parameter"] == parameter]
                _errors(axes, those, methods, places)
                axes.set_title(f"{suite}: {label(parameter, those[0]['unit'])}" if those else "")
                axes.set_visible(bool(those))
        figure.supylabel("68 per cent error", fontsize=9, color=INK)
        figure.supxlabel("signal to noise", fontsize=9, color=INK)
        _legend(figure, grid)
    return figure


def coverage_by_split(rows: Sequence[Row], overall: float, splits: float) -> Figure:
    """Draw coverage minus nominal in every split: a row of panels for each method, a panel for each level.

    Parameters
    ----------
    rows
        Rows of `coverage.csv`, all of one suite.
    overall, splits
        Tolerated deviations [0-1] for all stamps and for a split; the shaded band.
    """
    from matplotlib.figure import Figure

    methods, places, parameters = _unique(rows, "method"), _unique(rows, "split"), _unique(rows, "parameter")
    with house_style():
        height = (0.2 * len(places) + 0.8) * len(methods) + 0.6
        figure = Figure(figsize=(9.6, height), layout="constrained")
        grid = figure.subplots(len(methods), len(LEVELS), squeeze=False, sharey="row")
        for method, panels in zip(methods, grid, strict=True):
            for (column, nominal), axes in zip(LEVELS, panels, strict=True):
                those = [row for row in rows if row["method"] == method]
                _deviations(axes, those, parameters, places, (column, nominal))
                bands = np.array([overall if place == ALL else splits for place in places])
                axes.barh(np.arange(len(places)), 200 * bands, 1.0, -100 * bands, color=INK, alpha=0.1, lw=0)
                axes.set_title(f"{method}: {nominal} per cent")
            panels[0].set_yticks(range(len(places)), places)
            panels[0].invert_yaxis()
        figure.supxlabel(f"coverage minus nominal, {rows[0]['suite']} [points]", fontsize=9, color=INK)
        _legend(figure, grid)
    return figure


def _errors(axes: Axes, rows: Sequence[Row], methods: Sequence[str], places: Sequence[str]) -> None:
    for number, method in enumerate(methods):
        those = {row["split"]: row for row in rows if row["method"] == method}
        found = [(x + 0.08 * number, those[place]) for x, place in enumerate(places) if place in those]
        if not found:
            continue
        x, values, scatter = np.array([(x, row["error"], row["scatter"]) for x, row in found]).T
        colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
        axes.errorbar(x, values, scatter, fmt=marker, ms=4.5, lw=1.2, color=colour, label=method)
        bins = [i for i, (_, row) in enumerate(found) if row["split"] != ALL]
        axes.plot(x[bins], values[bins], color=colour, lw=1.0, alpha=0.6)
    for key, style, name in (("paper", "--", "paper"), ("wanted", ":", "wanted")):
        numbers = {row[key] for row in rows if row[key] is not None}
        if numbers:
            axes.axhline(numbers.pop(), color=INK, ls=style, lw=1.2, label=name)
    axes.set_xticks(range(len(places)), [place.removeprefix(BINS) for place in places])
    axes.set_ylim(bottom=0.0)
    _bare(axes)


def _deviations(
    axes: Axes, rows: Sequence[Row], parameters: Sequence[str], places: Sequence[str], level: tuple[str, float]
) -> None:
    column, nominal = level
    axes.axvline(0.0, color=INK, lw=1.0, ls="--")
    for number, parameter in enumerate(parameters):
        found = [(places.index(row["split"]), row) for row in rows if row["parameter"] == parameter]
        if not found:
            continue
        shift = 0.6 * ((number + 0.5) / len(parameters) - 0.5)
        values = np.array([100 * row[column] - nominal for _, row in found])
        scatter = [np.sqrt(nominal * (100 - nominal) / row["stamps"]) for _, row in found]
        colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
        y = np.array([place for place, _ in found]) + shift
        axes.errorbar(values, y, xerr=scatter, fmt=marker, ms=3.5, lw=1.0, color=colour, label=label(parameter))
    _bare(axes)


def _by_edge(bins: Sequence[str]) -> list[str]:
    """Names of bins, the lowest first."""
    return sorted(bins, key=lambda name: float(name.removeprefix(BINS).rstrip("+").partition("-")[0]))


def _unique(rows: Sequence[Row], key: str) -> list[str]:
    return list(dict.fromkeys(str(row[key]) for row in rows))


def _legend(figure: Figure, grid: np.ndarray) -> None:
    handles = {
        name: handle for axes in grid.flat for handle, name in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=max(len(handles), 1))


def _bare(axes: Axes) -> None:
    for side in ("right", "top"):
        axes.spines[side].set_visible(False)
