"""Credible regions of two parameters, from weighted draws.

The draws are standardised by their own covariance (without the outermost per cent, which would stretch it), counted in cells of a
twentieth of a standard deviation, and smoothed with a Gaussian. Its width is the one with which one half of the draws
predicts the other half best, so that neither narrow nor multimodal posteriors are blurred. A region of probability p is
the set of cells of highest density that holds the share p of the draws themselves, as they were before the smoothing: a smoothed
Gaussian keeps its shape, and the regions of a Gaussian therefore have the right size for every number of draws.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lenssbi.arrays import FloatArray

CELL = 0.05  # [standard deviations]
REACH = 6.0  # [standard deviations]
WIDTHS = np.geomspace(1.0, 12.0, 9)  # [cells] of the smoothing
TRIMMED = 0.99  # share of the draws that the standard deviation is taken from
TINY = 1e-12


class DensityGrid(NamedTuple):
    """A density on a grid that follows the correlation of the parameters.

    Parameters
    ----------
    x, y
        Values of the two parameters at the grid's points, shape (n, n).
    density
        Density there, any normalisation, shape (n, n).
    levels
        Densities above which the requested shares of the draws lie, rising.
    """

    x: FloatArray
    y: FloatArray
    density: FloatArray
    levels: tuple[float, ...]


def credible_regions(
    x: FloatArray, y: FloatArray, weights: FloatArray, shares: tuple[float, ...], smoothing: float = 0.0
) -> DensityGrid:
    """Regions of highest density.

    Parameters
    ----------
    x, y
        Draws of two parameters, shape (draw,).
    weights
        Weights of the draws, not negative, shape (draw,).
    shares
        Probabilities of the regions, between 0 and 1.
    smoothing
        Least width of the smoothing [standard deviations], for draws of a mixture with components that are too narrow to be displayed.
    """
    draws, weights = np.stack([x, y])[:, weights > 0], weights[weights > 0]
    middle, scale = _frame(draws, weights)
    standard = np.linalg.solve(scale, draws - middle[:, None])
    edges = np.arange(-REACH, REACH + CELL / 2, CELL)
    halves = [_count(standard[:, start::2], weights[start::2], edges) for start in (0, 1)]
    counts = halves[0] + halves[1]
    density = _smooth(counts, max(_best_width(halves), smoothing / CELL))
    centres = (edges[1:] + edges[:-1]) / 2
    points = np.einsum("ij,jkl->ikl", scale, np.stack(np.meshgrid(centres, centres, indexing="ij")))
    return DensityGrid(points[0] + middle[0], points[1] + middle[1], density, _levels(density, counts, shares))


def _frame(draws: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean (2,) and Cholesky factor (2, 2) of the covariance of the inner draws."""
    inner = np.ones(len(weights), bool)
    for _ in range(3):
        middle = np.average(draws[:, inner], axis=1, weights=weights[inner])
        offsets = draws - middle[:, None]
        covariance = np.atleast_2d(np.cov(draws[:, inner], aweights=weights[inner], ddof=0))
        covariance += np.diag(TINY + 1e-9 * np.diag(covariance))
        distance = np.einsum("id,ij,jd->d", offsets, np.linalg.inv(covariance), offsets)
        order = np.argsort(distance)
        limit = distance[order][np.searchsorted(np.cumsum(weights[order]), TRIMMED * weights.sum())]
        inner = distance <= limit
    return middle, np.linalg.cholesky(covariance)


def _count(standard: FloatArray, weights: FloatArray, edges: FloatArray) -> FloatArray:
    return np.histogram2d(standard[0], standard[1], (edges, edges), weights=weights)[0]


def _smooth(counts: FloatArray, width: float) -> FloatArray:
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(counts, width, mode="constant")


def _best_width(halves: list[FloatArray]) -> float:
    """Smoothing [cells] under which each half of the draws predicts the other best."""
    scores = []
    for width in WIDTHS:
        found = [_smooth(half, width) / max(half.sum(), TINY) for half in halves]
        scores.append(sum((other * np.log(one + TINY)).sum() for one, other in zip(found, halves[::-1], strict=True)))
    return float(WIDTHS[int(np.argmax(scores))])


def _levels(density: FloatArray, counts: FloatArray, shares: tuple[float, ...]) -> tuple[float, ...]:
    """Densities above which the shares of the draws lie, rising; fewer if they coincide."""
    order = np.argsort(density, axis=None)[::-1]
    inside = np.cumsum(counts.ravel()[order])
    found = {float(density.ravel()[order[np.searchsorted(inside, share * inside[-1])]]) for share in shares}
    return tuple(sorted(level for level in found if 0 < level < density.max()))
