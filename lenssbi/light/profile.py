"""Light profiles: a surface brightness on the complex plane.

Profiles are elliptical, with concentric isophotes of axis ratio q. Radii are circularised (the geometric mean of the
two semi-axes), so that q changes neither the flux nor the area of an isophote:

    R^2 = q x^2 + y^2 / q,   x along the major axis

The parameters of a profile are numbers, or arrays of the library of `theta` with a shape (*batch, 1, 1) that broadcasts
against it.
"""

from __future__ import annotations

import math
from typing import Protocol

from lenssbi.arrays import Array, array_namespace, every


class LightProfile(Protocol):
    """Light of total `flux`, half of it inside the isophote of circularised radius `effective_radius` [arcsec]."""

    @property
    def flux(self) -> Array:
        """Total flux."""
        ...

    @property
    def effective_radius(self) -> Array:
        """Circularised half-light radius [arcsec]."""
        ...

    @property
    def centre(self) -> Array:
        """Position x + iy [arcsec]."""
        ...

    def surface_brightness(self, theta: Array) -> Array:
        """Flux per arcsec^2 at complex `theta` [arcsec], shape (*batch, y, x)."""
        ...


def squared_radius(theta: Array, q: Array, phi: Array, centre: Array) -> Array:
    """Squared circularised radius R^2 [arcsec^2], shape of `theta`.

    Parameters
    ----------
    theta
        Angles [arcsec], complex, shape (*batch, y, x).
    q, phi
        Axis ratio, and position angle of the major axis from +x, anticlockwise [rad].
    centre
        Position x + iy [arcsec].
    """
    xp = array_namespace(theta)
    z = (theta - centre) * turn(-phi)
    return q * xp.real(z) ** 2 + xp.imag(z) ** 2 / q


def refuse_bad_shape(name: str, radius: Array, q: Array) -> None:
    """Raise ValueError unless radius > 0 and 0 < q <= 1."""
    if not every(radius > 0):
        raise ValueError(f"{name} needs a radius > 0, got {radius}")
    if not (every(q > 0) and every(q <= 1)):
        raise ValueError(f"{name} needs 0 < q <= 1, got {q}")


def turn(angle: Array) -> Array:
    """The unit complex number exp(i angle)."""
    if isinstance(angle, int | float):
        return complex(math.cos(angle), math.sin(angle))
    xp = array_namespace(angle)
    return xp.cos(angle) + 1j * xp.sin(angle)
