"""LAPACK's Cholesky factorisation in place, with the interpreter's lock released.

SciPy's own wrapper keeps the lock, so that two threads would take turns; Numba's copies the matrix. SciPy publishes the
address of the LAPACK routine that it ships, and ctypes releases the lock while it calls one.
"""

from __future__ import annotations

import ctypes
import threading

import numpy as np
from numba import njit
from numba.extending import get_cython_function_address

from lenssbi.arrays import FloatArray

_INT = ctypes.POINTER(ctypes.c_int)
_potrf = ctypes.CFUNCTYPE(None, ctypes.c_char_p, _INT, ctypes.c_void_p, _INT, _INT)(
    get_cython_function_address("scipy.linalg.cython_lapack", "dpotrf")
)
_workspace = threading.local()


def workspace(n: int, use: str) -> FloatArray:
    """This thread's (n, n) matrix for one use, contents undefined. Allocating new memory in every evaluation would take 2 ms."""
    memory: FloatArray = getattr(_workspace, use, np.empty(0))
    if memory.size < n * n:
        memory = np.empty(n * n)
        setattr(_workspace, use, memory)
    return memory[: n * n].reshape(n, n)


def factor(matrix: FloatArray) -> bool:
    """Overwrite the upper half of a matrix A with U, A = U^T U; False if A is not positive definite.

    Parameters
    ----------
    matrix
        Symmetric, only the upper half is read, rows contiguous, shape (n, n).
    """
    n, info = ctypes.c_int(matrix.shape[0]), ctypes.c_int(0)
    # The upper half by rows is the lower half by columns, which is the order that LAPACK expects.
    _potrf(b"L", ctypes.byref(n), matrix.ctypes.data, ctypes.byref(n), ctypes.byref(info))
    return info.value == 0 and bool(np.isfinite(np.diagonal(matrix)).all())


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def forward(upper: FloatArray, vector: FloatArray) -> FloatArray:
    """Solve U^T y = b."""
    y = vector.copy()
    for i in range(y.size):
        y[i] /= upper[i, i]
        for j in range(y.size - 1 - i):
            y[i + 1 + j] -= upper[i, i + 1 + j] * y[i]
    return y


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def backward(upper: FloatArray, half: FloatArray) -> FloatArray:
    """Solve U x = y with as many leading rows and columns of U as y has entries."""
    x = half.copy()
    for i in range(x.size - 1, -1, -1):
        total = x[i]
        for j in range(x.size - 1 - i):
            total -= upper[i, i + 1 + j] * x[i + 1 + j]
        x[i] = total / upper[i, i]
    return x
