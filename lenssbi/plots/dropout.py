"""Figure 4 of Pearson et al. (2021): coverage at 1, 2, 3 sigma for each dropout rate.

The narrow bars are the parameters, the wide ones behind them their average; the ideal case reaches the dashed lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lenssbi.plots.style import COLOURS, INK, NETWORK, RESULT, house_style, label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Coverage = Mapping[str, Mapping[Any, float]]  # name -> level -> share
MOST = 4  # panels in a row


def dropout_figure(rates: Sequence[tuple[float, Coverage]], best: int, how: str, count: int) -> Figure:
    """Draw the sweep.

    Parameters
    ----------
    rates
        Dropout rate, and name of the parameter -> nominal share -> share of the truths within that many sigma.
    best
        Index of the chosen rate.
    how
        Whether networks were trained with each rate, or one was evaluated with each.
    count
        Number of stamps.
    """
    from matplotlib.figure import Figure

    down = -(-len(rates) // MOST)
    across = -(-len(rates) // down)
    with house_style():
        figure = Figure(figsize=(3.3 * across + 0.4, 2.9 * down + 0.9), layout="constrained")
        panels = np.atleast_1d(figure.subplots(down, across, sharey=True, squeeze=False)).ravel()
        for i, (axes, (rate, coverage)) in enumerate(zip(panels, rates, strict=False)):
            _panel(axes, coverage)
            axes.set_title(f"dropout {100 * rate:g} per cent" + (": chosen" if i == best else ""))
            axes.title.set_color(RESULT if i == best else INK)
            axes.title.set_fontweight("bold" if i == best else "normal")
        for axes in panels[len(rates) :]:
            axes.set_visible(False)
        for axes in panels[::across]:
            axes.set_ylabel("truths inside [per cent]")
        handles, names = panels[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=len(names))
        figure.suptitle(f"Coverage by dropout rate ({how}; {count:,} stamps)", fontsize=11, color=INK)
    return figure


def _panel(axes: Axes, coverage: Coverage) -> None:
    names = list(coverage)
    levels = list(coverage[names[0]])
    places = np.arange(len(levels))
    shares = 100 * np.array([[coverage[name][level] for level in levels] for name in names])
    axes.bar(places, shares.mean(axis=0), 0.86, color=NETWORK, alpha=0.35, label="average")
    width = 0.7 / len(names)
    for i, (name, colour) in enumerate(zip(names, COLOURS, strict=False)):
        axes.bar(places + (i - (len(names) - 1) / 2) * width, shares[i], 0.85 * width, color=colour, label=label(name))
    for place, level in zip(places, levels, strict=True):
        axes.plot([place - 0.48, place + 0.48], [100 * float(level)] * 2, color=INK, lw=1.2, ls="--")
    axes.set_xticks(places, [f"{i + 1}σ" for i in places])
    axes.set_ylim(0, 105)
    axes.tick_params(axis="x", length=0)
    for side in ("right", "top"):
        axes.spines[side].set_visible(False)
