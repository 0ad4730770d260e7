"""Gaussian light: I(R) = flux / (2 pi sigma^2) exp(-R^2 / (2 sigma^2)), R the circularised radius."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lenssbi.arrays import Array, array_namespace
from lenssbi.light.profile import refuse_bad_shape, squared_radius


@dataclass(frozen=True)
class Gaussian:
    """Elliptical Gaussian.

    Parameters
    ----------
    flux
        Total flux.
    sigma
        Geometric mean of the standard deviations along the two axes [arcsec].
    q, phi
        Axis ratio, and position angle of the major axis [rad].
    centre
        Position x + iy [arcsec].

    Each is a number or an array of shape (*batch, 1, 1).

    Raises
    ------
    ValueError
        For sigma <= 0 or q outside (0, 1].
    """

    flux: Array
    sigma: Array
    q: Array = 1.0
    phi: Array = 0.0
    centre: Array = 0j

    def __post_init__(self) -> None:
        refuse_bad_shape("Gaussian", self.sigma, self.q)

    @property
    def effective_radius(self) -> Array:
        """Circularised half-light radius [arcsec]."""
        return self.sigma * math.sqrt(2 * math.log(2))

    def surface_brightness(self, theta: Array) -> Array:
        """Flux per arcsec^2 at complex `theta` [arcsec], shape (*batch, y, x)."""
        xp = array_namespace(theta)
        squared = squared_radius(theta, self.q, self.phi, self.centre) / self.sigma**2
        return self.flux / (2 * math.pi * self.sigma**2) * xp.exp(-0.5 * squared)
