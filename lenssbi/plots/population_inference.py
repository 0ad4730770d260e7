"""A population: the distribution of a parameter over the lenses, and its uncertainty.

Left, the distribution: the median and the 68 and 95 per cent intervals of the inferred populations, over a histogram of the lenses'
medians, which is widened by their errors and biased towards their prior; dashed, that prior. Right, mean and scatter, with the 68 and 95
per cent regions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.plots.style import INK, NETWORK, PRIOR, RESULT, TRUTH, house_style, label, value_with_errors
from lenssbi.population_inference import BinnedPosteriors, InterimPrior, PopulationPosterior, Quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POINTS, DRAWS, MOST_BINS = 400, 1000, 40
REGIONS = (0.955, 0.683)


def population_figure(
    posterior: PopulationPosterior,
    posteriors: BinnedPosteriors,
    prior: InterimPrior | None = None,
    truth: tuple[float, float] | None = None,
) -> Figure:
    """Draw a population.

    Parameters
    ----------
    posterior
        Posterior of mean and scatter.
    posteriors
        Binned posteriors of the lenses.
    prior
        Prior that was divided out, if it is the same for all.
    truth
        True mean and scatter, on the quantity's scale.
    """
    from matplotlib.figure import Figure

    with house_style():
        figure = Figure(figsize=(8.6, 3.6), layout="constrained")
        distribution, plane = figure.subplots(1, 2, width_ratios=(1.35, 1))
        _distribution(distribution, posterior, posteriors, prior, truth)
        _plane(plane, posterior, truth)
        figure.suptitle(f"{_name(posterior.quantity)} of {len(posteriors):,} lenses", fontsize=11, color=INK)
    return figure


def _distribution(
    axes: Axes,
    posterior: PopulationPosterior,
    posteriors: BinnedPosteriors,
    prior: InterimPrior | None,
    truth: tuple[float, float] | None,
) -> None:
    low, high = posterior.limits
    x = np.linspace(low, high, POINTS)
    draws = posterior.sample(DRAWS, np.random.default_rng(0))  # fixed seed: the same result gives the same picture
    levels = np.quantile(posterior.densities(x, draws), (0.0225, 0.16, 0.5, 0.84, 0.9775), axis=0)
    bins = min(MOST_BINS, max(6, round(2 * np.sqrt(len(posteriors)))))
    counts, edges = np.histogram(posteriors.medians, bins, range=(low, high), density=True)
    axes.stairs(counts, edges, fill=True, color=NETWORK, alpha=0.35, label="the lenses' medians")
    for first, last, alpha in ((0, 4, 0.2), (1, 3, 0.4)):
        axes.fill_between(x, levels[first], levels[last], color=RESULT, alpha=alpha, lw=0)
    axes.plot(x, levels[2], color=RESULT, lw=1.8, label="population")
    if prior is not None:
        axes.plot(x, np.exp(prior.log_prob(x)), color=PRIOR, lw=1.4, ls="--", label="prior, divided out")
    if truth is not None:
        axes.plot(x, _true_density(posterior, x, truth), color=TRUTH, lw=1.6, ls=":", label="truth")
    axes.set(xlim=(low, high), xlabel=_name(posterior.quantity), ylabel="density")
    # the 95 per cent of a population that may have no scatter reach to infinity
    axes.set_ylim(0, 1.3 * max(min(levels[3].max(), 3 * levels[2].max()), counts.max()))
    axes.set_yticks([])
    axes.legend(loc="best")


def _true_density(posterior: PopulationPosterior, x: FloatArray, truth: tuple[float, float]) -> FloatArray:
    from lenssbi.posteriors import Samples

    return posterior.densities(x, Samples(np.array([truth]), ("mean", "scatter"), ("", "")))[0]


def _plane(axes: Axes, posterior: PopulationPosterior, truth: tuple[float, float] | None) -> None:
    means, scatters = (0.5 * (edges[1:] + edges[:-1]) for edges in (posterior.means, posterior.scatters))
    heights = [_height(posterior.mass, share) for share in REGIONS]
    top = float(posterior.mass.max()) * 1.001
    for height, alpha in zip(heights, (0.25, 0.6), strict=True):
        axes.contourf(means, scatters, posterior.mass.T, [height, top], colors=[RESULT], alpha=alpha)
    if truth is not None:
        axes.plot(*truth, "+", color=TRUTH, ms=13, mew=2, label="truth")
        axes.legend(loc="best")
    summary = posterior.summary()
    for edges, set_limits, name in (
        (posterior.means, axes.set_xlim, "mean"),
        (posterior.scatters, axes.set_ylim, "scatter"),
    ):
        found = summary[name]
        reach = 4.5 * found.sigma
        at = [found.mean, found.mean] if truth is None else [found.mean, truth[name == "scatter"]]
        set_limits(max(edges[0], min(at) - reach), min(edges[-1], max(at) + reach))
    mean, scatter = (value_with_errors(*summary[name][:3]) for name in ("mean", "scatter"))
    axes.set(xlabel="mean", ylabel="scatter", title=f"mean {mean}, scatter {scatter}")


def _height(mass: FloatArray, share: float) -> float:
    """Probability of the least likely cell of the smallest region that holds `share`."""
    cells = np.sort(mass.ravel())[::-1]
    return float(cells[np.cumsum(cells) < share].min(initial=cells[0]))


def _name(quantity: Quantity) -> str:
    symbol = label(quantity.parameter)
    return rf"$\log_{{10}}$ {symbol} / arcsec" if quantity.logarithmic else symbol
