"""Voronoi mesh: a point has the brightness of the nearest vertex (Nightingale, Dye & Massey 2018; the mesh of Pearson et al. 2021).

The vertices are those of the Delaunay mesh, and the edges of its triangulation are the pairs of neighbouring cells. The nearest vertex is
found by walking along them, to the neighbour nearest to the point until none is nearer. That is exact: the straight line from any other
vertex to the point leaves the vertex's cell into a neighbour's, which is nearer. Brightness jumps between cells, so the evidence is rougher
than that of the other meshes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import coo_array

from lenssbi.arrays import ComplexArray
from lenssbi.reconstruction.delaunay import check_vertices, triangulate
from lenssbi.reconstruction.imaging import Imaging
from lenssbi.reconstruction.mesh import Interpolation, SourceMesh, image_light
from lenssbi.reconstruction.overlay import overlay


@dataclass(frozen=True)
class Voronoi:
    """Cells around about `n` traced pixels of the mask; the parameters are those of `Delaunay`."""

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
        locate = partial(_locate, vertices, *_neighbours(triangles.edges, vertices.size))
        indices, weights = locate(beta)
        return SourceMesh(
            vertices,
            indices,
            weights,
            triangles.edges,
            locate,
            image_light(imaging),
            geometry=triangles,
            linear=triangles.locate,
        )


def _neighbours(edges: NDArray[Any], n: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """The neighbours of vertex i are `neighbours[start[i]:start[i + 1]]`."""
    a, b = edges.T
    ones = np.ones(2 * a.size, np.int8)
    graph = coo_array((ones, (np.append(a, b), np.append(b, a))), shape=(n, n)).tocsr()
    return graph.indptr, graph.indices


def _locate(
    vertices: ComplexArray, start: NDArray[Any], neighbours: NDArray[Any], points: ComplexArray
) -> Interpolation:
    nearest = _nearest(vertices, start, neighbours, np.ascontiguousarray(points))
    return nearest[:, None], np.ones((points.size, 1))


@njit(cache=True, nogil=True)
def _nearest(
    vertices: ComplexArray, start: NDArray[Any], neighbours: NDArray[Any], points: ComplexArray
) -> NDArray[Any]:
    """Each search starts at the vertex of the point before, which is near."""
    found = np.empty(points.size, np.int32)
    at = 0
    for i in range(points.size):
        offset = vertices[at] - points[i]
        least, previous = offset.real**2 + offset.imag**2, -1
        while previous != at:
            previous = at
            for k in range(start[previous], start[previous + 1]):
                offset = vertices[neighbours[k]] - points[i]
                distance = offset.real**2 + offset.imag**2
                if distance < least:
                    least, at = distance, neighbours[k]
        found[i] = at
    return found
