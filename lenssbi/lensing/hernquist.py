"""Hernquist sphere (Hernquist 1990; as a lens Keeton 2001, eq. 47-49): the stars of an early-type galaxy.

    rho = rho_s / (x (1 + x)^3),   x = r / scale_radius,   kappa_s = rho_s scale_radius / Sigma_cr
    kappa = kappa_s ((2 + x^2) f - 3) / (1 - x^2)^2,   mean kappa within x = 2 kappa_s (f - 1) / (1 - x^2)

with f of `nfw_functions`. The total mass is 2 pi rho_s scale_radius^3 = 2 pi kappa_s scale_radius^2 Sigma_cr; half of it is projected
within 1.8153 scale_radius, the effective radius if light follows mass.
"""

from __future__ import annotations

from dataclasses import dataclass

from lenssbi.arrays import Array, array_namespace
from lenssbi.lensing.nfw_functions import CLOSE, NFWFunctions, nfw_functions, refuse_bad_halo, scaled_radius, tangential

EFFECTIVE_RADIUS = 1.8152710
"""Effective radius over scale_radius (Hernquist 1990, eq. 38)."""


@dataclass(frozen=True)
class Hernquist:
    """Spherical galaxy.

    Parameters
    ----------
    kappa_s
        rho_s scale_radius / Sigma_cr = total mass / (2 pi scale_radius^2 Sigma_cr), dimensionless.
    scale_radius
        Scale radius [arcsec]; the effective radius is 1.8153 times this.
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
    >>> Hernquist(0.3, 1.0).convergence(np.array([1j])).round(6)  # 4 kappa_s / 15
    array([0.08])
    """

    kappa_s: Array
    scale_radius: Array
    centre: Array = 0j

    def __post_init__(self) -> None:
        refuse_bad_halo("Hernquist", self.kappa_s, self.scale_radius)

    def deflection(self, theta: Array) -> Array:
        """Deflection angle alpha [arcsec], complex, shape of `theta`."""
        z = theta - self.centre
        return z * (2 * self.kappa_s * nfw_functions(scaled_radius(z, self.scale_radius)).f1)

    def convergence(self, theta: Array) -> Array:
        """Convergence, shape of `theta`; at the very centre that of the radius `CORE`."""
        return self._convergence(nfw_functions(scaled_radius(theta - self.centre, self.scale_radius)))

    def shear(self, theta: Array) -> Array:
        """Shear gamma1 + i gamma2, shape of `theta`; 0 at the very centre."""
        return self.derivatives(theta)[1]

    def derivatives(self, theta: Array) -> tuple[Array, Array]:
        """dalpha/dz, the convergence, and dalpha/dz*, the shear; complex, shape of `theta`."""
        z = theta - self.centre
        c = nfw_functions(scaled_radius(z, self.scale_radius))
        kappa = self._convergence(c)
        return kappa + 0j, tangential(z, 2 * self.kappa_s * c.f1 - kappa)

    def _convergence(self, c: NFWFunctions) -> Array:
        """Keeton's eq. 47; the differences of f are used if its numerator cancels."""
        xp = array_namespace(c.x)
        close = (c.w > CLOSE[0]) & (c.w < CLOSE[1])
        far = xp.where(close, 1, c.w)
        return self.kappa_s * xp.where(close, c.f2 - c.f1, ((3 - c.w) * c.f - 3) / (far * far))
