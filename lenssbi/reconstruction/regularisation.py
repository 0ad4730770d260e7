"""Regularisation: the expected smoothness of a source.

A regularisation gives H / strength, a sparse matrix. All but `Curvature` penalise squared differences between neighbours:

    s^T H s = strength * ( sum over edges of w_e (s_i - s_j)^2 + sum over pixels of r_i s_i^2 )

(Suyu et al. 2006, gradient form; Nightingale & Dye 2015, eq. 24). The ridge r only makes H positive definite, since a constant
source has no penalty; it enters ln det H = n ln strength + ln det(H / strength), exact here. `Constant` has w = 1 and depends on the
edges alone; the others penalise integrals over the source plane, so that the shape of the mesh matters little (and the evidence of a
Delaunay mesh is 2 to 5 times less rough). The source is in units of `Imaging.flux_scale`, so strength has no unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from lenssbi.arrays import FloatArray
from lenssbi.reconstruction.mesh import Geometry, SourceMesh
from lenssbi.reconstruction.sparse import gram, log_det

RIDGE = 1e-8  # PyAutoLens's value, so that evidences can be compared


@dataclass(frozen=True, eq=False)
class Penalty:
    """H / strength of one mesh, sparse.

    Parameters
    ----------
    rows, columns, values
        The upper half as triplets with row <= column (entries of one place add up), shape (m,).
    log_det
        ln det(H / strength).
    """

    rows: NDArray[Any]
    columns: NDArray[Any]
    values: FloatArray
    log_det: float

    def quadratic_form(self, source: FloatArray) -> float:
        """s^T H s / strength of a source [flux_scale], shape (n,)."""
        twice = np.where(self.rows == self.columns, 1.0, 2.0)
        return float(np.sum(twice * self.values * source[self.rows] * source[self.columns]))


class Regularisation(Protocol):
    """A kind of smoothness."""

    @property
    def topology_only(self) -> bool:
        """Whether the penalty depends on the edges alone; it is then computed once for meshes of fixed topology."""

    def penalty(self, mesh: SourceMesh) -> Penalty:
        """H / strength of a mesh."""


@dataclass(frozen=True)
class Constant:
    """Squared differences of neighbours with the same strength everywhere; `ridge` is r_i."""

    ridge: float = RIDGE
    topology_only: ClassVar[bool] = True

    def penalty(self, mesh: SourceMesh) -> Penalty:
        """H / strength of a mesh."""
        return of_edges(mesh, np.ones(len(mesh.edges)), self.ridge)


@dataclass(frozen=True)
class Gradient:
    """Integral of |grad s|^2 over the source plane (Dirichlet's energy), plus the ridge.

    Cells of a rectangular mesh by finite volumes, triangles by linear elements (cotangent weights; Pinkall & Polthier 1993).
    """

    ridge: float = RIDGE
    topology_only: ClassVar[bool] = False

    def penalty(self, mesh: SourceMesh) -> Penalty:
        """H / strength of a mesh."""
        return of_edges(mesh, _geometry(mesh).slopes(), self.ridge)


@dataclass(frozen=True)
class Adaptive:
    """Bright parts of the source may change faster than dark ones (after Nightingale, Dye & Massey 2018).

    Integral of |grad s|^2 / scatter^2, with scatter = V / inner + (1 - V) / outer the change that is expected over one cell, as wide
    as it is high, and V = `SourceMesh.signal`^power; an edge has the mean of its two pixels. The paper interpolates the weight's root,
    inner V + outer (1 - V), and penalises differences whatever the distance: that suppresses all but the very brightest pixel,
    most of all where the mesh is coarse. On one simulated Gaussian source of peak signal to noise 10 the first reduced the evidence by
    56 nat (with differences penalised), the second by 4 to 45, most on the mesh that follows the light.
    Apart from the strength only the ratio of inner to outer matters.

    Parameters
    ----------
    inner, outer
        Root of the weight in the brightest and in the dark parts of the source.
    power
        Exponent: below 1 more of the source counts as bright, above 1 less.
    ridge
        Ratio of r_i to the weight of the pixel's edges. Above 1e-2, light spread over more than ten cells is penalised too, which
        suits departures from a smooth source (`smooth`), which have no mean.
    """

    inner: float = 1.0
    outer: float = 30.0
    power: float = 0.5
    ridge: float = RIDGE
    topology_only: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not (0 < self.inner < np.inf and 0 < self.outer < np.inf and 0 < self.power < np.inf):
            raise ValueError(
                f"Adaptive needs inner, outer and power above 0, got {self.inner}, {self.outer}, {self.power}"
            )

    def penalty(self, mesh: SourceMesh) -> Penalty:
        """H / strength of a mesh."""
        share = mesh.signal() ** self.power
        stiffness = (share / self.inner + (1 - share) / self.outer) ** -2.0
        mean = 0.5 * (stiffness[mesh.edges[:, 0]] + stiffness[mesh.edges[:, 1]])
        return of_edges(mesh, mean * _geometry(mesh).slopes(), self.ridge * stiffness)


@dataclass(frozen=True)
class Curvature:
    """Integral of the squared second derivatives over the source plane, times a typical cell's area, plus the ridge.

    The curvature form of Suyu et al. (2006) with its cross term, so that the source's orientation does not matter: a thin plate
    with a free edge (Wahba 1990, section 2.4), without penalty for a plane, on a rectangular mesh; the squared Laplacian
    on other meshes.
    """

    ridge: float = RIDGE
    topology_only: ClassVar[bool] = False

    def penalty(self, mesh: SourceMesh) -> Penalty:
        """H / strength of a mesh."""
        n, (rows, columns, values) = mesh.vertices.size, gram(_geometry(mesh).bends())
        diagonal = np.arange(n, dtype=rows.dtype)
        rows, columns = np.append(rows, diagonal), np.append(columns, diagonal)
        values = np.append(values, np.full(n, self.ridge))
        return Penalty(rows, columns, values, log_det(rows, columns, values, mesh.place()))


def _geometry(mesh: SourceMesh) -> Geometry:
    if mesh.geometry is None:
        raise ValueError("an integral over the source plane needs lengths and areas: give the mesh `geometry`")
    return mesh.geometry


def of_edges(mesh: SourceMesh, weights: FloatArray, ridge: float | FloatArray) -> Penalty:
    """Penalty for squared differences between neighbours.

    Parameters
    ----------
    mesh
        Mesh with the edges.
    weights
        Weights w_e, shape (m,).
    ridge
        Ridge r_i, a number or shape (n,).
    """
    n, (a, b) = mesh.vertices.size, mesh.edges.T
    diagonal = np.arange(n, dtype=mesh.edges.dtype)
    own = ridge + np.bincount(a, weights, n) + np.bincount(b, weights, n)
    rows = np.concatenate([diagonal, np.minimum(a, b)])
    columns = np.concatenate([diagonal, np.maximum(a, b)])
    values = np.concatenate([own, -weights])
    return Penalty(rows, columns, values, log_det(rows, columns, values, mesh.place()))
