"""Cubic B-splines through values on a regular grid, evaluated at complex angles, for NumPy and torch.

    f(u, v) = sum_ij c_ij B(u - j) B(v - i),   B the centred cubic B-spline (de Boor 1978; Unser 1999, IEEE Sig. Proc. Mag. 16, 22)

The spline passes through the values, is twice continuously differentiable, and falls to zero within two cells outside the grid. Many
grids of one shape make one table; `row` selects one of them, so that a batch of systems shares the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import ndimage

from lenssbi.arrays import Array, array_namespace

PAD = 2  # cells of zeros around a grid, into which the spline fades


@dataclass(frozen=True)
class SplineTable:
    """Grids of values with a spline through each.

    Parameters
    ----------
    coefficients
        Spline coefficients, real or complex, shape (row, PAD + ny + PAD, PAD + nx + PAD); see `through`.
    row
        Index of the grid: an integer, or integers of shape (*batch, 1, 1).
    """

    coefficients: Array
    row: Array = 0

    @staticmethod
    def through(values: Sequence[Any]) -> SplineTable:
        """Splines through grids of values, each of shape (ny, nx); smaller ones are padded with zeros around their middle."""
        grids = [np.asarray(value) for value in values]
        ny, nx = (max(grid.shape[axis] for grid in grids) for axis in (0, 1))
        full = np.zeros((len(grids), ny + 2 * PAD, nx + 2 * PAD), np.result_type(*grids, np.float64))
        for table, grid in zip(full, grids, strict=True):
            y, x = PAD + (ny - grid.shape[0]) // 2, PAD + (nx - grid.shape[1]) // 2
            table[y : y + grid.shape[0], x : x + grid.shape[1]] = grid
        return SplineTable(np.stack([ndimage.spline_filter(table, order=3, output=full.dtype) for table in full]))

    @property
    def shape(self) -> tuple[int, int]:
        """Values (ny, nx) of a grid."""
        _, ny, nx = self.coefficients.shape
        return ny - 2 * PAD, nx - 2 * PAD

    @property
    def structure(self) -> tuple[int, int]:
        """Shape of a grid: tables of one shape can be joined."""
        return self.shape

    def of_row(self, row: Array) -> SplineTable:
        """The same table, evaluated in `row`."""
        return replace(self, row=row)

    def value(self, u: Array, v: Array) -> Array:
        """Values at columns u and rows v (0 is the first value of the grid), real, shape (*batch, y, x); 0 outside."""
        return self._sum(u, v, _basis, _basis)

    def gradient(self, u: Array, v: Array) -> tuple[Array, Array]:
        """Derivatives along u and v, per cell."""
        return self._sum(u, v, _slope, _basis), self._sum(u, v, _basis, _slope)

    def take_rows(self, index: Any) -> SplineTable:
        """The items `index` of a batch; the table is shared."""
        return self if isinstance(self.row, int) else replace(self, row=self.row[index])

    def only_row(self) -> SplineTable:
        """The item of a batch of one, with its own grid alone."""
        row = self.row if isinstance(self.row, int) else int(self.row.reshape(-1)[0])
        return SplineTable(self.coefficients[row : row + 1], 0)

    @classmethod
    def join_rows(cls, parts: Sequence[SplineTable], counts: Sequence[int]) -> SplineTable:
        """Batches of `counts` items as one; a table that several parts share is kept once."""
        tables: dict[int, tuple[int, Any]] = {}
        first = 0
        for part in parts:
            if id(part.coefficients) not in tables:
                tables[id(part.coefficients)] = (first, part.coefficients)
                first += len(part.coefficients)
        if len({table.shape[1:] for _, table in tables.values()}) > 1:
            raise ValueError("tables of different shapes cannot be joined")
        rows = [
            np.broadcast_to(tables[id(part.coefficients)][0] + part.row, (count, 1, 1))
            for part, count in zip(parts, counts, strict=True)
        ]
        whole = [table for _, table in tables.values()]
        return SplineTable(whole[0] if len(whole) == 1 else np.concatenate(whole), np.concatenate(rows))

    def _sum(self, u: Array, v: Array, along_u: Any, along_v: Any) -> Array:
        xp = array_namespace(u)
        _, ny, nx = self.coefficients.shape
        u, v = u + PAD, v + PAD
        # outside, everything is looked up in the corner of zeros
        inside = (u >= 1) & (u < nx - 2) & (v >= 1) & (v < ny - 2)
        u, v = xp.where(inside, u, 1.0), xp.where(inside, v, 1.0)
        j, i = xp.floor(u), xp.floor(v)
        weights_u, weights_v = along_u(u - j), along_v(v - i)
        first = (self.row * ny + xp.astype(i, xp.int64) - 1) * nx + xp.astype(j, xp.int64) - 1
        flat = self.coefficients.reshape(-1)
        total = 0.0
        for a, weight_v in enumerate(weights_v):
            line = 0.0
            for b, weight_u in enumerate(weights_u):
                line = line + weight_u * flat[first + (a * nx + b)]
            total = total + weight_v * line
        return total * inside


def _basis(t: Array) -> tuple[Array, ...]:
    """Cubic B-spline weights of the four nodes around a point a fraction t past the second of them."""
    s = 1 - t
    return s**3 / 6, 2 / 3 - t**2 * (2 - t) / 2, 2 / 3 - s**2 * (2 - s) / 2, t**3 / 6


def _slope(t: Array) -> tuple[Array, ...]:
    """Their derivatives."""
    s = 1 - t
    return -(s**2) / 2, t * (1.5 * t - 2), s * (2 - 1.5 * s), t**2 / 2
