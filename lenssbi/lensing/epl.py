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

    def prepared(self) -> FramedPowerLaw:
        """The same mass with everything that does not depend on `theta` computed, which pays for many evaluations."""
        # the unit vector exp(i phi) of the major axis; a circle takes the x axis
        e = self.e1 + 1j * self.e2
        modulus = abs(e)
        circle = modulus == 0
        axis = ((e + circle) / (modulus + circle)) ** 0.5
        q = ((1 - modulus) / (1 + modulus)) ** 0.5
        # 1 - q^2 without cancellation; 1e-14 keeps a circle from 0 / 0 and changes alpha by 1e-14 of itself.
        s = (2 * modulus / (1 + modulus) + 1e-14) ** 0.5
        b = self.einstein_radius * q**0.5
        isothermal = isinstance(self.slope, int | float) and self.slope == 2
        flattening = (1 - q) / (1 + q)
        largest = (
            flattening if isinstance(flattening, int | float) else array_namespace(flattening).max(flattening).item()
        )
        series = () if isothermal else _series(flattening, self.slope - 1, _terms(largest, SERIES_ERROR))
        return FramedPowerLaw(b, q, s, self.slope, self.centre, axis, 1 / axis, b / s * axis, largest, series)

    def deflection(self, theta: Array) -> Array:
        """Deflection angle alpha [arcsec], complex, shape of `theta`."""
        return self.prepared().deflection(theta)

    def convergence(self, theta: Array) -> Array:
        """Convergence, shape of `theta`; at the very centre that of the radius `CORE`."""
        return self.prepared().convergence(theta)

    def shear(self, theta: Array) -> Array:
        """Shear gamma1 + i gamma2, shape of `theta`; 0 at the very centre."""
        return self.derivatives(theta)[1]

    def derivatives(self, theta: Array) -> tuple[Array, Array]:
        """dalpha/dz, the convergence, and dalpha/dz*, the shear; complex, shape of `theta`."""
        return self.prepared().derivatives(theta)


@dataclass(frozen=True)
class FramedPowerLaw:
    """An `EllipticalPowerLaw` in the frame of its axes.

    Parameters
    ----------
    b, q, s, slope, centre
        Quantities of the module's equations.
    axis, inverse
        Unit vector exp(i phi) along the major axis, and 1 / axis.
    strength
        b / s times axis.
    flattest
        The largest (1 - q) / (1 + q), which determines the number of terms of the series.
    series
        Coefficients of TM15's series: numbers, or an array of shape (*batch, 1, 1, terms); empty for the isothermal closed form.
    """

    b: Array
    q: Array
    s: Array
    slope: Array
    centre: Array
    axis: Array
    inverse: Array
    strength: Array
    flattest: float
    series: Array

    def deflection(self, theta: Array) -> Array:
        """Deflection angle alpha [arcsec], complex, shape of `theta`."""
        z = (theta - self.centre) * self.inverse
        if self._isothermal:
            return self._isothermal_deflection(z) * self.strength
        return self._series_deflection(z) * self.axis

    def convergence(self, theta: Array) -> Array:
        """Convergence, shape of `theta`."""
        ratio = self.b / self._elliptical_radius((theta - self.centre) * self.inverse)
        if self._isothermal:
            return 0.5 * ratio
        return (3 - self.slope) / 2 * ratio ** (self.slope - 1)

    def shear(self, theta: Array) -> Array:
        """Shear gamma1 + i gamma2, shape of `theta`."""
        return self.derivatives(theta)[1]

    def derivatives(self, theta: Array) -> tuple[Array, Array]:
        """Convergence (as complex numbers) and shear, shape of `theta`."""
        xp = array_namespace(theta)
        z = theta - self.centre
        kappa = self.convergence(theta)
        inward = z * kappa
        if not self._isothermal:
            inward = inward - (2 - self.slope) * self.deflection(theta)
        return kappa + 0j, -inward * z / (xp.real(z) ** 2 + xp.imag(z) ** 2 + CORE**2)

    @property
    def _isothermal(self) -> bool:
        return isinstance(self.series, tuple) and not self.series

    def _elliptical_radius(self, z: Array) -> Array:
        xp = array_namespace(z)
        return xp.sqrt((self.q * xp.real(z)) ** 2 + xp.imag(z) ** 2 + CORE**2)

    def _isothermal_deflection(self, z: Array) -> Array:
        """SIE deflection in the frame of the major axis, over b / s."""
        xp = array_namespace(z)
        x, y = xp.real(z), xp.imag(z)
        x_by_q = self.q * x
        scale = self.s / xp.sqrt(x_by_q * x_by_q + y * y + CORE**2)
        u = scale * y
        artanh = xp.log1p(2 * u / (1 - u))  # twice it; faster than NumPy's arctanh
        return xp.atan(scale * x) + 0.5j * artanh

    def _series_deflection(self, z: Array) -> Array:
        """Deflection for any slope in the frame of the major axis: TM15 eq. 22, 23 and 29."""
        xp = array_namespace(z)
        t = self.slope - 1  # TM15's t is the slope of the convergence
        radius = self._elliptical_radius(z)
        direction = (self.q * xp.real(z) + 1j * xp.imag(z)) / radius  # exp(i varphi), TM15's elliptical angle
        squared = direction * direction
        coefficients = self._coefficients(max(SERIES_ERROR, 0.1 * float(xp.finfo(radius.dtype).eps)))
        omega = coefficients[-1]
        for coefficient in coefficients[-2::-1]:
            omega = omega * squared + coefficient
        return 2 / (1 + self.q) * radius * (self.b / radius) ** t * (direction * omega)

    def _coefficients(self, error: float) -> list[Array]:
        """As many coefficients as this relative error requires."""
        terms = _terms(self.flattest, error)
        if isinstance(self.series, tuple):
            return list(self.series[:terms])
        return [self.series[..., n] for n in range(min(terms, self.series.shape[-1]))]


def _series(f: Array, t: Array, terms: int) -> Array:
    """The first `terms` coefficients of TM15's series."""
    coefficients = [1 + 0 * (f * t)]
    for n in range(1, terms):
        coefficients.append(coefficients[-1] * -f * (2 * n - (2 - t)) / (2 * n + (2 - t)))
    if isinstance(coefficients[0], int | float):
        return tuple(coefficients)
    return array_namespace(coefficients[0]).stack(coefficients, axis=-1)


def _terms(f: float, error: float) -> int:
    """Number of terms after which the rest of a series with ratio below `f` is less than `error`."""
    largest = max(f, 1e-6)
    return 1 + math.ceil(math.log(error * (1 - largest)) / math.log(largest))
