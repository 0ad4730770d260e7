"""Figures of the page, with their captions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lenssbi.calibration.catalogues import GRID, METHODS, Coverage
from lenssbi.catalogue.arrays import Parameter, numbers, texts, truths
from lenssbi.pipelines.report.lenses import NUMBERS
from lenssbi.plots import catalogue as plots
from lenssbi.plots.style import label, save

if TYPE_CHECKING:
    from astropy.table import Table
    from matplotlib.figure import Figure

FEWEST = 10  # smallest number of lenses for a distribution
COLOURS = 256  # number of colours of the PNG of a figure
MEASURES = ("snr", "chi2_per_pixel", "misspecification", "seconds")
LOG = ("snr", "seconds")
Mask = NDArray[np.bool_]


class Drawn(NamedTuple):
    """A figure of a section: its file and its caption."""

    section: str
    path: Path
    text: str


def draw(table: Table, parameters: Sequence[Parameter], covered: Sequence[Coverage], folder: Path) -> Iterator[Drawn]:
    """Draw the figures for which there are data.

    Parameters
    ----------
    table
        Catalogue, one row per lens.
    parameters
        Parameters of the catalogue.
    covered
        Coverage of each method; none if no truth is known.
    folder
        Folder for the files.
    """
    methods = np.array(texts(table, "method"))
    if parameters and len(table) >= FEWEST:
        figure = plots.histograms([_distribution(parameter, methods == "refined") for parameter in parameters])
        text = "Medians of the posteriors, each series to the same area; the outermost half per cent is cut off on either side."
        yield _drawn("distributions", "parameters", figure, text, folder)
    measures = list(_measures(table))
    if measures and len(table) >= FEWEST:
        text = "Signal-to-noise ratios, fits and times of all lenses, and of those that need a human."
        yield _drawn("distributions", "measures", plots.histograms(measures), text, folder)
    if covered:
        text = "Medians against truths: on the dashed line they agree. Orientations are drawn within 90 degrees of the truth."
        panels = [_recovered(parameter, methods) for parameter in parameters if _varies(parameter)]
        if panels:
            yield _drawn("coverage", "recovered", plots.recovered(panels), text, folder)
        text = (
            "Share of truths inside the central interval, minus its credibility: zero is right, below it the errors are too small. "
            "The band holds 95.5 per cent of what as many lenses of a perfect posterior would show."
        )
        yield _drawn("coverage", "coverage", plots.coverage([_curves(one) for one in covered]), text, folder)


def _drawn(section: str, name: str, figure: Figure, text: str, folder: Path) -> Drawn:
    return Drawn(section, save(figure, folder / f"{name}.png", COLOURS), text)


def _distribution(parameter: Parameter, refined: Mask) -> plots.Histogram:
    series = {"all lenses": parameter.median}
    if refined.any():
        series["refined"] = parameter.median[refined]
    if np.isfinite(parameter.truth).any():
        series["truth"] = parameter.truth
    return plots.Histogram(label(parameter.name, parameter.unit), series)


def _measures(table: Table) -> Iterator[plots.Histogram]:
    flagged = truths(table, "needs_human")
    for name in MEASURES:
        values = numbers(table, name)
        if np.isfinite(values).any():
            series = {"all lenses": values} | ({"to look at": values[flagged]} if flagged.any() else {})
            unit = str(table[name].unit or "")
            yield plots.Histogram(f"{NUMBERS[name]} [{unit}]" if unit else NUMBERS[name], series, name in LOG)


def _varies(parameter: Parameter) -> bool:
    """Whether there are at least two known truths, which differ."""
    known = parameter.truth[np.isfinite(parameter.difference())]
    return known.size > 1 and bool(np.ptp(known) > 0)


def _recovered(parameter: Parameter, methods: NDArray[np.str_]) -> plots.Recovered:
    known = np.isfinite(parameter.difference())
    near = parameter.truth + parameter.difference()
    chosen = {name: known & (methods == name) for name in METHODS}
    points = {name: (parameter.truth[mine], near[mine]) for name, mine in chosen.items() if mine.any()}
    return plots.Recovered(parameter.name, parameter.unit, points)


def _curves(covered: Coverage) -> plots.Curves:
    curves = {one.parameter: one.curve for one in covered.judged}
    most = max(one.lenses for one in covered.judged)
    title = f"{covered.method}, {most:,} lenses"
    return plots.Curves(title, GRID, curves, covered.low, covered.high)
