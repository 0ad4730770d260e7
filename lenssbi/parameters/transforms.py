"""Complex ellipticity (Pearson et al. 2021, eq. 1).

    e1 + i e2 = (1 - q^2) / (1 + q^2) exp(2 i phi)

q is the minor over the major axis, phi the angle of the major axis from +x, anticlockwise. GalSim calls this "distortion".
"""

from __future__ import annotations

import math

from lenssbi.arrays import Array, array_namespace


def ellipticity(q: Array, phi: Array) -> Array:
    """Complex ellipticity e1 + i e2 of axis ratio `q` and position angle `phi` [rad], broadcast together.

    Examples
    --------
    >>> import numpy as np
    >>> complex(ellipticity(np.asarray(1.0), np.asarray(0.3)))
    0j
    """
    xp = array_namespace(q, phi)
    modulus = (1 - q**2) / (1 + q**2)
    angle = 2 * xp.asarray(phi)
    return modulus * xp.cos(angle) + 1j * (modulus * xp.sin(angle))


def axis_ratio(e: Array) -> Array:
    """Axis ratio q of the complex ellipticity `e`; q = 0 for |e| >= 1, which no ellipse has."""
    xp = array_namespace(e)
    modulus = xp.clip(xp.abs(e), 0.0, 1.0)
    return xp.sqrt((1 - modulus) / (1 + modulus))


def position_angle(e: Array) -> Array:
    """Position angle phi of the major axis [rad], in [0, pi), of the complex ellipticity `e`."""
    xp = array_namespace(e)
    return xp.atan2(xp.imag(e), xp.real(e)) / 2 % math.pi


def wrap_angle(difference: Array, period: float = math.pi) -> Array:
    """The difference of two orientations brought to [-period/2, period/2), in the unit of `period`.

    Examples
    --------
    >>> wrap_angle(175.0, 180.0)
    -5.0
    """
    return (difference + period / 2) % period - period / 2
