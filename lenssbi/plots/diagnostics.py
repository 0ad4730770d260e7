"""sbi's tests in one figure: SBC, expected coverage, TARP and LC2ST.

    SBC                 share of the truths below a rank, minus what it should be; a slope up and down again around the middle means
                        too narrow or too wide, a bow to one side biased
    expected coverage   share of the truths in the ellipsoids that hold a mass of the joint posterior: on the diagonal if right
    TARP                the same for spheres about random points, where a wrong width bends the curve to both sides: too wide is below
                        the diagonal for small credibilities and above it for large ones, too narrow the other way round
    LC2ST               how well a classifier distinguishes truths from draws, among classifiers that can only guess

The bands hold 95 per cent of the curves of perfect posteriors (Kolmogorov & Smirnov: 1.36 / sqrt(n)).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from lenssbi.plots.style import COLOURS, INK, NETWORK, RESULT, house_style, label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Curves = Mapping[str, tuple[np.ndarray, np.ndarray]]
BAND = 1.36  # 95 per cent point of the Kolmogorov distribution


def diagnostics_figure(curves: Mapping[str, Curves], statistic: float, null: np.ndarray, count: int) -> Figure:
    """Draw the tests.

    Parameters
    ----------
    curves
        "SBC" -> parameter -> (rank, share below), "expected coverage" and "TARP" -> curve -> (credibility, share inside).
    statistic, null
        Statistic of LC2ST, and those of classifiers that can only guess, shape (trial,).
    count
        Number of stamps.
    """
    from matplotlib.figure import Figure

    with house_style():
        figure = Figure(figsize=(9.0, 7.4), layout="constrained")
        panels = figure.subplots(2, 2).ravel()
        _ranks(panels[0], curves["SBC"], BAND / np.sqrt(count))
        for axes, name, what, high, low in (
            (panels[1], "expected coverage", "ellipsoids about the mean", "too wide", "too narrow"),
            (
                panels[2],
                "TARP",
                "spheres about random points",
                "an S: too wide",
                "its mirror image: too narrow",
            ),
        ):
            _coverage(axes, curves[name], BAND / np.sqrt(count))
            axes.annotate(high, (0.04, 0.7), color=INK, alpha=0.6)
            axes.annotate(low, (0.96, 0.25), color=INK, alpha=0.6, ha="right")
            axes.set_title(f"{name}: {what}")
        _local(panels[3], statistic, null)
        figure.suptitle(f"Tests of the posteriors on {count:,} stamps kept aside", fontsize=11, color=INK)
    return figure


def _ranks(axes: Axes, curves: Curves, band: float) -> None:
    axes.axhspan(-band, band, color=INK, alpha=0.1, lw=0, label="95 per cent of perfect ones")
    axes.axhline(0, color=INK, lw=1.0, ls="--")
    for (name, (ranks, shares)), colour in zip(curves.items(), COLOURS, strict=False):
        axes.plot(ranks, shares - ranks, color=colour, lw=1.5, label=label(name))
    limit = 1.8 * max(band, *(np.abs(shares - ranks).max() for ranks, shares in curves.values()))
    axes.set(
        xlim=(0, 1),
        ylim=(-limit, limit),
        xlabel="rank of the truth among the draws",
        ylabel="share of truths below - rank",
    )
    axes.legend(loc="upper center", ncols=2)
    axes.set_title("SBC: ranks, recalibrated")


def _coverage(axes: Axes, curves: Curves, band: float) -> None:
    x = np.array([0.0, 1.0])
    axes.fill_between(x, np.clip(x - band, 0, 1), np.clip(x + band, 0, 1), color=INK, alpha=0.1, lw=0)
    axes.plot(x, x, color=INK, lw=1.0, ls="--")
    for (name, (levels, shares)), colour in zip(curves.items(), (NETWORK, RESULT), strict=False):
        axes.plot(levels, shares, color=colour, lw=1.8, label=name)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="credibility claimed", ylabel="share of truths inside")
    axes.legend(loc="lower right")


def _local(axes: Axes, statistic: float, null: np.ndarray) -> None:
    axes.hist(null, bins=15, color=NETWORK, alpha=0.6, label="classifiers that can only guess")
    axes.axvline(statistic, ymax=0.8, color=RESULT, lw=2.2, label="truths against draws")
    axes.set_ylim(top=1.35 * axes.get_ylim()[1])
    axes.set(xlabel=r"mean of (probability - 1/2)$^2$", ylabel="trials")
    axes.legend(loc="upper right")
    axes.set_title("LC2ST: right of the histogram means rejected")
