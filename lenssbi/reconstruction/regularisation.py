"""How smooth a source is expected to be.

A regularisation gives H / strength, a sparse matrix that charges the squared differences between neighbours:

    s^T H s = strength * ( sum over edges of w_e (s_i - s_j)^2 + sum over pixels of r_i s_i^2 )

(Suyu et al. 2006, gradient form; Nightingale & Dye 2015, eq. 24). The ridge r only makes H positive definite, since a constant
source costs nothing; it enters ln det H = n ln strength + ln det(H / strength), exact here, once per edge set.
The source is in units of `Imaging.flux_scale`, so strength has no unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from lenssbi.arrays import FloatArray
from lenssbi.reconstruction.mesh import SourceMesh
from lenssbi.reconstruction.sparse import log_det, narrow_order


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

    def charge(self, source: FloatArray) -> float:
        """s^T H s / strength of a source [flux_scale], shape (n,)."""
        twice = np.where(self.rows == self.columns, 1.0, 2.0)
        return float(np.sum(twice * self.values * source[self.rows] * source[self.columns]))


class Regularisation(Protocol):
    """A kind of smoothness."""

    @property
    def topology_only(self) -> bool:
        """Whether the penalty depends on the edges alone; meshes of fixed topology then need it once."""

    def penalty(self, mesh: SourceMesh) -> Penalty:
        """H / strength of a mesh."""


@dataclass(frozen=True)
class Constant:
    """All neighbours are to be alike, by the same strength everywhere; `ridge` is r_i."""

    ridge: float = 1e-8  # PyAutoLens's number: its evidences can be compared
    topology_only: ClassVar[bool] = True

    def penalty(self, mesh: SourceMesh) -> Penalty:
        """H / strength of a mesh."""
        return of_edges(mesh.edges, np.ones(len(mesh.edges)), np.full(mesh.vertices.size, self.ridge))


def of_edges(edges: NDArray[Any], weights: FloatArray, ridge: FloatArray) -> Penalty:
    """Penalty that charges squared differences between neighbours.

    Parameters
    ----------
    edges
        Pairs of neighbours, shape (m, 2).
    weights
        w_e, shape (m,).
    ridge
        r_i, shape (n,).
    """
    low, high = edges.min(axis=1), edges.max(axis=1)
    diagonal = np.arange(ridge.size)
    rows = np.concatenate([diagonal, low, high, low])
    columns = np.concatenate([diagonal, low, high, high])
    values = np.concatenate([ridge, weights, weights, -weights])
    return Penalty(rows, columns, values, log_det(rows, columns, values, narrow_order(rows, columns, ridge.size)))
