"""Rectangular mesh: rows and columns that crowd where the traced angles do, bilinear between them.

Column k lies at the k/(n-1) quantile of the traced x, row k at that of y: the transform to ranks of PyAutoLens's
`RectangularAdaptDensity` (Nightingale et al. 2021). A plain quantile jumps from one pixel's angle to the next as the lens
changes; the ones used here average the ordered angles over the neighbouring cells with a triangular weight, as Harrell & Davis
(1982) do with a beta weight, so that the evidence is smooth. Neighbours never change, so ln det H is computed once.

Angles may count by magnification only (all pixels alike) or by the image's light: a mesh that follows the light resolves a
compact source with fewer pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, ClassVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from lenssbi.arrays import ComplexArray, FloatArray
from lenssbi.reconstruction.imaging import Imaging
from lenssbi.reconstruction.mesh import Interpolation, SourceMesh


@dataclass(frozen=True)
class Rectangular:
    """Mesh of n x n source pixels.

    Parameters
    ----------
    n
        Rows, and columns.
    brightness
        Share, from 0 to 1, of the mesh's density that follows the image's light; the rest follows the magnification.
    """

    n: int = 26
    brightness: float = 0.0
    fixed_topology: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.n < 3:
            raise ValueError(f"Rectangular needs n >= 3, got {self.n}")
        if not 0 <= self.brightness <= 1:
            raise ValueError(f"Rectangular needs brightness from 0 to 1, got {self.brightness}")

    def source_mesh(self, beta: ComplexArray, imaging: Imaging) -> SourceMesh | None:
        """Lay the mesh (see `Mesh`)."""
        traced = beta.reshape(-1, imaging.subgrid**2)[imaging.fitted].mean(axis=1)
        share = (1 - self.brightness) / imaging.n_pixels + self.brightness * imaging.brightness
        x, y = (_quantiles(v, share[np.argsort(v)], self.n) for v in (traced.real, traced.imag))
        if not (np.diff(x).all() and np.diff(y).all()):
            return None
        vertices = (x[None, :] + 1j * y[:, None]).ravel()
        locate = partial(_locate, x, y)
        indices, weights = locate(beta)
        return SourceMesh(vertices, indices, weights, self._edges, locate)

    @cached_property
    def _edges(self) -> NDArray[Any]:
        number = np.arange(self.n**2, dtype=np.int32).reshape(self.n, self.n)
        pairs = [(number[:, :-1], number[:, 1:]), (number[:-1], number[1:])]
        return np.concatenate([np.stack([a.ravel(), b.ravel()], axis=1) for a, b in pairs])


def _quantiles(values: FloatArray, share: FloatArray, n: int) -> FloatArray:
    """Smoothed quantiles 0, 1/(n-1) ... 1 of `values`; `share` is their weight (sum 1) in ascending order of the values."""
    return _average(np.sort(values), np.cumsum(share), n)


@njit(cache=True, nogil=True)
def _average(ordered: FloatArray, upto: FloatArray, n: int) -> FloatArray:
    """Mean of `ordered` under triangles one cell to either side of each quantile; the first and last are the extremes."""
    knots = np.zeros(n)
    below = 0.0  # in cells
    for i in range(ordered.size):
        above = upto[i] * (n - 1)
        for k in range(max(int(below), 1), min(int(above) + 2, n - 1)):  # the triangles that reach this angle's share
            knots[k] += ordered[i] * (_triangle(above - k) - _triangle(below - k))
        below = above
    knots[0], knots[-1] = ordered[0], ordered[-1]
    return knots


@njit(cache=True, nogil=True)
def _triangle(u: float) -> float:
    """Integral of the triangle of half-width 1 up to `u`."""
    u = min(max(u, -1.0), 1.0)
    return 0.5 + u - 0.5 * u * abs(u)


def _locate(x: FloatArray, y: FloatArray, points: ComplexArray) -> Interpolation:
    return _bilinear(x, y, np.ascontiguousarray(points))


@njit(cache=True, nogil=True)
def _bilinear(x: FloatArray, y: FloatArray, points: ComplexArray) -> Interpolation:
    n = x.size
    indices = np.empty((points.size, 4), np.int32)
    weights = np.empty((points.size, 4))
    i = j = 0
    for k in range(points.size):
        i, u = _cell(x, points[k].real, i)
        j, v = _cell(y, points[k].imag, j)
        corner = j * n + i
        indices[k, 0], indices[k, 1] = corner, corner + 1
        indices[k, 2], indices[k, 3] = corner + n, corner + n + 1
        weights[k, 0], weights[k, 1] = (1 - u) * (1 - v), u * (1 - v)
        weights[k, 2], weights[k, 3] = (1 - u) * v, u * v
    return indices, weights


@njit(cache=True, nogil=True)
def _cell(knots: FloatArray, value: float, start: int) -> tuple[int, float]:
    """Cell of `value`, searched from the cell of the point before, and the place in it (0 to 1, what is outside at the edge)."""
    i = start
    while i > 0 and value < knots[i]:
        i -= 1
    while i < knots.size - 2 and value >= knots[i + 1]:
        i += 1
    return i, min(max((value - knots[i]) / (knots[i + 1] - knots[i]), 0.0), 1.0)
