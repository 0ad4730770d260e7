"""LAPACK's Cholesky factorisation in place, with the interpreter's lock released.

SciPy's own wrapper keeps the lock, so that two threads would take turns; Numba's copies the matrix. SciPy publishes the
address of the LAPACK routine that it ships, and ctypes releases the lock while it calls one.
"""

from __future__ import annotations

import ctypes
import threading

import numpy as np
from numba.extending import get_cython_function_address

from lenssbi.arrays import FloatArray

_INT = ctypes.POINTER(ctypes.c_int)
_potrf = ctypes.CFUNCTYPE(None, ctypes.c_char_p, _INT, ctypes.c_void_p, _INT, _INT)(
    get_cython_function_address("scipy.linalg.cython_lapack", "dpotrf")
)
_workspace = threading.local()


def workspace(n: int) -> FloatArray:
    """This thread's (n, n) matrix, contents undefined. Asking the system for new memory in every evaluation costs 2 ms."""
    if getattr(_workspace, "matrix", np.empty(0)).shape != (n, n):
        _workspace.matrix = np.empty((n, n))
    matrix: FloatArray = _workspace.matrix
    return matrix


def factor(matrix: FloatArray) -> bool:
    """Overwrite the upper half of a matrix A with U, A = U^T U; False where A is not positive definite.

    Parameters
    ----------
    matrix
        Symmetric, only the upper half is read, rows contiguous, shape (n, n).
    """
    n, info = ctypes.c_int(matrix.shape[0]), ctypes.c_int(0)
    # What is the upper half by rows is the lower half by columns, which is how LAPACK reads it.
    _potrf(b"L", ctypes.byref(n), matrix.ctypes.data, ctypes.byref(n), ctypes.byref(info))
    return info.value == 0 and bool(np.isfinite(np.diagonal(matrix)).all())
