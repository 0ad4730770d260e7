"""Fitting a mixture of Student t distributions to weighted draws.

Expectation maximisation with fixed degrees of freedom (Peel & McLachlan 2000) on weights w_i that add up to 1 (Cappe et al.
2008): with the responsibilities r_ik and u_ik = (nu + d) / (nu + delta_ik),

    pi_k = sum_i w_i r_ik,   mu_k = sum_i w_i r_ik u_ik x_i / sum_i w_i r_ik u_ik,
    Sigma_k = sum_i w_i r_ik u_ik (x_i - mu_k) (x_i - mu_k)^T / sum_i w_i r_ik.

A component that few draws support keeps the shape it had. Where heavy draws lie far from all components one is born; a component
is split in two, or given up in favour of its neighbours, where Schwarz's criterion (BIC, with the effective number of draws) gains by it.
"""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp
from scipy.stats import chi2

from lenssbi.arrays import FloatArray
from lenssbi.refinement.sampling.mixtures import NU, Mixture

STEPS, TOLERANCE = 60, 1e-3  # of the expectation maximisation: nats per draw
TRIAL_STEPS = 6
MOST = 8  # components
FAR = 1e-6  # a Gaussian's share beyond the distance at which a draw is no longer covered
ALONE = 0.02  # weight of uncovered draws that makes a component
NEGLIGIBLE = 1e-3


def from_samples(values: FloatArray, weights: FloatArray | None = None, components: int = 1) -> Mixture:
    """A mixture that follows draws, such as those of a network's posterior.

    Parameters
    ----------
    values
        Draws, shape (draw, parameter), more of them than parameters.
    weights
        Weights of the draws, any scale, shape (draw,); None for equal weights.
    components
        Largest number of components.
    """
    values = np.asarray(values, dtype=float)
    weights = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=float)
    weights = weights / weights.sum()
    if n_eff(weights) <= values.shape[1]:
        raise ValueError(f"{n_eff(weights):.1f} effective draws in {values.shape[1]} dimensions give no covariance")
    mean = weights @ values
    scale = (values - mean).T @ ((values - mean) * weights[:, None])
    mixture = _maximise(Mixture(np.ones(1), mean[None], scale[None]), values, weights)
    while len(mixture) < components and (larger := _split(mixture, values, weights)) is not mixture:
        mixture = larger
    return mixture


def adapt(old: Mixture, values: FloatArray, weights: FloatArray) -> Mixture:
    """The mixture that fits weighted draws, begun from another one.

    Parameters
    ----------
    old
        Mixture at which the search starts, and which gives poorly supported components their shapes.
    values
        Draws, shape (draw, parameter).
    weights
        Weights of the draws, sum 1, shape (draw,).
    """
    used = weights > 1e-6 * weights.max()  # the others are many, and move nothing
    values, weights = values[used], weights[used] / weights[used].sum()
    mixture = _maximise(_with_births(old, values, weights), values, weights)
    mixture = _without_needless(mixture, values, weights)
    return _split(mixture, values, weights) if len(mixture) < MOST else mixture


def n_eff(weights: FloatArray) -> float:
    """Kish's effective number of draws of weights (draw,) of any scale."""
    return float(np.sum(weights) ** 2 / np.sum(np.square(weights)))


def _with_births(mixture: Mixture, values: FloatArray, weights: FloatArray) -> Mixture:
    bound = chi2.isf(FAR, values.shape[1])
    while len(mixture) < MOST:
        distances = mixture.distances(values)
        lone = np.where(distances.min(axis=1) > bound, weights, 0.0)
        if lone.sum() < ALONE:
            break
        place = int(np.argmax(lone))
        scale = mixture.scales[np.argmin(distances[place])]
        mixture = mixture.joined(Mixture(np.ones(1), values[place][None], scale[None]), float(min(lone.sum(), 0.5)))
    return mixture


def _maximise(mixture: Mixture, values: FloatArray, weights: FloatArray, steps: int = STEPS) -> Mixture:
    last = -np.inf
    for _ in range(steps):
        distances = mixture.distances(values)
        parts = mixture.log_parts_at(distances)
        total = logsumexp(parts, axis=1)
        fit = float(weights @ total)
        if fit - last < TOLERANCE:
            break
        last = fit
        responsible = weights[:, None] * np.exp(parts - total[:, None])
        mixture = _moved(mixture, values, responsible, (NU + values.shape[1]) / (NU + distances))
    return mixture


def _moved(mixture: Mixture, values: FloatArray, responsible: FloatArray, stretch: FloatArray) -> Mixture:
    """One maximisation step from w_i r_ik and u_ik, both of shape (draw, component)."""
    d = values.shape[1]
    means, scales = mixture.means.copy(), mixture.scales.copy()
    shares = responsible.sum(axis=0)
    for k in np.flatnonzero(shares > NEGLIGIBLE):
        support = n_eff(responsible[:, k])
        pull = responsible[:, k] * stretch[:, k]
        means[k] = pull @ values / pull.sum()
        if support > d:
            step = values - means[k]
            found = step.T @ (step * pull[:, None]) / shares[k]
            scales[k] = _shrunk(found, mixture.factors[k], support)
    keep = np.flatnonzero(shares > NEGLIGIBLE)
    return Mixture(shares[keep], means[keep], scales[keep])


def _shrunk(found: FloatArray, old: FloatArray, support: float) -> FloatArray:
    """A covariance from few draws, drawn towards the shape (not the size) of an older one given by its Cholesky factor."""
    d = len(found)
    half = np.linalg.solve(old, found)
    seen = np.linalg.solve(old, half.T)  # the covariance where the older one is the unit matrix
    share = d / (d + support)
    size = np.trace(seen) / d
    blended = (1 - share) * (seen + seen.T) / 2 + (share + 1e-9) * size * np.eye(d)
    mixed = old @ blended @ old.T
    return (mixed + mixed.T) / 2


def _score(mixture: Mixture, values: FloatArray, weights: FloatArray) -> float:
    """Schwarz's criterion, half of its usual size and positive where good."""
    n, d = n_eff(weights), values.shape[1]
    free = len(mixture) * (1 + d + d * (d + 1) / 2) - 1
    return n * float(weights @ mixture.log_prob(values)) - 0.5 * free * np.log(n)


def _without_needless(mixture: Mixture, values: FloatArray, weights: FloatArray) -> Mixture:
    """Without the components that others cover as well, the lightest tried first; one that stands apart is never taken out."""
    bound = chi2.isf(FAR, values.shape[1])
    score = _score(mixture, values, weights)
    for k in np.argsort(mixture.weights, kind="stable"):
        others = mixture.select([j for j in range(len(mixture)) if j != k]) if len(mixture) > 1 else None
        if others is None or others.distances(mixture.means[k][None]).min() > bound:
            continue
        others = _maximise(others, values, weights)
        if _score(others, values, weights) > score:
            return _without_needless(others, values, weights)
    return mixture


def _split(mixture: Mixture, values: FloatArray, weights: FloatArray) -> Mixture:
    """The mixture with its heaviest component in two, if that fits better."""
    if n_eff(weights) < 0.5 * values.shape[1] ** 2 + 3 * values.shape[1]:
        return mixture
    score = _score(mixture, values, weights)
    k = int(np.argmax(mixture.weights))
    trials = [_maximise(_halved(mixture, k, step), values, weights, TRIAL_STEPS) for step in _axes(mixture.scales[k])]
    best = max(trials, key=lambda trial: _score(trial, values, weights))
    best = _maximise(best, values, weights)
    return best if _score(best, values, weights) > score else mixture


def _axes(scale: FloatArray) -> FloatArray:
    """One sigma along the principal axes, whatever the parameters' units, shape (axis, parameter)."""
    sigma = np.sqrt(np.diagonal(scale))
    variances, axes = np.linalg.eigh(scale / np.outer(sigma, sigma))
    return np.sqrt(np.maximum(variances, 0.0))[:, None] * axes.T * sigma


def _halved(mixture: Mixture, k: int, step: FloatArray) -> Mixture:
    """Component k replaced by two, one on each side of the middle along a step (parameter,) of one sigma."""
    narrow = mixture.scales[k] - 0.6 * np.outer(step, step)
    pair = Mixture(np.ones(2), mixture.means[k] + 0.8 * np.stack([step, -step]), np.stack([narrow, narrow]))
    rest = [j for j in range(len(mixture)) if j != k]
    return mixture.select(rest).joined(pair, float(mixture.weights[k])) if rest else pair
