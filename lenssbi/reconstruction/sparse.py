"""ln det of a sparse positive definite matrix, exactly, by a Cholesky factorisation within its envelope."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import reverse_cuthill_mckee

from lenssbi.arrays import FloatArray


def narrow_order(rows: NDArray[Any], columns: NDArray[Any], n: int) -> NDArray[Any]:
    """Place of each row in an order in which the matrix' entries are near its diagonal (reverse Cuthill-McKee), shape (n,)."""
    ones = np.ones(2 * rows.size, np.int8)
    pattern = coo_array((ones, (np.append(rows, columns), np.append(columns, rows))), shape=(n, n)).tocsr()
    place = np.empty(n, np.int64)
    place[reverse_cuthill_mckee(pattern, symmetric_mode=True)] = np.arange(n)
    return place


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def log_det(rows: NDArray[Any], columns: NDArray[Any], values: FloatArray, place: NDArray[Any]) -> float:
    """ln det of the matrix whose upper half is (row, column, value); NaN where it is not positive definite.

    `place`, shape (n,): where each row goes; the nearer to the diagonal the entries are in this order, the faster.
    """
    n = place.size
    first = np.arange(n)
    for e in range(values.size):
        i, j = place[rows[e]], place[columns[e]]
        first[max(i, j)] = min(first[max(i, j)], min(i, j))
    start = np.zeros(n + 1, np.int64)  # row i of the envelope is entries[start[i]:start[i + 1]], columns first[i] to i
    for i in range(n):
        start[i + 1] = start[i] + i - first[i] + 1
    entries = np.zeros(start[n])
    for e in range(values.size):
        i, j = place[rows[e]], place[columns[e]]
        entries[start[max(i, j)] + min(i, j) - first[max(i, j)]] += values[e]
    total = 0.0
    for i in range(n):
        for j in range(first[i], i + 1):
            begin = max(first[i], first[j])
            entry = entries[start[i] + j - first[i]]
            for k in range(begin, j):
                entry -= entries[start[i] + k - first[i]] * entries[start[j] + k - first[j]]
            if j < i:
                entries[start[i] + j - first[i]] = entry / entries[start[j + 1] - 1]
            else:
                entries[start[i + 1] - 1] = np.sqrt(entry)
                total += np.log(entry)
    return total
