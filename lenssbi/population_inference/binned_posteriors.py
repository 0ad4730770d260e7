"""Posteriors of many lenses for one quantity, divided by their priors.

Lens k has draws x_ki of weights w_ki (adding up to 1) under the interim prior p_k. The likelihood of a population Omega is
(Wagner-Carena et al. 2021, ApJ 909, 187, eq. 10)

    L_k(Omega) = sum_i w_ki p(x_ki | Omega) / p_k(x_ki)

Draws are put into bins j, narrow compared with any posterior, so that a catalogue of any size is one matrix and the sum is a product with
it:

    L_k(Omega) = sum_j a_kj p_j(Omega),   a_kj = sum_{i in j} w_ki / p_k(x_ki),   p_j the population's mean density in the bin.

A draw outside the support of its prior cannot be divided by it and is ignored. The sum is an estimate that depends on the effective
number of draws, n_k = L_k^2 / sum_i (w_ki p / p_k)^2; the logarithm of the product over all lenses has the variance sum_k 1 / n_k,
which should stay below 1 (Talbot & Golomb 2023, MNRAS 526, 3495).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.population_inference.interim import InterimPrior
from lenssbi.population_inference.quantities import Quantity
from lenssbi.posteriors import Samples
from lenssbi.posteriors.samples import weighted_quantiles
from lenssbi.status import InputError

BINS = 512
FEW_DRAWS = 10.0
"""Effective draws below which a lens' likelihood is not to be trusted."""


@dataclass(frozen=True)
class BinnedPosteriors:
    """Binned posteriors over priors.

    Parameters
    ----------
    quantity
        Quantity and its scale.
    edges
        Edges of the bins, on the quantity's scale, shape (bin + 1,).
    names
        Names of the lenses.
    ratios
        a_kj, the weights over the prior's density, shape (lens, bin).
    squares
        The same for the squared ratios of single draws, shape (lens, bin).
    medians
        Medians of the posteriors, priors included, shape (lens,).
    lost
        Share of each posterior outside the support of its prior, shape (lens,).
    left_out
        Lenses without a draw inside the support.
    """

    quantity: Quantity
    edges: FloatArray
    names: tuple[str, ...]
    ratios: FloatArray
    squares: FloatArray
    medians: FloatArray
    lost: FloatArray
    left_out: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    def likelihood(self, densities: FloatArray) -> FloatArray:
        """L_k of populations given by their mean densities in the bins, shape (bin, population); shape (lens, population)."""
        return self.ratios @ densities

    def effective_draws(self, density: FloatArray) -> FloatArray:
        """n_k under one population, shape (bin,); shape (lens,)."""
        total, squares = self.ratios @ density, self.squares @ density**2
        return np.divide(total**2, squares, out=np.zeros_like(total), where=squares > 0)


def bin_posteriors(
    posteriors: Iterable[tuple[str, Samples, InterimPrior]], quantity: Quantity, limits: tuple[float, float]
) -> BinnedPosteriors:
    """Divide posteriors by their priors.

    Parameters
    ----------
    posteriors
        Name, posterior and prior of each lens, one after the other: only the bins are kept.
    quantity
        Quantity to infer.
    limits
        Smallest and largest value of the quantity that a population may have: `common_support` of the priors.

    Raises
    ------
    InputError
        If a posterior lacks the parameter, or no lens has a draw inside the support of its prior.
    """
    edges = np.linspace(*limits, BINS + 1)
    found: list[tuple[str, FloatArray, FloatArray, float, float]] = []
    left_out: list[str] = []
    for name, samples, prior in posteriors:
        x, weights = _draws(name, samples, quantity)
        ratio, lost = _ratio(x, weights, prior, limits)
        if not ratio.any():
            left_out.append(name)
            continue
        a, squares = (np.histogram(x, edges, weights=power)[0] for power in (ratio, ratio**2))
        (median,) = weighted_quantiles(x, weights, (0.5,))
        found.append((name, a, squares, float(median), lost))
    if not found:
        raise InputError(
            f"no posterior has a draw of {quantity.parameter} where its prior allows one: give the prior that the network was trained with"
        )
    names, ratios, squares_of, medians, lost_of = zip(*found, strict=True)
    return BinnedPosteriors(
        quantity,
        edges,
        names,
        np.array(ratios),
        np.array(squares_of),
        np.array(medians),
        np.array(lost_of),
        tuple(left_out),
    )


def _draws(name: str, samples: Samples, quantity: Quantity) -> tuple[FloatArray, FloatArray]:
    """Draws of positive weight on the quantity's scale, and their weights."""
    samples = samples.derived()
    if quantity.parameter not in samples.names:
        raise InputError(
            f"{name}: the posterior has no {quantity.parameter} but {', '.join(samples.names)}: use an estimator or a fit that infers it"
        )
    weights = samples.weights
    used = weights > 0
    return quantity.of(samples.column(quantity.parameter)[used]), weights[used]


def _ratio(
    x: FloatArray, weights: FloatArray, prior: InterimPrior, limits: tuple[float, float]
) -> tuple[FloatArray, float]:
    """Weights over the prior's density, 0 outside its support, and the share of the weights outside it."""
    log_prior = prior.log_prob(x)
    inside = np.isfinite(log_prior) & (x >= limits[0]) & (x <= limits[1])
    ratio = np.where(inside, weights * np.exp(-np.where(inside, log_prior, 0.0)), 0.0)
    return ratio, float(weights[~inside].sum())
