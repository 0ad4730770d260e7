"""The whole posterior of an estimator as a prior: a mixture of correlated Gaussians, with its map of the unit cube.

A mixture with weights w_k, means m_k and covariances C_k is fitted to draws of the estimator's posterior, whatever its form, with as
many components as the Bayesian information criterion asks for. The map of the unit cube is Rosenblatt's (1952): parameter j follows
from u_j and the parameters before it,

    u_j = sum_k w_k(x_<j) Phi((x_j - m_kj(x_<j)) / s_kj),    w_k(x_<j) ~ w_k N(x_<j; m_k, C_k),

m_kj and s_kj being mean and sigma of component k given x_<j.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp, ndtr

from lenssbi.arrays import FloatArray
from lenssbi.posteriors import DiagonalMixture

DRAWS, MOST_COMPONENTS = 4000, 6
DIGITS = 4  # the last digits of a network's answer depend on the batch and the machine; a fit's identity must not
HALVINGS = 48
WIDTH = 9.0  # sigma: where a component ends for the search of quantiles


class _Parts(NamedTuple):
    log_weights: FloatArray  # (k,)
    means: FloatArray  # (k, d)
    lower: FloatArray  # Cholesky factors of the covariances, (k, d, d)


@dataclass(frozen=True)
class JointBelief:
    """A mixture of Gaussians over several parameters.

    Parameters
    ----------
    names
        Parameters, in order.
    weights
        Weights of the components, sum 1, shape (k,).
    means, covariances
        Nested tuples of shapes (k, d) and (k, d, d).
    """

    names: tuple[str, ...]
    weights: tuple[float, ...]
    means: tuple[tuple[float, ...], ...]
    covariances: tuple[tuple[tuple[float, ...], ...], ...]

    @cached_property
    def _parts(self) -> _Parts:
        weights = np.array(self.weights)
        return _Parts(np.log(weights / weights.sum()), np.array(self.means), np.linalg.cholesky(self.covariances))

    def log_prob(self, x: FloatArray) -> FloatArray:
        """Log density at (..., parameter), shape (...)."""
        log_weights = self._parts.log_weights
        x = np.asarray(x, dtype=float)
        pulls = np.empty((*x.shape[:-1], len(log_weights), x.shape[-1]))
        total = np.broadcast_to(log_weights, pulls.shape[:-1]).copy()
        for j in range(x.shape[-1]):
            middle, sigma = self._given(pulls, j)
            pulls[..., j] = (x[..., j, None] - middle) / sigma
            total += _log_normal(pulls[..., j]) - np.log(sigma)
        found: FloatArray = logsumexp(total, axis=-1)
        return found

    def quantile(self, u: FloatArray) -> FloatArray:
        """Unit cube (..., parameter) to parameters (..., parameter)."""
        log_weights = self._parts.log_weights
        u = np.asarray(u, dtype=float)
        x = np.empty_like(u)
        pulls = np.empty((*u.shape[:-1], len(log_weights), u.shape[-1]))
        total = np.broadcast_to(log_weights, pulls.shape[:-1]).copy()
        for j in range(u.shape[-1]):
            middle, sigma = self._given(pulls, j)
            share = np.exp(total - logsumexp(total, axis=-1, keepdims=True))
            x[..., j] = _invert(u[..., j], share, middle, sigma)
            pulls[..., j] = (x[..., j, None] - middle) / sigma
            total += _log_normal(pulls[..., j]) - np.log(sigma)
        return x

    def _given(self, pulls: FloatArray, j: int) -> tuple[FloatArray, FloatArray]:
        """Mean (..., k) and sigma (k,) of parameter j in each component, given the pulls of those before it."""
        _, means, lower = self._parts
        return means[:, j] + np.sum(lower[:, j, :j] * pulls[..., :j], axis=-1), lower[:, j, j]


def _log_normal(pulls: FloatArray) -> FloatArray:
    return -0.5 * (pulls**2 + np.log(2 * np.pi))


def _invert(u: FloatArray, share: FloatArray, middle: FloatArray, sigma: FloatArray) -> FloatArray:
    """Where the distribution function of a mixture is `u`, by bisection."""
    low, high = (middle - WIDTH * sigma).min(axis=-1), (middle + WIDTH * sigma).max(axis=-1)
    for _ in range(HALVINGS):
        half = 0.5 * (low + high)
        below = np.sum(share * ndtr((half[..., None] - middle) / sigma), axis=-1) < u
        low, high = np.where(below, half, low), np.where(below, high, half)
    return 0.5 * (low + high)


def joint_belief(learned: DiagonalMixture, names: tuple[str, ...], widen: float = 1.0) -> JointBelief:
    """The mixture of an estimator's posterior.

    Parameters
    ----------
    learned
        Posterior of the estimator.
    names
        Parameters to select, in order.
    widen
        Factor on all distances from its mean.
    """
    from sklearn.mixture import GaussianMixture as Fitted

    draws = learned.sample(DRAWS, np.random.default_rng(0)).select(names).values
    centre, scale = draws.mean(axis=0), draws.std(axis=0)
    pulls = (draws - centre) / scale
    fits = [Fitted(k, random_state=0, reg_covar=1e-4).fit(pulls) for k in range(1, MOST_COMPONENTS + 1)]
    best = min(fits, key=lambda fit: fit.bic(pulls))
    means = centre + widen * scale * best.means_
    covariances = widen**2 * best.covariances_ * np.outer(scale, scale)
    return JointBelief(
        names,
        tuple(_rounded(w) for w in best.weights_),
        tuple(tuple(_rounded(v) for v in mean) for mean in means),
        tuple(tuple(tuple(_rounded(v) for v in row) for row in c) for c in covariances),
    )


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
