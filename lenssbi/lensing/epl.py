"""Elliptical power-law deflector (Tessore & Metcalf 2015, A&A 580, A79; TM15).

    kappa(R) = (3 - slope) / 2 * (b / R)**(slope - 1),   R = sqrt(q^2 x^2 + y^2),   b = einstein_radius * sqrt(q)

with x along the major axis. The mean convergence inside the ellipse R = b is 1, and its area is pi einstein_radius^2
(the "intermediate-axis" Einstein radius). Slope 2 is the singular isothermal ellipsoid, for which TM15's hypergeometric
function is elementary (Kormann, Schneider & Bartelmann 1994; Keeton 2001):

    alpha = b / s * (arctan(s x / R) + i artanh(s y / R)),   s = sqrt(1 - q^2)

The deflection is homogeneous of degree 2 - slope, hence z kappa + z* gamma = (2 - slope) alpha, which is the shear.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from lenssbi.arrays import Array, array_namespace, every
from lenssbi.lensing.deflector import CORE

SERIES_ERROR = 1e-13
"""Relative truncation error of TM15's series."""


@dataclass(frozen=True)
class EllipticalPowerLaw:
    """Elliptical mass with a power-law profile.

    Parameters
    ----------
    einstein_radius
        Radius [arcsec] of the circle with the area of the ellipse inside which the mean convergence is 1.
    e1, e2
        Complex ellipticity (1 - q^2) / (1 + q^2) exp(2 i phi) of the convergence.
    slope
        Logarithmic slope of the 3-D density, between 1 and 3; the number 2 selects the isothermal closed form.
    centre
        Position x + iy [arcsec].

    Each is a number or an array of shape (*batch, 1, 1).

    Raises
    ------
    ValueError
        For a negative radius, |e| >= 1, or a slope outside (1, 3).

    Examples
    --------
    >>> import numpy as np
    >>> EllipticalPowerLaw(1.2, 0.0, 0.0).deflection(np.array([3 + 4j])).round(3)
    array([0.72+0.96j])
    """

    einstein_radius: Array
    e1: Array
    e2: Array
    slope: Array = 2.0
    centre: Array = 0j

    def __post_init__(self) -> None:
        if not every(self.einstein_radius >= 0):
            raise ValueError(f"EllipticalPowerLaw needs einstein_radius >= 0, got {self.einstein_radius}")
        if not every(abs(self.e1 + 1j * self.e2) < 1):
            raise ValueError(f"EllipticalPowerLaw needs |e| < 1, got e1 = {self.e1}, e2 = {self.e2}")
        if not (every(self.slope > 1) and every(self.slope < 3)):
            raise ValueError(f"EllipticalPowerLaw needs 1 < slope < 3, got {self.slope}")

    def deflection(self, theta: Array) -> Array:
        """Deflection angle alpha [arcsec], complex, shape of `theta`."""
        axis = self._major_axis
        z = (theta - self.centre) * (1 / axis)
        if self._isothermal:
            return self._isothermal_deflection(z) * axis
        return self._series_deflection(z) * axis

    def convergence(self, theta: Array) -> Array:
        """Convergence, shape of `theta`; at the very centre that of the radius `CORE`."""
        z = (theta - self.centre) * (1 / self._major_axis)
        return self._convergence(self._elliptical_radius(z))

    def shear(self, theta: Array) -> Array:
        """Shear gamma1 + i gamma2, shape of `theta`; 0 at the very centre."""
        xp = array_namespace(theta)
        z = theta - self.centre
        inward = z * self.convergence(theta)
        if not self._isothermal:
            inward = inward - (2 - self.slope) * self.deflection(theta)
        return -inward * z / (xp.real(z) ** 2 + xp.imag(z) ** 2 + CORE**2)

    @property
    def _isothermal(self) -> bool:
        return isinstance(self.slope, int | float) and self.slope == 2

    @property
    def _modulus(self) -> Array:
        return abs(self.e1 + 1j * self.e2)

    @property
    def _major_axis(self) -> Array:
        """Unit vector exp(i phi); a circle takes the x axis."""
        circle = self._modulus == 0
        return ((self.e1 + 1j * self.e2 + circle) / (self._modulus + circle)) ** 0.5

    @property
    def _q(self) -> Array:
        return ((1 - self._modulus) / (1 + self._modulus)) ** 0.5

    def _elliptical_radius(self, z: Array) -> Array:
        xp = array_namespace(z)
        return xp.sqrt((self._q * xp.real(z)) ** 2 + xp.imag(z) ** 2 + CORE**2)

    def _convergence(self, radius: Array) -> Array:
        ratio = self.einstein_radius * self._q**0.5 / radius
        if self._isothermal:
            return 0.5 * ratio
        return (3 - self.slope) / 2 * ratio ** (self.slope - 1)

    def _isothermal_deflection(self, z: Array) -> Array:
        """SIE deflection in the frame of the major axis."""
        xp = array_namespace(z)
        # 1 - q^2 without cancellation; 1e-14 keeps a circle from 0 / 0 and changes alpha by 1e-14 of itself.
        s = (2 * self._modulus / (1 + self._modulus) + 1e-14) ** 0.5
        scale = s / self._elliptical_radius(z)
        u = scale * xp.imag(z)
        artanh = 0.5 * xp.log1p(2 * u / (1 - u))  # faster than NumPy's arctanh
        return self.einstein_radius * self._q**0.5 / s * (xp.atan(scale * xp.real(z)) + 1j * artanh)

    def _series_deflection(self, z: Array) -> Array:
        """Deflection for any slope in the frame of the major axis: TM15 eq. 22, 23 and 29."""
        xp = array_namespace(z)
        t = self.slope - 1  # TM15's t is the slope of the convergence
        q = self._q
        f = (1 - q) / (1 + q)
        radius = self._elliptical_radius(z)
        direction = (q * xp.real(z) + 1j * xp.imag(z)) / radius  # exp(i varphi), TM15's elliptical angle
        coefficients = [1 + 0 * (f * t)]
        for n in range(1, _terms(f)):
            coefficients.append(coefficients[-1] * -f * (2 * n - (2 - t)) / (2 * n + (2 - t)))
        squared = direction * direction
        omega = coefficients[-1]
        for coefficient in coefficients[-2::-1]:
            omega = omega * squared + coefficient
        b = self.einstein_radius * q**0.5
        return 2 / (1 + q) * radius * (b / radius) ** t * (direction * omega)


def _terms(f: Array) -> int:
    """Terms after which what is left of a series with ratio below `f` is under SERIES_ERROR."""
    largest = max(float(f if isinstance(f, int | float) else f.max()), 1e-6)
    return 1 + math.ceil(math.log(SERIES_ERROR * (1 - largest)) / math.log(largest))
