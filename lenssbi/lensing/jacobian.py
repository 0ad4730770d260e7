"""Magnification: the inverse of the Jacobian's determinant, mu = 1 / ((1 - kappa)^2 - |gamma|^2)."""

from __future__ import annotations

from lenssbi.arrays import Array, array_namespace
from lenssbi.lensing.deflector import Deflector


def inverse_magnification(lens: Deflector, theta: Array) -> Array:
    """Determinant of d beta / d theta at `theta` [arcsec], real, shape of `theta`; negative in mirrored images."""
    xp = array_namespace(theta)
    shear = lens.shear(theta)
    return (1 - lens.convergence(theta)) ** 2 - xp.real(shear) ** 2 - xp.imag(shear) ** 2


def magnification(lens: Deflector, theta: Array) -> Array:
    """Signed magnification at `theta` [arcsec], real, shape of `theta`; infinite on a critical curve."""
    return 1 / inverse_magnification(lens, theta)
