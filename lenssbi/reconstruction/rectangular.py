"""Rectangular mesh: rows and columns that are dense where the traced angles are, bilinear between them.

Column k lies at the k/(n-1) quantile of the traced x, row k at that of y: the transform to ranks of PyAutoLens's
`RectangularAdaptDensity` (Nightingale et al. 2021). A plain quantile jumps from one pixel's angle to the next as the lens
changes; the ones used here average the ordered angles over the neighbouring cells with a triangular weight, as Harrell & Davis
(1982) do with a beta weight, so that the evidence is smooth. Neighbours never change, so ln det H is computed once.

Angles may be weighted equally (by magnification only) or by the image's light: a mesh that follows the light resolves a
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
from lenssbi.reconstruction.mesh import Interpolation, SourceMesh, image_light
from lenssbi.reconstruction.sparse import Rows, narrow_order


@dataclass(frozen=True)
class Rectangular:
    """Mesh of n x n source pixels.

    Parameters
    ----------
    n
        Number of rows and of columns.
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
        share = (1 - self.brightness) / imaging.n_pixels + self.brightness * imaging.brightness
        traced = _centres(beta, imaging.fitted, imaging.subgrid**2)
        x, y = (_quantiles(coordinate, share, self.n) for coordinate in traced)
        if not (np.diff(x).all() and np.diff(y).all()):
            return None
        vertices = (x[None, :] + 1j * y[:, None]).ravel()
        locate = partial(_locate, x, y)
        indices, weights = locate(beta)
        light, geometry = image_light(imaging), CellIntegrals(x, y)
        return SourceMesh(vertices, indices, weights, self.edges, locate, light, self._order, geometry)

    @cached_property
    def edges(self) -> NDArray[Any]:
        """Pairs of neighbours, those within the rows first, shape (2 n (n - 1), 2)."""
        number = np.arange(self.n**2, dtype=np.int32).reshape(self.n, self.n)
        pairs = [(number[:, :-1], number[:, 1:]), (number[:-1], number[1:])]
        return np.concatenate([np.stack([a.ravel(), b.ravel()], axis=1) for a, b in pairs])

    @cached_property
    def _order(self) -> NDArray[Any]:
        return narrow_order(self.edges[:, 0], self.edges[:, 1], self.n**2)


@dataclass(frozen=True, eq=False)
class CellIntegrals:
    """Integrals over the cells between columns `x` and rows `y` [arcsec], as defined by `Geometry`."""

    x: FloatArray
    y: FloatArray

    def slopes(self) -> FloatArray:
        """Length of the facet between two source pixels over their distance, in the order of the mesh's edges."""
        across = np.outer(_widths(self.y), 1 / np.diff(self.x))
        up = np.outer(1 / np.diff(self.y), _widths(self.x))
        return np.concatenate([across.ravel(), up.ravel()])

    def bends(self) -> Rows:
        """Second differences along the rows, along the columns, and the cells' twists."""
        # root of the cells' geometric mean area
        typical = np.exp(0.5 * (np.mean(np.log(np.diff(self.x))) + np.mean(np.log(np.diff(self.y)))))
        columns, values = _second_differences(self.x, _widths(self.y))
        n, m = self.x.size, self.y.size
        upwards, up = _second_differences(self.y, _widths(self.x))
        twisted, twists = _twists(self.x, self.y)
        upwards = upwards // m + upwards % m * n  # counted along the columns
        start = np.append(
            np.arange(0, columns.size + upwards.size, 3),
            columns.size + upwards.size + np.arange(0, twisted.size + 1, 4),
        )
        return Rows(start, np.concatenate([columns, upwards, twisted]), typical * np.concatenate([values, up, twists]))


def _widths(knots: FloatArray) -> FloatArray:
    """Length of the part that is nearer to each knot than to the others."""
    half = 0.5 * np.diff(knots)
    return np.append(half, 0.0) + np.append(0.0, half)


@njit(cache=True, nogil=True)
def _second_differences(x: FloatArray, widths: FloatArray) -> tuple[NDArray[Any], FloatArray]:
    """s_xx at all but the first and last `x` of each row, times the root of the area; three columns and values each, in a row."""
    n = x.size
    columns = np.empty(widths.size * (n - 2) * 3, np.int32)
    values = np.empty(columns.size)
    e = 0
    for j in range(widths.size):
        for i in range(1, n - 1):
            before, after = x[i] - x[i - 1], x[i + 1] - x[i]
            root = np.sqrt(2 * widths[j] / (before + after))  # sqrt(area) / width
            columns[e], columns[e + 1], columns[e + 2] = j * n + i - 1, j * n + i, j * n + i + 1
            values[e], values[e + 1], values[e + 2] = root / before, -root / before - root / after, root / after
            e += 3
    return columns, values


@njit(cache=True, nogil=True)
def _twists(x: FloatArray, y: FloatArray) -> tuple[NDArray[Any], FloatArray]:
    """sqrt(2) s_xy in each cell, times the root of its area; four columns and values each, in a row."""
    n = x.size
    columns = np.empty((y.size - 1) * (n - 1) * 4, np.int32)
    values = np.empty(columns.size)
    e = 0
    for j in range(y.size - 1):
        for i in range(n - 1):
            value = np.sqrt(2 / ((x[i + 1] - x[i]) * (y[j + 1] - y[j])))
            corner = j * n + i
            columns[e], columns[e + 1], columns[e + 2], columns[e + 3] = corner, corner + 1, corner + n, corner + n + 1
            values[e], values[e + 1], values[e + 2], values[e + 3] = value, -value, -value, value
            e += 4
    return columns, values


@njit(cache=True, nogil=True)
def _centres(beta: ComplexArray, fitted: NDArray[Any], sub: int) -> FloatArray:
    """Mean x, and y, of the traced sub-pixels of each pixel of the mask, shape (2, n_pixels)."""
    centres = np.zeros((2, fitted.size))
    for i in range(fitted.size):
        for s in range(fitted[i] * sub, fitted[i] * sub + sub):
            centres[0, i] += beta[s].real / sub
            centres[1, i] += beta[s].imag / sub
    return centres


def _quantiles(values: FloatArray, share: FloatArray, n: int) -> FloatArray:
    """Smoothed quantiles 0, 1/(n-1) ... 1 of `values`, whose weights are `share` (sum 1)."""
    return _average(values, share, np.argsort(values), n)


@njit(cache=True, nogil=True)
def _average(values: FloatArray, share: FloatArray, order: NDArray[Any], n: int) -> FloatArray:
    """Mean of `values` under triangles one cell to either side of each quantile; the first and last are the extremes."""
    knots = np.zeros(n)
    below = 0.0  # in cells
    for i in order:
        above = below + share[i] * (n - 1)
        for k in range(max(int(below), 1), min(int(above) + 2, n - 1)):  # the triangles that reach this angle's share
            knots[k] += values[i] * (_triangle(above - k) - _triangle(below - k))
        below = above
    knots[0], knots[-1] = values[order[0]], values[order[-1]]
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
    """Cell of `value`, searched from the cell of the point before, and the place in it (0 to 1; points outside are at the edge)."""
    i = start
    while i > 0 and value < knots[i]:
        i -= 1
    while i < knots.size - 2 and value >= knots[i + 1]:
        i += 1
    return i, min(max((value - knots[i]) / (knots[i + 1] - knots[i]), 0.0), 1.0)
