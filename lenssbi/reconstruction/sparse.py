"""Sparse symmetric matrices as triplets of their upper half; ln det exactly, by LAPACK's Cholesky factorisation of a band."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.linalg import lapack
from scipy.sparse import coo_array
from scipy.sparse.csgraph import reverse_cuthill_mckee

from lenssbi.arrays import FloatArray


class Rows(NamedTuple):
    """A sparse matrix by rows: row r has `values[start[r]:start[r + 1]]` in the columns `columns[start[r]:start[r + 1]]`."""

    start: NDArray[Any]
    columns: NDArray[Any]
    values: FloatArray


@njit(cache=True, nogil=True)
def gram(matrix: Rows) -> tuple[NDArray[Any], NDArray[Any], FloatArray]:
    """Upper half of B^T B as triplets (rows, columns, values); entries of one place add up."""
    size = 0
    for r in range(matrix.start.size - 1):
        entries = matrix.start[r + 1] - matrix.start[r]
        size += entries * (entries + 1) // 2
    rows, columns, values = np.empty(size, np.int32), np.empty(size, np.int32), np.empty(size)
    e = 0
    for r in range(matrix.start.size - 1):
        for a in range(matrix.start[r], matrix.start[r + 1]):
            for b in range(a, matrix.start[r + 1]):
                i, j = matrix.columns[a], matrix.columns[b]
                rows[e], columns[e] = min(i, j), max(i, j)
                values[e] = matrix.values[a] * matrix.values[b]
                e += 1
    return rows, columns, values


def narrow_order(rows: NDArray[Any], columns: NDArray[Any], n: int) -> NDArray[Any]:
    """Place of each row in an order in which the matrix' entries are near its diagonal (reverse Cuthill-McKee), shape (n,)."""
    ones = np.ones(2 * rows.size, np.int8)
    pattern = coo_array((ones, (np.append(rows, columns), np.append(columns, rows))), shape=(n, n)).tocsr()
    place = np.empty(n, np.int64)
    place[reverse_cuthill_mckee(pattern, symmetric_mode=True)] = np.arange(n)
    return place


def log_det(rows: NDArray[Any], columns: NDArray[Any], values: FloatArray, place: NDArray[Any]) -> float:
    """ln det of the matrix whose upper half is (row, column, value); NaN if it is not positive definite.

    `place`, shape (n,), is the new index of each row; the nearer to the diagonal the entries are in this order, the faster.
    """
    factor, info = lapack.dpbtrf(_band(rows, columns, values, place).T, lower=1, overwrite_ab=1)
    return float(2 * np.sum(np.log(factor[0]))) if info == 0 else float("nan")


@njit(cache=True, nogil=True)
def _band(rows: NDArray[Any], columns: NDArray[Any], values: FloatArray, place: NDArray[Any]) -> FloatArray:
    """Row c holds the entries at and below the diagonal in column c, as LAPACK's band matrices do (transposed)."""
    width = 0
    for e in range(values.size):
        width = max(width, abs(place[rows[e]] - place[columns[e]]))
    band = np.zeros((place.size, width + 1))
    for e in range(values.size):
        i, j = place[rows[e]], place[columns[e]]
        band[min(i, j), abs(i - j)] += values[e]
    return band
