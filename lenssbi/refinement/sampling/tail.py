"""Whether importance weights can be averaged: the shape of their tail.

The excesses of the largest weights follow a generalised Pareto distribution of shape k; a mean of S draws is reliable for k < 0.7
(Vehtari, Simpson, Gelman, Yao & Gabry 2024, with the tail length min(0.2 S, 3 sqrt(S)) and the weakly informative correction of
k towards 0.5 given there). The shape is found by the posterior mean of Zhang & Stephens (2009).
"""

from __future__ import annotations

import numpy as np

from lenssbi.arrays import FloatArray

PRIOR_DRAWS = 10  # the weight of 0.5 in the correction of k


def pareto_k(log_weights: FloatArray) -> float:
    """Shape of the tail of weights given by their logs (draw,); infinite where fewer than 5 draws make it."""
    count = len(log_weights)
    tail = int(np.ceil(min(0.2 * count, 3 * np.sqrt(count))))
    if tail < 5:
        return float("inf")
    weights = np.exp(np.sort(log_weights)[-tail - 1 :] - log_weights.max())
    excess = weights[1:] - weights[0]
    if not excess[0] > 0:
        return float("inf") if excess[-1] > 0 else 0.0
    k = _shape(excess)
    return (k * tail + 0.5 * PRIOR_DRAWS) / (tail + PRIOR_DRAWS)


def _shape(excess: FloatArray) -> float:
    """Shape of a generalised Pareto distribution from ascending excesses (n,), after Zhang & Stephens (2009)."""
    n = len(excess)
    grid = 30 + int(np.sqrt(n))
    quartile = excess[int(n / 4 + 0.5) - 1]
    place = np.arange(1, grid + 1)
    theta = 1 / excess[-1] + (1 - np.sqrt(grid / (place - 0.5))) / (3 * quartile)
    k = np.log1p(-theta[:, None] * excess).mean(axis=1)
    profile = n * (np.log(-theta / k) - k - 1)
    weights = np.exp(profile - profile.max())
    best = float(weights @ theta / weights.sum())
    return float(np.log1p(-best * excess).mean())
