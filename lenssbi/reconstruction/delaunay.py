"""Delaunay mesh: triangles between traced pixels, linear inside each.

The vertices are points of a regular grid over the image's mask, traced to the source plane, so they crowd where the lens
magnifies (Nightingale & Dye 2015; Nightingale, Dye & Massey 2018). A point outside all triangles takes the brightness of the
nearest point of their hull. The triangulation jumps when the lens changes, so the evidence is rough by about 1 nat.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, ClassVar

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.spatial import Delaunay as Triangulation
from scipy.spatial import QhullError

from lenssbi.arrays import ComplexArray, FloatArray
from lenssbi.reconstruction.imaging import Imaging
from lenssbi.reconstruction.mesh import Interpolation, SourceMesh


@dataclass(frozen=True)
class Delaunay:
    """Triangles between about `n` traced pixels of the mask."""

    n: int = 680
    fixed_topology: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.n < 3:
            raise ValueError(f"Delaunay needs n >= 3 vertices, got {self.n}")

    def source_mesh(self, beta: ComplexArray, imaging: Imaging) -> SourceMesh | None:
        """Lay the mesh (see `Mesh`)."""
        vertices = beta[overlay(imaging, self.n)]
        try:
            found = Triangulation(np.stack([vertices.real, vertices.imag], axis=1))
        except QhullError:
            return None
        edges, hull = _edges(found.simplices, found.neighbors)
        locate = partial(_locate, vertices, found.simplices, found.neighbors, hull)
        indices, weights = locate(beta)
        return SourceMesh(vertices, indices, weights, edges, locate)


@lru_cache(maxsize=8)
def overlay(imaging: Imaging, n: int) -> NDArray[Any]:
    """Rows of `imaging.theta` next to the points of a regular grid, about `n` of them inside the mask."""
    sub = imaging.subgrid**2
    rows = (imaging.fitted[:, None] * sub + np.arange(sub)).ravel()
    theta = imaging.theta[rows]
    step = np.sqrt(imaging.n_pixels / n) * imaging.pixel_scale
    # The sub-pixel nearest to the centre of each cell of the grid; a cell counts if its centre lies in one of the sub-pixels.
    cell = np.floor(theta.real / step) + 1j * np.floor(theta.imag / step)
    offset = theta - (cell + 0.5 + 0.5j) * step
    inside = np.maximum(abs(offset.real), abs(offset.imag)) <= 0.5001 * imaging.pixel_scale / imaging.subgrid
    order = np.argsort(abs(offset), kind="stable")
    order = order[inside[order]]
    _, first = np.unique(cell[order], return_index=True)
    return np.sort(rows[order[first]])


def _locate(
    vertices: ComplexArray, triangles: NDArray[Any], neighbours: NDArray[Any], hull: NDArray[Any], points: ComplexArray
) -> Interpolation:
    return _walk(vertices, triangles, neighbours, hull, np.ascontiguousarray(points))


@njit(cache=True, nogil=True)
def _edges(triangles: NDArray[Any], neighbours: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """All edges, and those of the hull."""
    n = triangles.shape[0]
    edges = np.empty((3 * n, 2), np.int32)
    hull = np.empty((3 * n, 2), np.int32)
    m = h = 0
    for t in range(n):
        for k in range(3):
            if neighbours[t, k] < t:  # each edge once, from the later of its triangles; -1 is outside
                a, b = triangles[t, (k + 1) % 3], triangles[t, (k + 2) % 3]
                edges[m, 0], edges[m, 1] = a, b
                m += 1
                if neighbours[t, k] < 0:
                    hull[h, 0], hull[h, 1] = a, b
                    h += 1
    return edges[:m].copy(), hull[:h].copy()


@njit(cache=True, nogil=True)
def _walk(
    vertices: ComplexArray, triangles: NDArray[Any], neighbours: NDArray[Any], hull: NDArray[Any], points: ComplexArray
) -> Interpolation:
    """Barycentric weights; each search starts in the triangle of the point before, which is near."""
    indices = np.empty((points.size, 3), np.int32)
    weights = np.empty((points.size, 3))
    t = 0
    for i in range(points.size):
        p = points[i]
        for _ in range(triangles.shape[0] + 1):  # in a Delaunay triangulation the walk cannot go in circles
            a = vertices[triangles[t, 0]] - p
            b = vertices[triangles[t, 1]] - p
            c = vertices[triangles[t, 2]] - p
            wa = b.real * c.imag - b.imag * c.real
            wb = c.real * a.imag - c.imag * a.real
            wc = a.real * b.imag - a.imag * b.real
            area = wa + wb + wc
            wa, wb, wc = wa / area, wb / area, wc / area
            if wa <= wb:
                k = 0 if wa <= wc else 2
            else:
                k = 1 if wb <= wc else 2
            lowest = min(wa, wb, wc)
            if lowest >= -1e-12 or neighbours[t, k] < 0:
                break
            t = neighbours[t, k]
        if lowest >= -1e-12:
            for k in range(3):
                indices[i, k] = triangles[t, k]
            weights[i, 0], weights[i, 1], weights[i, 2] = wa, wb, wc
        else:
            _project(vertices, hull, p, indices[i], weights[i])
    return indices, weights


@njit(cache=True, nogil=True)
def _project(vertices: ComplexArray, hull: NDArray[Any], p: complex, index: NDArray[Any], weight: FloatArray) -> None:
    """Weights of the point of the hull that is nearest to `p`."""
    least = np.inf
    for e in range(hull.shape[0]):
        a = vertices[hull[e, 0]]
        side = vertices[hull[e, 1]] - a
        r = p - a
        along = (r.real * side.real + r.imag * side.imag) / (side.real**2 + side.imag**2)
        along = min(max(along, 0.0), 1.0)
        r = r - along * side
        distance = r.real**2 + r.imag**2
        if distance < least:
            least = distance
            index[0], index[1], index[2] = hull[e, 0], hull[e, 1], hull[e, 0]
            weight[0], weight[1], weight[2] = 1 - along, along, 0.0
