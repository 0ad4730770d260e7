"""A Gaussian population: the posterior of its mean and its scatter, on a grid.

    p(mean, scatter | all data) ~ p(mean, scatter) prod_k L_k(mean, scatter)

with L_k of `binned_posteriors` (Wagner-Carena et al. 2021, ApJ 909, 187, eq. 10). The Gaussian is cut off at the limits of the quantity and
of the priors, and mean and scatter are those before the cut. Their own prior is flat: the mean within the limits, the scatter from 0 to the
distance between them (flat in the scatter, not in its logarithm: Gelman 2006, Bayesian Analysis 1, 515).

Two parameters need no sampler. A grid over the support of the prior is narrowed to the region of high posterior density until that region
fills it; probabilities are sums over cells, and draws are cells with a random place in each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from lenssbi.arrays import FloatArray
from lenssbi.population_inference.binned_posteriors import FEW_DRAWS, BinnedPosteriors
from lenssbi.population_inference.quantities import Quantity
from lenssbi.posteriors import Samples, Summary

CELLS, SEARCH = 64, 24  # cells along each axis, of the last grid and of those before
NEGLIGIBLE = 14.0  # log of the density below its peak: 5.3 sigma
MARGIN = 2  # cells around the region that is not negligible
CLOSER = 10  # largest number of grids
LENSES = 1024  # processed at a time, so that memory stays constant
LEVELS = (0.16, 0.5, 0.84)
BY_DRAWS = 0.5  # of an error bar that may be due to the number of draws; together they are then 12 per cent wider


class Quality(NamedTuple):
    """Quality of the estimate.

    Parameters
    ----------
    draws
        Effective draws of each lens under the population of the mean mean and scatter, shape (lens,).
    few
        Names of the lenses with fewer than `FEW_DRAWS`.
    variance
        Variance of the natural log of the likelihood under that population due to the number of draws: above 1 more draws are needed.
    errors
        One sigma by which the posterior's mean of "mean" and "scatter" would differ with other draws; it should be small compared
        with their standard deviations.
    """

    draws: FloatArray
    few: tuple[str, ...]
    variance: float
    errors: Mapping[str, float]


@dataclass(frozen=True)
class PopulationPosterior:
    """Posterior of mean and scatter.

    Parameters
    ----------
    quantity
        Quantity and its scale.
    limits
        Values at which the Gaussian is cut off.
    means, scatters
        Edges of the cells, on the quantity's scale, shape (cell + 1,).
    mass
        Probability of each cell, adding up to 1, shape (mean, scatter).
    quality
        Quality of the estimate.
    """

    quantity: Quantity
    limits: tuple[float, float]
    means: FloatArray
    scatters: FloatArray
    mass: FloatArray
    quality: Quality

    def summary(self) -> dict[str, Summary]:
        """Median, 16th and 84th percentile, mean and standard deviation of "mean" and "scatter"."""
        marginals = {"mean": (self.means, self.mass.sum(axis=1)), "scatter": (self.scatters, self.mass.sum(axis=0))}
        return {name: _summary(*marginal, self.quantity.unit) for name, marginal in marginals.items()}

    def sample(self, count: int, rng: np.random.Generator) -> Samples:
        """`count` draws of "mean" and "scatter"."""
        cells = rng.choice(self.mass.size, size=count, p=self.mass.ravel())
        places = np.array(np.unravel_index(cells, self.mass.shape)) + rng.random((2, count))
        mean, scatter = (
            np.interp(place, np.arange(len(edges)), edges)
            for place, edges in zip(places, (self.means, self.scatters), strict=True)
        )
        unit = self.quantity.unit
        return Samples(np.stack([mean, scatter], axis=1), ("mean", "scatter"), (unit, unit))

    def densities(self, x: FloatArray, draws: Samples) -> FloatArray:
        """Density of the populations `draws` at the values `x` (point,) of the quantity, shape (draw, point)."""
        mean, scatter = draws.column("mean")[:, None], draws.column("scatter")[:, None]
        low, high = self.limits
        density = np.exp(-0.5 * ((x - mean) / scatter) ** 2) / (np.sqrt(2 * np.pi) * scatter)
        density /= ndtr((high - mean) / scatter) - ndtr((low - mean) / scatter)
        return np.where((x >= low) & (x <= high), density, 0.0)


def infer(posteriors: BinnedPosteriors) -> PopulationPosterior:
    """The posterior of the mean and the scatter of a Gaussian population.

    Parameters
    ----------
    posteriors
        Binned posteriors of the lenses.
    """
    low, high = float(posteriors.edges[0]), float(posteriors.edges[-1])
    box = np.array([[low, high], [0.0, high - low]])
    for _ in range(CLOSER):
        means, scatters = np.linspace(box[:, 0], box[:, 1], SEARCH + 1, axis=1)
        closer = _closer(_log_posterior(posteriors, means, scatters), means, scatters)
        if (np.ptp(closer, axis=1) > 0.6 * np.ptp(box, axis=1)).all():
            break
        box = closer
    means, scatters = np.linspace(box[:, 0], box[:, 1], CELLS + 1, axis=1)
    log_mass = _log_posterior(posteriors, means, scatters)
    mass = np.exp(log_mass - log_mass.max())
    mass /= mass.sum()
    quality = _quality(posteriors, means, scatters, mass)
    return PopulationPosterior(posteriors.quantity, (low, high), means, scatters, mass, quality)


def _log_posterior(posteriors: BinnedPosteriors, means: FloatArray, scatters: FloatArray) -> FloatArray:
    """Log posterior in the middle of each cell, shape (mean, scatter)."""
    mean, scatter = np.meshgrid(_middles(means), _middles(scatters), indexing="ij")
    densities = _in_bins(posteriors.edges, mean.ravel(), scatter.ravel())
    total = np.zeros(mean.size)
    for start in range(0, len(posteriors), LENSES):
        likelihood = posteriors.ratios[start : start + LENSES] @ densities
        with np.errstate(divide="ignore"):  # no draw of a lens lies within a narrow population far from it
            total += np.log(likelihood).sum(axis=0)
    return total.reshape(mean.shape)


def _in_bins(edges: FloatArray, mean: FloatArray, scatter: FloatArray) -> FloatArray:
    """Mean density in the bins of the Gaussians of `mean` and `scatter` (population,), cut off at the ends; (bin, population)."""
    z = (edges[:, None] - mean) / scatter
    tail = ndtr(-np.abs(z))  # the smaller one has the digits
    signed = np.where(z < 0, tail, -tail)
    inside = signed[1:] - signed[:-1] + ((z[:-1] < 0) & (z[1:] >= 0))
    return inside / (np.diff(edges)[:, None] * inside.sum(axis=0))


def _closer(log_posterior: FloatArray, means: FloatArray, scatters: FloatArray) -> FloatArray:
    """The box, with a margin, of all cells that are not negligible; [[low, high] of the mean, of the scatter]."""
    kept = log_posterior > log_posterior.max() - NEGLIGIBLE
    sides = []
    for edges, axis in ((means, 1), (scatters, 0)):
        cells = np.flatnonzero(kept.any(axis=axis))
        sides.append([edges[max(cells[0] - MARGIN, 0)], edges[min(cells[-1] + 1 + MARGIN, len(edges) - 1)]])
    return np.array(sides)


def _quality(posteriors: BinnedPosteriors, means: FloatArray, scatters: FloatArray, mass: FloatArray) -> Quality:
    mean, scatter = (grid.ravel() for grid in np.meshgrid(_middles(means), _middles(scatters), indexing="ij"))
    weights = mass.ravel()
    centre = np.array([weights @ mean]), np.array([weights @ scatter])
    density = _in_bins(posteriors.edges, *centre)[:, 0]
    draws = posteriors.effective_draws(density)
    few = tuple(name for name, count in zip(posteriors.names, draws, strict=True) if count < FEW_DRAWS)
    kept = weights > weights.max() * np.exp(-NEGLIGIBLE)
    populations = _in_bins(posteriors.edges, mean[kept], scatter[kept])
    errors = {
        name: _error_by_draws(posteriors, populations, weights[kept] * (places - middle)[kept])
        for name, places, middle in (("mean", mean, centre[0]), ("scatter", scatter, centre[1]))
    }
    return Quality(draws, few, float(np.sum(1 / np.maximum(draws, 1e-300))), errors)


def _error_by_draws(posteriors: BinnedPosteriors, populations: FloatArray, weights: FloatArray) -> float:
    """One sigma of sum_Omega weights Omega due to the draws of all lenses, to first order (the infinitesimal jackknife; Efron 1982).

    A draw in bin j of lens k changes the log likelihood of population Omega by its share of L_k, so the sum by
    a_kj sum_Omega weights(Omega) p_j(Omega) / L_k(Omega), and draws are independent.

    Parameters
    ----------
    posteriors
        Binned posteriors of the lenses.
    populations
        Mean densities in the bins, shape (bin, population).
    weights
        Probability of each population times the distance of its parameter from the mean, shape (population,).
    """
    variance = 0.0
    for start in range(0, len(posteriors), LENSES):
        rows = slice(start, start + LENSES)
        likelihood = posteriors.ratios[rows] @ populations
        influence = np.divide(weights, likelihood, out=np.zeros_like(likelihood), where=likelihood > 0) @ populations.T
        variance += float(np.sum(posteriors.squares[rows] * influence**2))
    return variance**0.5


def _summary(edges: FloatArray, mass: FloatArray, unit: str) -> Summary:
    lower, median, upper = np.interp(LEVELS, np.concatenate([[0.0], np.cumsum(mass)]), edges)
    middles = _middles(edges)
    mean = float(middles @ mass)
    return Summary(float(median), float(lower), float(upper), mean, float(np.sqrt((middles - mean) ** 2 @ mass)), unit)


def _middles(edges: FloatArray) -> FloatArray:
    return 0.5 * (edges[1:] + edges[:-1])


def cautions(posterior: PopulationPosterior) -> Iterator[str]:
    """Sentences for the user about draws that are too few."""
    quality = posterior.quality
    if quality.few:
        yield f"{len(quality.few)} lenses have fewer than {FEW_DRAWS:g} effective draws: their posteriors hardly meet the population"
    if quality.variance > 1:
        yield f"the log likelihood is only known to +-{quality.variance**0.5:.1f}: more draws for each lens are needed"
    for name, summary in posterior.summary().items():
        share = quality.errors[name] / summary.sigma
        if share > BY_DRAWS:
            yield f"{name}: other draws would change it by {share:.1f} of its error bar: more draws for each lens are needed"
