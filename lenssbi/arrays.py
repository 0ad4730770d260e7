"""The array library follows from the arrays: one lens equation for NumPy and torch.

Every function of `parameters/`, `lensing/` and `light/` uses the library of its first array.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from array_api_compat import array_namespace as _array_namespace
from numpy.typing import NDArray

Array = Any
"""A NumPy array or a torch tensor."""
ComplexArray = NDArray[np.complex128]
FloatArray = NDArray[np.floating[Any]]

_namespaces: dict[type, Any] = {}  # by type: the lookup would cost more than many computations


def array_namespace(*arrays: Array) -> Any:
    """Return the namespace (NumPy's or torch's) that `arrays` belong to; Python numbers among them are passed over.

    With nothing but Python numbers the result is NumPy's namespace.
    """
    kinds = {type(a): a for a in arrays if not isinstance(a, int | float | complex)}
    if len(kinds) == 1 and (kind := next(iter(kinds))) in _namespaces:
        return _namespaces[kind]
    found = _array_namespace(*kinds.values()) if kinds else _array_namespace(np.empty(0))
    if len(kinds) == 1:
        _namespaces[kind] = found
    return found


def every(condition: Any) -> bool:
    """Whether a truth value, or every element of an array of them, is true."""
    return condition if isinstance(condition, bool) else bool(condition.all())


def pixel_grid(shape: tuple[int, int], pixel_scale: float, subgrid: int = 1) -> ComplexArray:
    """Angles of the (sub-)pixel centres of a stamp.

    Parameters
    ----------
    shape
        Pixels (ny, nx).
    pixel_scale
        Side of a pixel [arcsec].
    subgrid
        Sub-pixels along the side of a pixel.

    Returns
    -------
    Complex theta = x + iy [arcsec], shape (ny * subgrid, nx * subgrid), row 0 at the bottom, the stamp's centre at 0.

    Examples
    --------
    >>> pixel_grid((1, 2), 0.1).real
    array([[-0.05,  0.05]])
    """
    ny, nx = (n * subgrid for n in shape)
    step = pixel_scale / subgrid
    x = (np.arange(nx) - (nx - 1) / 2) * step
    y = (np.arange(ny) - (ny - 1) / 2) * step
    return x[None, :] + 1j * y[:, None]
