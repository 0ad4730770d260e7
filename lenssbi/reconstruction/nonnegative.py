"""Non-negative least squares on normal equations: minimise x^T A x / 2 - b^T x with x >= 0.

At the solution every x_i is either free, where the gradient y = A x - b vanishes, or held at 0, where y_i >= 0. Block principal
pivoting (Portugal, Judice & Vicente 1994) guesses which are free, solves for them, and moves all those with wrong signs
at once; if this does not reduce their number for a few steps it moves only the last of them (Kim & Park 2011, algorithm 1). A source of
676 pixels takes 3 to 8 steps of one Cholesky factorisation each, where the active-set method of Lawson & Hanson, which moves
one at a time, takes as many steps as there are free pixels.

The last unknowns may be columns that are nearly alike, such as neighbouring Gaussians of a lens's light, for which block pivoting
cycles. They are few, so within each step SciPy's active-set method solves for them: with the Cholesky factor U of the free
unknowns and the columns after them, and y = U^-T b, the trailing blocks leave |U_a a - y_a|^2, a >= 0, to be minimised.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.linalg import blas
from scipy.optimize import nnls

from lenssbi.arrays import FloatArray
from lenssbi.reconstruction.cholesky import backward, factor, forward, workspace

PATIENCE = 3  # steps that may fail to reduce the number of misplaced unknowns (Kim & Park 2011)
MAX_STEPS = 60
TOLERANCE = 1e-10  # of the largest b_i / sqrt(A_ii), the unit in which wrong signs are judged


def block_pivoting(matrix: FloatArray, vector: FloatArray, start: NDArray[np.bool_]) -> FloatArray | None:
    """The best x >= 0; None if a factorisation failed or the steps did not suffice.

    Parameters
    ----------
    matrix
        Matrix A, positive definite, only the upper half is read, shape (n + m, n + m).
    vector
        Vector b, shape (n + m,).
    start
        True for unknowns other than columns that are free at first, shape (n,).
    """
    n = start.size
    scale = np.sqrt(np.diagonal(matrix)[:n])
    limit = TOLERANCE * float(abs(vector[:n] / scale).max())
    free, fewest, patience = start, n + 1, PATIENCE
    for _ in range(MAX_STEPS):
        x = _solve_free(matrix, vector, free)
        if x is None:
            return None
        gradient = blas.dsymv(1.0, matrix.T, x, lower=1) - vector
        wrong = np.where(free, x[:n] * scale, gradient[:n] / scale) < -limit
        count = int(np.count_nonzero(wrong))
        if count == 0:
            return np.maximum(x, 0.0)
        if count < fewest:
            fewest, patience = count, PATIENCE
        elif patience > 0:
            patience -= 1
        else:
            wrong[: np.flatnonzero(wrong)[-1]] = False
        free = free ^ wrong
    return None


def last_nonnegative(upper: FloatArray, half: FloatArray, n: int) -> FloatArray | None:
    """The best x of A = U^T U and b = U^T half with x >= 0 from entry n on and the first n of any sign; None if SciPy fails.

    Parameters
    ----------
    upper, half
        Factor U, of which the lower half is not read, shape (k, k); and U^-T b, shape (k,).
    n
        Number of entries of any sign.
    """
    if n == half.size:
        return backward(upper, half)
    try:
        last: FloatArray = nnls(np.triu(upper[n:, n:]), half[n:], maxiter=10 * (half.size - n))[0]
    except RuntimeError:
        return None
    return np.append(backward(upper, half[:n] - upper[:n, n:] @ last), last)


def _solve_free(matrix: FloatArray, vector: FloatArray, free: NDArray[np.bool_]) -> FloatArray | None:
    """The best of the free unknowns, of any sign, and the columns, >= 0; the others are 0."""
    first = np.flatnonzero(free)
    places, x = np.append(first, np.arange(free.size, vector.size)), np.zeros(vector.size)
    part = workspace(places.size, "part")
    _select(matrix, places, part)
    if places.size and not factor(part):
        return None
    found = last_nonnegative(part, forward(part, vector[places]), first.size)
    if found is None:
        return None
    x[places] = found
    return x


@njit(cache=True, nogil=True)
def _select(matrix: FloatArray, places: NDArray[Any], part: FloatArray) -> None:
    """The upper half of the rows and columns at `places`, in ascending order."""
    for a in range(places.size):
        for b in range(a, places.size):
            part[a, b] = matrix[places[a], places[b]]
