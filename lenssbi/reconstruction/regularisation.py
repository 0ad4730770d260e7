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
from scipy.sparse import coo_array
from scipy.sparse.csgraph import reverse_cuthill_mckee

from lenssbi.arrays import FloatArray
from lenssbi.reconstruction.kernel import log_det
from lenssbi.reconstruction.mesh import SourceMesh


@dataclass(frozen=True, eq=False)
class Penalty:
    """H / strength of one mesh.

    Parameters
    ----------
    edges
        Pairs of neighbours, shape (m, 2).
    weights
        w_e, shape (m,).
    ridge
        r_i, shape (n,).
    log_det
        ln det(H / strength).
    """

    edges: NDArray[Any]
    weights: FloatArray
    ridge: FloatArray
    log_det: float

    def charge(self, source: FloatArray) -> float:
        """s^T H s / strength of a source [flux_scale], shape (n,)."""
        step = source[self.edges[:, 0]] - source[self.edges[:, 1]]
        return float(self.weights @ step**2 + self.ridge @ source**2)


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
        n = mesh.vertices.size
        weights, ridge = np.ones(len(mesh.edges)), np.full(n, self.ridge)
        order = narrow_order(mesh.edges, n)
        return Penalty(mesh.edges, weights, ridge, log_det(mesh.edges, weights, ridge, order))


def narrow_order(edges: NDArray[Any], n: int) -> NDArray[Any]:
    """Place of each source pixel in an order in which neighbours are near each other (reverse Cuthill-McKee), shape (n,)."""
    i, j = edges.T
    pattern = coo_array((np.ones(2 * i.size, np.int8), (np.append(i, j), np.append(j, i))), shape=(n, n)).tocsr()
    place = np.empty(n, np.int64)
    place[reverse_cuthill_mckee(pattern, symmetric_mode=True)] = np.arange(n)
    return place
