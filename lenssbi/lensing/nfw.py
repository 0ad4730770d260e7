"""Spherical Navarro-Frenk-White halo (Navarro, Frenk & White 1997; as a lens Bartelmann 1996 and Wright & Brainerd 2000).

    rho = rho_s / (x (1 + x)^2),   x = r / scale_radius,   kappa_s = rho_s scale_radius / Sigma_cr
    kappa = 2 kappa_s (f - 1) / (1 - x^2),   mean kappa within x = 4 kappa_s (ln(x / 2) + f) / x^2

with f of `nfw_functions`. The mass within the sphere of radius c scale_radius is 4 pi rho_s scale_radius^3 (ln(1 + c) - c / (1 + c)).
"""

from __future__ import annotations

from dataclasses import dataclass

from lenssbi.arrays import Array, array_namespace
from lenssbi.lensing.nfw_functions import nfw_functions, projected, refuse_bad_halo, scaled_radius, tangential


@dataclass(frozen=True)
class NFW:
    """Spherical dark halo.

    Parameters
    ----------
    kappa_s
        rho_s scale_radius / Sigma_cr, dimensionless.
    scale_radius
        Radius [arcsec] where the density falls as r^-2.
    centre
        Position x + iy [arcsec].

    Each is a number or an array of shape (*batch, 1, 1).

    Raises
    ------
    ValueError
        For a negative kappa_s or a scale_radius that is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> NFW(0.2, 10.0).convergence(np.array([10 + 0j])).round(6)  # 2 kappa_s / 3
    array([0.133333])
    """

    kappa_s: Array
    scale_radius: Array
    centre: Array = 0j

    def __post_init__(self) -> None:
        refuse_bad_halo("NFW", self.kappa_s, self.scale_radius)

    def deflection(self, theta: Array) -> Array:
        """Deflection angle alpha [arcsec], complex, shape of `theta`."""
        z = theta - self.centre
        x = scaled_radius(z, self.scale_radius)
        return z * self._mean_convergence(x, projected(x))

    def convergence(self, theta: Array) -> Array:
        """Convergence, shape of `theta`; at the very centre that of the radius `CORE`."""
        return 2 * self.kappa_s * nfw_functions(scaled_radius(theta - self.centre, self.scale_radius)).f1

    def shear(self, theta: Array) -> Array:
        """Shear gamma1 + i gamma2, shape of `theta`; 0 at the very centre."""
        return self.derivatives(theta)[1]

    def derivatives(self, theta: Array) -> tuple[Array, Array]:
        """dalpha/dz, the convergence, and dalpha/dz*, the shear; complex, shape of `theta`."""
        z = theta - self.centre
        c = nfw_functions(scaled_radius(z, self.scale_radius))
        kappa = 2 * self.kappa_s * c.f1
        return kappa + 0j, tangential(z, self._mean_convergence(c.x, c.f) - kappa)

    def _mean_convergence(self, x: Array, f: Array) -> Array:
        """Mean convergence within `x`; close to the centre ln(x / 2) + f = x^2 (...) with the square taken out."""
        xp = array_namespace(x)
        small = xp.clip(x, None, 0.6)
        s = xp.sqrt((1 - small) * (1 + small))
        squared = small * small
        rest = xp.log1p(-squared / (2 * (1 + s))) / squared
        inside = (rest - xp.log(small / 2) / (1 + s)) / s
        return 4 * self.kappa_s * xp.where(x < 0.6, inside, (xp.log(x / 2) + f) / (x * x))
