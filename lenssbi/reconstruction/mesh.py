"""Where the pixels of the source lie, and how its brightness at any place follows from theirs.

A mesh is laid over the traced angles anew for every lens model, finer where they crowd, which is where the lens magnifies.
`delaunay` (triangles between traced pixels, linear) and `rectangular` (rows and columns, bilinear, always the same neighbours)
are the meshes; a new one, say Voronoi cells, is a new file with the one verb of `Mesh`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from lenssbi.arrays import ComplexArray, FloatArray
from lenssbi.reconstruction.imaging import Imaging

Interpolation = tuple[NDArray[Any], FloatArray]
"""Source pixels (m, k) and their weights (m, k): brightness = sum over k of weight * source[pixel]."""


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
    """

    vertices: ComplexArray
    indices: NDArray[Any]
    weights: FloatArray
    edges: NDArray[Any]
    locate: Callable[[ComplexArray], Interpolation]


class Mesh(Protocol):
    """A way to lay a mesh."""

    @property
    def fixed_topology(self) -> bool:
        """Whether the edges are the same for all lens models, so that what depends on them alone is computed once."""

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
        None where the angles span no area.
        """
