"""Coverage: how often the truth lies inside intervals of nominal probability.

A calibrated estimator's points lie on the dashed lines; below them it is overconfident, above them too cautious. The error
bars are binomial, sqrt(p (1 - p) / n) for the nominal share p: what a perfect estimator would scatter by.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lenssbi.plots.style import INK, NETWORK, RESULT, house_style, label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Coverage = Mapping[str, Mapping[Any, float]]  # name -> level, as a number or as text -> share


def coverage_figure(before: Coverage, after: Coverage, count: int) -> Figure:
    """Draw coverage before and after recalibration.

    Parameters
    ----------
    before, after
        Name of the parameter -> nominal share -> share of the truths found inside.
    count
        Number of stamps, for the expected scatter.
    """
    from matplotlib.figure import Figure

    levels = sorted(float(level) for level in next(iter(after.values())))
    with house_style():
        figure = Figure(figsize=(3.1 * len(levels) + 0.4, 3.5), layout="constrained")
        panels = np.atleast_1d(figure.subplots(1, len(levels)))
        for axes, level in zip(panels, levels, strict=True):
            _panel(axes, level, before, after, count)
        panels[0].set_ylabel("share of truths inside [per cent]")
        handles, names = panels[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=len(names))
        figure.suptitle(f"Coverage on {count:,} stamps kept aside", fontsize=11, color=INK)
    return figure


def _panel(axes: Axes, level: float, before: Coverage, after: Coverage, count: int) -> None:
    names = list(after)
    places = np.arange(len(names))
    scatter = 100 * np.sqrt(level * (1 - level) / max(count, 1))
    axes.axhspan(100 * level - scatter, 100 * level + scatter, color=INK, alpha=0.1, lw=0, label="1σ of a perfect one")
    axes.axhline(100 * level, color=INK, lw=1.2, ls="--", label="nominal")
    for coverage, colour, name, shift in (
        (before, NETWORK, "as trained", -0.16),
        (after, RESULT, "recalibrated", 0.16),
    ):
        shares = np.array([100 * _share(coverage.get(parameter, {}), level) for parameter in names])
        # points, not bars: a bar that does not start at zero misleads
        axes.errorbar(places + shift, shares, scatter, fmt="o", ms=6, lw=1.6, capsize=3, color=colour, label=name)
        for x, share in zip(places + shift, shares, strict=True):
            place = (7 if shift > 0 else -7, 0)
            side = "left" if shift > 0 else "right"
            text = f"{share:.1f}" if np.isfinite(share) else ""
            axes.annotate(text, (x, share), place, textcoords="offset points", ha=side, va="center", fontsize=7.5)
    low, high = axes.get_ylim()
    axes.set_ylim(max(0.0, low), max(min(100.4, high), 100 * level + 2 * scatter))
    axes.set_xlim(-0.75, len(names) - 0.25)
    axes.set_xticks(places, [label(name) for name in names])
    axes.tick_params(axis="x", length=0)
    axes.set_title(f"{100 * level:.1f} per cent intervals")
    for side in ("right", "top"):
        axes.spines[side].set_visible(False)


def _share(shares: Mapping[Any, float], level: float) -> float:
    return next((float(share) for key, share in shares.items() if float(key) == level), float("nan"))
