"""Places of the source pixels, and the interpolation of the brightness between them.

A new mesh is laid over the traced angles of every lens model, finer where they are dense, which is where the lens magnifies.
`delaunay` (triangles between traced pixels, linear), `voronoi` (the nearest of them) and `rectangular` (rows and columns,
bilinear, always the same neighbours) are the meshes; a new one is a new file with the one method of `Mesh`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numba import njit
from numpy.typing import NDArray

from lenssbi.arrays import ComplexArray, FloatArray
from lenssbi.reconstruction.imaging import Imaging
from lenssbi.reconstruction.sparse import Rows, narrow_order

Interpolation = tuple[NDArray[Any], FloatArray]
"""Source pixels (m, k) and their weights (m, k): brightness = sum over k of weight * source[pixel]."""


class Geometry(Protocol):
    """Integrals over the source plane, of a source given at the mesh's vertices."""

    def slopes(self) -> FloatArray:
        """Weights w_e of the edges: sum of w_e (s_i - s_j)^2 = integral of |grad s|^2, no unit, shape (m,)."""

    def bends(self) -> Rows:
        """Matrix B: |B s|^2 = integral of the squared second derivatives, times a typical cell's area, so without unit."""


@dataclass(frozen=True, eq=False)
class SourceMesh:
    """The mesh that belongs to one lens model.

    Parameters
    ----------
    vertices
        Places of the source pixels [arcsec], complex, shape (n,).
    indices, weights
        The source pixels (int32), and their weights, that make up the brightness at each traced angle, shape (n_sub, k) both.
    edges
        Pairs of neighbours (int32), each once, shape (m, 2).
    locate
        The same interpolation at other places: complex (m,) [arcsec] -> indices (m, k), weights (m, k).
    light
        Brightness of the image at each traced angle, any unit, NaN outside the mask (`image_light`), shape (n_sub,); None if unknown.
    order
        Place of each source pixel in an order that keeps neighbours together, shape (n,), if the mesh has one; otherwise None.
    geometry
        Lengths and areas for integrals over the source plane; None if unknown.
    linear
        Linear interpolation between the vertices, if `locate` is not linear; it defines the interior of the mesh.
    """

    vertices: ComplexArray
    indices: NDArray[Any]
    weights: FloatArray
    edges: NDArray[Any]
    locate: Callable[[ComplexArray], Interpolation]
    light: FloatArray | None = None
    order: NDArray[Any] | None = None
    geometry: Geometry | None = None
    linear: Callable[[ComplexArray], Interpolation] | None = None

    def inside(self, points: ComplexArray) -> NDArray[np.bool_]:
        """Whether places [arcsec] lie within the mesh: linear weights then reproduce the place itself, not one on the edge."""
        indices, weights = (self.linear or self.locate)(points)
        found: NDArray[np.bool_] = abs((weights * self.vertices[indices]).sum(axis=1) - points) <= 1e-9
        return found

    def place(self) -> NDArray[Any]:
        """Place of each source pixel in an order that keeps neighbours together, shape (n,)."""
        if self.order is not None:
            return self.order
        return narrow_order(self.edges[:, 0], self.edges[:, 1], self.vertices.size)

    def signal(self) -> FloatArray:
        """Mean brightness of the image at the images of each source pixel, 1 for the brightest, shape (n,).

        As in Nightingale, Dye & Massey (2018), with the weights of the interpolation, so that it follows the lens smoothly.
        """
        if self.light is None:
            raise ValueError("a source pixel's signal needs the image's light: give the mesh `light`")
        return _signal(self.indices, self.weights, self.light, self.vertices.size)


class Mesh(Protocol):
    """A way to lay a mesh."""

    @property
    def fixed_topology(self) -> bool:
        """Whether the edges are the same for all lens models, so that quantities that depend on them alone are computed once."""

    def source_mesh(self, beta: ComplexArray, imaging: Imaging) -> SourceMesh | None:
        """Lay the mesh.

        Parameters
        ----------
        beta
            Traced `imaging.theta` [arcsec], finite, complex, shape (n_sub,).
        imaging
            The stamp.

        Returns
        -------
        None if the angles span no area.
        """


@lru_cache(maxsize=8)
def image_light(imaging: Imaging) -> FloatArray:
    """`Imaging.brightness` at each row of `imaging.theta`, NaN outside the mask, shape (n_sub,)."""
    light = np.full((imaging.theta.size // imaging.subgrid**2, imaging.subgrid**2), np.nan)
    light[imaging.fitted] = imaging.brightness[:, None]
    return light.ravel()


@njit(cache=True, nogil=True)
def _signal(indices: NDArray[Any], weights: FloatArray, light: FloatArray, n: int) -> FloatArray:
    total = np.zeros(n)
    seen = np.ones(n)  # one dark angle for each, so that pixels fade gradually as they leave the image
    for i in range(light.size):
        if not np.isnan(light[i]):
            for k in range(indices.shape[1]):
                total[indices[i, k]] += weights[i, k] * light[i]
                seen[indices[i, k]] += weights[i, k]
    total /= seen
    brightest = total.max()
    return total / brightest if brightest > 0 else total
