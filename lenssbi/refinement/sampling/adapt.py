"""The next proposal of adaptive importance sampling.

While few draws carry all the weight, the weights are tempered (Koblents & Miguez 2015), w -> w^power with the largest power that
leaves enough effective draws: the proposal moves along the path from where the draws are to where the posterior is. A quadratic
through the best log posteriors (Laplace's approximation, but from values that may be rough) often jumps there at once; it is
proposed beside the tempered fit, not instead of it.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from lenssbi.arrays import FloatArray
from lenssbi.refinement.sampling.mixture_fit import adapt, from_samples, n_eff
from lenssbi.refinement.sampling.mixtures import Mixture
from lenssbi.refinement.sampling.rounds import Weighted

ENOUGH = 6  # effective draws per parameter for a fit
POSSIBLE = -1e50  # log weights below are those of models that cannot be evaluated
LAPLACE_SHARE = 0.5
EXPLAINED = 0.8  # of the log posteriors' variance, for a quadratic to be believed
WIDEST, FURTHEST = 4.0, 8.0  # of the quadratic, in sigmas of the component it belongs to


def next_mixture(old: Mixture | None, draws: Weighted) -> Mixture | None:
    """The mixture to draw from next.

    Parameters
    ----------
    old
        Mixture at which the search starts; None if there were only prior draws.
    draws
        Draws of the other chain, with their weights.

    Returns
    -------
    Mixture or None
        Adapted mixture; ``old`` if too few models can be evaluated.
    """
    possible = draws.log_weights > POSSIBLE
    values, log_weights, log_target = draws.values[possible], draws.log_weights[possible], draws.log_target[possible]
    d = draws.values.shape[1]
    if len(values) < 3 * d:
        return old
    power, weights = temper(log_weights, min(ENOUGH * d, 0.5 * len(values)))
    mixture = adapt(old or from_samples(values, weights), values, weights)
    if power == 1:
        return mixture
    jumps = _quadratics(mixture, values, log_target)
    return mixture if jumps is None else mixture.joined(jumps, LAPLACE_SHARE)


def temper(log_weights: FloatArray, least: float) -> tuple[float, FloatArray]:
    """The largest power up to 1 that leaves ``least`` effective draws, and the weights to that power, adding up to 1."""

    def raised(power: float) -> FloatArray:
        return np.exp(power * (log_weights - log_weights.max()))

    power = 1.0
    if n_eff(raised(1.0)) < least:
        power = float(brentq(lambda power: n_eff(raised(power)) - least, 0.0, 1.0, xtol=1e-9))
    weights = raised(power)
    return power, weights / weights.sum()


def _quadratics(mixture: Mixture, values: FloatArray, log_target: FloatArray) -> Mixture | None:
    """Laplace's approximation of the posterior about each component, if there are draws enough."""
    parts = mixture.log_parts(values)
    owner = np.argmax(parts, axis=1)
    found = []
    for k in range(len(mixture)):
        own = owner == k
        peak = _quadratic(mixture.means[k], mixture.factors[k], values[own], log_target[own])
        if peak is not None:
            found.append((mixture.weights[k], *peak))
    if not found:
        return None
    weights, means, scales = zip(*found, strict=True)
    return Mixture(np.array(weights), np.array(means), np.array(scales))


def _quadratic(
    mean: FloatArray, factor: FloatArray, values: FloatArray, log_target: FloatArray
) -> tuple[FloatArray, FloatArray] | None:
    """Centre and covariance of the quadratic through the best log posteriors about a component."""
    d = len(mean)
    i, j = np.triu_indices(d)
    free = 1 + d + len(i)
    best = np.argsort(-log_target, kind="stable")[: 2 * free]
    if len(best) < 1.5 * free:
        return None
    z = np.linalg.solve(factor, (values[best] - mean).T).T
    design = np.concatenate([np.ones((len(z), 1)), z, z[:, i] * z[:, j]], axis=1)
    height = log_target[best] - log_target[best].mean()
    solution = np.linalg.lstsq(design, height, rcond=None)[0]
    if np.var(height - design @ solution) > (1 - EXPLAINED) * np.var(height):
        return None
    curvature = np.zeros((d, d))
    curvature[i, j] = -solution[1 + d :]
    curvature += curvature.T
    eigenvalues, axes = np.linalg.eigh(curvature)
    eigenvalues = np.maximum(eigenvalues, WIDEST**-2)
    peak = axes @ ((axes.T @ solution[1 : 1 + d]) / eigenvalues)
    peak *= min(1.0, FURTHEST / max(float(np.linalg.norm(peak)), 1e-300))
    spread = factor @ axes / np.sqrt(eigenvalues)
    return mean + factor @ peak, spread @ spread.T
