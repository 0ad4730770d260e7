"""The Jacobian of the lens map: derivatives of the deflection, magnification.

For one plane, dalpha/dz is the convergence. Several planes together rotate images as well as stretch them, and

    dalpha/dz = kappa + i rotation,   dalpha/dz* = gamma,   1 / mu = |1 - dalpha/dz|^2 - |dalpha/dz*|^2
"""

from __future__ import annotations

from lenssbi.arrays import Array, array_namespace
from lenssbi.lensing.deflector import Deflector


def derivatives(lens: Deflector, theta: Array) -> tuple[Array, Array]:
    """dalpha/dz and dalpha/dz* at `theta` [arcsec], both complex, shape of `theta`.

    A deflector that has a rotation, or computes both faster together, has a method `derivatives` of its own.
    """
    own = getattr(lens, "derivatives", None)
    return own(theta) if own is not None else (lens.convergence(theta) + 0j, lens.shear(theta))


def inverse_magnification(lens: Deflector, theta: Array) -> Array:
    """Determinant of d beta / d theta at `theta` [arcsec], real, shape of `theta`; negative in mirrored images."""
    return determinant(*derivatives(lens, theta))


def magnification(lens: Deflector, theta: Array) -> Array:
    """Signed magnification at `theta` [arcsec], real, shape of `theta`; infinite on a critical curve."""
    return 1 / inverse_magnification(lens, theta)


def determinant(focus: Array, shear: Array) -> Array:
    """Inverse magnification from dalpha/dz and dalpha/dz*."""
    xp = array_namespace(shear)
    return (1 - xp.real(focus)) ** 2 + xp.imag(focus) ** 2 - xp.real(shear) ** 2 - xp.imag(shear) ** 2
