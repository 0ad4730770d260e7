"""Delaunay mesh: triangles between traced pixels, linear inside each.

The vertices are traced pixels (see `overlay`; Nightingale & Dye 2015; Nightingale, Dye & Massey 2018). A point outside all
triangles takes the brightness of the nearest point of their hull. The triangulation jumps when the lens changes, so the evidence is
rough by about 1 nat with `Constant`, less with the other regularisations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.spatial import Delaunay as Triangulation
from scipy.spatial import QhullError

from lenssbi.arrays import ComplexArray, FloatArray
from lenssbi.reconstruction.imaging import Imaging
from lenssbi.reconstruction.mesh import Interpolation, SourceMesh, image_light
from lenssbi.reconstruction.overlay import overlay
from lenssbi.reconstruction.sparse import Rows

STEEPEST = (
    1e3  # limit of the narrowness of a triangle, so that H stays positive definite: an angle of about a thousandth
)


@dataclass(frozen=True)
class Delaunay:
    """Triangles between traced pixels of the mask.

    Parameters
    ----------
    n
        Approximate number of vertices.
    brightness
        Share of them, from 0 to 1, that follows the image's light; the rest lies on a regular grid over the image.
    """

    n: int = 680
    brightness: float = 0.0
    fixed_topology: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_vertices(self)

    def source_mesh(self, beta: ComplexArray, imaging: Imaging) -> SourceMesh | None:
        """Lay the mesh (see `Mesh`)."""
        vertices = beta[overlay(imaging, self.n, self.brightness)]
        triangles = triangulate(vertices)
        if triangles is None:
            return None
        indices, weights = triangles.locate(beta)
        light, locate = image_light(imaging), triangles.locate
        return SourceMesh(vertices, indices, weights, triangles.edges, locate, light, geometry=triangles)


class _Vertices(Protocol):
    @property
    def n(self) -> int: ...
    @property
    def brightness(self) -> float: ...


def check_vertices(mesh: _Vertices) -> None:
    """Refuse vertices over which no mesh can be laid."""
    name = type(mesh).__name__
    if mesh.n < 3:
        raise ValueError(f"{name} needs n >= 3 vertices, got {mesh.n}")
    if not 0 <= mesh.brightness <= 1:
        raise ValueError(f"{name} needs brightness from 0 to 1, got {mesh.brightness}")


def triangulate(vertices: ComplexArray) -> Triangles | None:
    """Delaunay's triangles between the vertices [arcsec]; None if they span no area."""
    try:
        found = Triangulation(np.stack([vertices.real, vertices.imag], axis=1))
    except QhullError:
        return None
    edges, hull = _edges(found.simplices, found.neighbors)
    return Triangles(vertices, found.simplices, found.neighbors, edges, hull)


@dataclass(frozen=True, eq=False)
class Triangles:
    """Interpolation in triangles, and the integrals of `Geometry` over them.

    Parameters
    ----------
    vertices
        Places [arcsec], complex, shape (n,).
    triangles, neighbours
        SciPy's `simplices` and `neighbors`.
    edges, hull
        Edges and hull from `_edges`, in its order.
    """

    vertices: ComplexArray
    triangles: NDArray[Any]
    neighbours: NDArray[Any]
    edges: NDArray[Any]
    hull: NDArray[Any]

    def locate(self, points: ComplexArray) -> Interpolation:
        """Corners (m, 3) of the triangles that hold the points [arcsec] (m,), and their weights (m, 3)."""
        return _walk(self.vertices, self.triangles, self.neighbours, self.hull, np.ascontiguousarray(points))

    def slopes(self) -> FloatArray:
        """Half the sum of the cotangents opposite each edge (Pinkall & Polthier 1993), from 0 to `STEEPEST`.

        That is the facet between two Voronoi cells over the distance of their vertices; facets end at the hull, so that a flat
        triangle there, which appears and disappears as the lens changes, has no weight.
        """
        return _facets(self.vertices, self.triangles, self.neighbours, len(self.edges))

    def bends(self) -> Rows:
        """The Laplacian at each vertex, by cotangents, times the root of its area."""
        n, (a, b) = self.vertices.size, self.edges.T
        slopes = self.slopes()
        corners = self.vertices[self.triangles]
        sides = corners[:, 1:] - corners[:, :1]
        thirds = abs((sides[:, 0].conj() * sides[:, 1]).imag) / 6
        areas = np.bincount(self.triangles.ravel(), np.repeat(thirds, 3), n)
        typical = np.exp(np.mean(np.log(areas)))
        vertex = np.arange(n, dtype=self.edges.dtype)
        rows = np.concatenate([vertex, a, b])
        columns = np.concatenate([vertex, b, a])
        values = np.concatenate([-np.bincount(a, slopes, n) - np.bincount(b, slopes, n), slopes, slopes])
        values *= np.sqrt(typical / np.maximum(areas, typical / STEEPEST))[rows]
        order = np.argsort(rows, kind="stable")
        return Rows(np.append(0, np.cumsum(np.bincount(rows, minlength=n))), columns[order], values[order])


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
def _facets(vertices: ComplexArray, triangles: NDArray[Any], neighbours: NDArray[Any], m: int) -> FloatArray:
    weights = np.empty(m)
    e = 0
    for t in range(triangles.shape[0]):
        for k in range(3):
            other = neighbours[t, k]
            if other < t:  # in the order of `_edges`
                weight = _facet(vertices, triangles[t], neighbours[t], k)
                if other >= 0:
                    for c in range(3):
                        if neighbours[other, c] == t:
                            weight += _facet(vertices, triangles[other], neighbours[other], c)
                weights[e] = min(max(weight, 0.0), STEEPEST)
                e += 1
    return weights


@njit(cache=True, nogil=True)
def _facet(vertices: ComplexArray, triangle: NDArray[Any], neighbours: NDArray[Any], k: int) -> float:
    """Half the cotangent of the angle at corner k; for a facet that crosses the hull, the part within."""
    for c in range(3):  # an obtuse corner opposite the hull
        if neighbours[c] < 0 and _cotangent(vertices, triangle, c) < 0:
            if c == k:
                return 0.0
            return 0.5 / max(_cotangent(vertices, triangle, 3 - c - k), 1 / STEEPEST)
    return 0.5 * _cotangent(vertices, triangle, k)


@njit(cache=True, nogil=True)
def _cotangent(vertices: ComplexArray, triangle: NDArray[Any], k: int) -> float:
    corner = vertices[triangle[k]]
    a, b = vertices[triangle[(k + 1) % 3]] - corner, vertices[triangle[(k + 2) % 3]] - corner
    return (a.real * b.real + a.imag * b.imag) / max(abs(a.real * b.imag - a.imag * b.real), 1e-300)


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
