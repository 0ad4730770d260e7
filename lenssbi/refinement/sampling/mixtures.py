"""Mixtures of multivariate Student t distributions: the proposals of the importance sampler.

    q(x) = sum_k pi_k t(x; mu_k, Sigma_k, nu),     t ~ (1 + delta / nu)^-((nu + d) / 2),     delta = |L_k^-1 (x - mu_k)|^2

with Sigma_k = L_k L_k^T. The tails of the t keep importance weights bounded where a Gaussian's would not (Cappe et al. 2008,
who fit such mixtures to weighted draws). :mod:`lenssbi.refinement.sampling.mixture_fit` adapts one to weighted draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import gammaln, logsumexp

from lenssbi.arrays import FloatArray

NU = 5.0  # degrees of freedom
ROUNDING = 1e-12


@dataclass(frozen=True)
class Mixture:
    """A mixture of Student t distributions with :data:`NU` degrees of freedom.

    Parameters
    ----------
    weights
        Weights of the components, sum 1, shape (component,).
    means
        Centres, shape (component, parameter).
    scales
        Scale matrices, shape (component, parameter, parameter). The best proposal for a Gaussian has nearly its covariance as
        scale matrix, so that a covariance can be given as it is.
    """

    weights: FloatArray
    means: FloatArray
    scales: FloatArray

    def __post_init__(self) -> None:
        # Contiguous as they come back from a checkpoint: BLAS rounds transposed arrays in its own way.
        parts = (self.weights, self.means, self.scales)
        weights, means, scales = (np.ascontiguousarray(part, dtype=float) for part in parts)
        k, d = means.shape if means.ndim == 2 else (0, 0)
        if k == 0 or weights.shape != (k,) or scales.shape != (k, d, d):
            raise ValueError(f"Mixture of shapes weights {weights.shape}, means {means.shape}, scales {scales.shape}")
        if not (weights >= 0).all() or not weights.sum() > 0:
            raise ValueError(f"weights must not be negative and not all 0, got {weights}")
        if abs(weights.sum() - 1) > ROUNDING:  # dividing again what was stored would change its last digits
            weights = weights / weights.sum()
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "means", means)
        object.__setattr__(self, "scales", scales)

    def __len__(self) -> int:
        return len(self.weights)

    @cached_property
    def factors(self) -> FloatArray:
        """Lower Cholesky factors of the scales, shape (component, parameter, parameter)."""
        return np.linalg.cholesky(self.scales)

    def distances(self, x: FloatArray) -> FloatArray:
        """Squared Mahalanobis distances of points (n, parameter) from each centre, shape (n, component)."""
        steps = (
            solve_triangular(factor, (x - mean).T, lower=True)
            for factor, mean in zip(self.factors, self.means, strict=True)
        )
        return np.stack([np.sum(step**2, axis=0) for step in steps], axis=1)

    def log_parts(self, x: FloatArray) -> FloatArray:
        """Log of each component's share of the density at points (n, parameter), shape (n, component)."""
        return self.log_parts_at(self.distances(x))

    def log_parts_at(self, distances: FloatArray) -> FloatArray:
        """The same from the squared distances (n, component)."""
        d = self.means.shape[1]
        log_det = 2 * np.log(np.diagonal(self.factors, axis1=1, axis2=2)).sum(axis=1)
        norm = gammaln((NU + d) / 2) - gammaln(NU / 2) - 0.5 * (d * np.log(NU * np.pi) + log_det)
        with np.errstate(divide="ignore"):
            log_weights = np.log(self.weights)
        return log_weights + norm - 0.5 * (NU + d) * np.log1p(distances / NU)

    def log_prob(self, x: FloatArray) -> FloatArray:
        """Log density at points (n, parameter), shape (n,)."""
        return np.asarray(logsumexp(self.log_parts(x), axis=1))

    def draw(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Independent draws, shape (count, parameter)."""
        which = rng.choice(len(self), size=count, p=self.weights)
        normal = rng.standard_normal((count, self.means.shape[1]))
        stretch = np.sqrt(NU / rng.chisquare(NU, size=count))
        return self.means[which] + stretch[:, None] * np.einsum("nij,nj->ni", self.factors[which], normal)

    def select(self, keep: FloatArray | list[int]) -> Mixture:
        """The components of these indices, their weights scaled up to 1."""
        return Mixture(self.weights[keep], self.means[keep], self.scales[keep])

    def joined(self, other: Mixture, share: float) -> Mixture:
        """This mixture, with ``share`` of the weight given to another one."""
        return Mixture(
            np.concatenate([(1 - share) * self.weights, share * other.weights]),
            np.concatenate([self.means, other.means]),
            np.concatenate([self.scales, other.scales]),
        )
