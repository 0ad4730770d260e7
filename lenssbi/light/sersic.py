"""Sersic light (Sersic 1968; Ciotti & Bertin 1999).

    I(R) = I0 exp(-b_n (R / R_e)^(1/n)),   P(2n, b_n) = 1/2,   flux = 2 pi n R_e^2 I0 b_n^(-2n) Gamma(2n)

with P the regularised lower incomplete gamma function and R, R_e circularised radii.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import to_device
from scipy import special

from lenssbi.arrays import Array, array_namespace
from lenssbi.light.profile import refuse_bad_shape, turn


@dataclass(frozen=True)
class Sersic:
    """Elliptical Sersic profile.

    Parameters
    ----------
    flux
        Total flux, out to infinity.
    effective_radius
        Circularised half-light radius [arcsec].
    index
        Sersic index n; 1 is exponential, 4 de Vaucouleurs.
    q, phi
        Axis ratio, and position angle of the major axis [rad].
    centre
        Position x + iy [arcsec].

    Each is a number or an array of shape (*batch, 1, 1); no gradient is passed on to `index`.

    Raises
    ------
    ValueError
        For a radius or an index that is not positive, or q outside (0, 1].
    """

    flux: Array
    effective_radius: Array
    index: Array
    q: Array = 1.0
    phi: Array = 0.0
    centre: Array = 0j

    def __post_init__(self) -> None:
        refuse_bad_shape("Sersic", self.effective_radius, self.q)
        if not np.all(_on_cpu(self.index) > 0):
            raise ValueError(f"Sersic needs index > 0, got {self.index}")

    def prepared(self) -> StretchedExponential:
        """The same light with everything that does not depend on `theta` computed, which pays for many evaluations."""
        n = _on_cpu(self.index)
        b_n = special.gammaincinv(2 * n, 0.5)
        # In logarithms: Gamma(2n) and b_n^(2n) overflow together for large n.
        log_central = 2 * n * np.log(b_n) - special.gammaln(2 * n + 1) - np.log(np.pi)  # for flux 1 and R_e = 1
        power, b_n, log_central = (_like(self.index, value) for value in (0.5 / n, b_n, log_central))
        frame = self.q**0.5 / self.effective_radius * turn(-self.phi)
        return StretchedExponential(
            self.flux, self.effective_radius, self.index, self.q, self.centre, frame, power, b_n, log_central
        )

    def surface_brightness(self, theta: Array) -> Array:
        """Flux per arcsec^2 at complex `theta` [arcsec], shape (*batch, y, x)."""
        return self.prepared().surface_brightness(theta)


@dataclass(frozen=True)
class StretchedExponential:
    """I(R) = flux / R_e^2 exp(log_central - rate (R / R_e)^(2 power)): a prepared `Sersic`.

    Parameters
    ----------
    flux, effective_radius, index, q, centre
        Parameters of the Sersic profile.
    frame
        Complex factor that turns and scales offsets from the centre such that R^2 / R_e^2 = x^2 + (y / q)^2.
    power, rate, log_central
        Constants of the formula.
    """

    flux: Array
    effective_radius: Array
    index: Array
    q: Array
    centre: Array
    frame: Array
    power: Array
    rate: Array
    log_central: Array

    def surface_brightness(self, theta: Array) -> Array:
        """Flux per arcsec^2 at complex `theta` [arcsec], shape (*batch, y, x)."""
        xp = array_namespace(theta)
        z = (theta - self.centre) * self.frame
        x, y = xp.real(z), xp.imag(z) / self.q
        squared = x * x + y * y
        return self.flux / self.effective_radius**2 * xp.exp(self.log_central - self.rate * squared**self.power)


def _on_cpu(value: Array) -> Any:
    """`value` as a NumPy array (scipy's incomplete gamma functions take nothing else)."""
    if isinstance(value, int | float):
        return np.float64(value)
    value = value.detach() if hasattr(value, "detach") else value  # torch does not convert tensors that need a gradient
    return np.asarray(to_device(value, "cpu"))


def _like(index: Array, value: Any) -> Array:
    """A NumPy `value` as a number, or as an array of the library, precision and device of `index`."""
    if isinstance(index, int | float):
        return float(value)
    return array_namespace(index).asarray(value, dtype=index.dtype, device=index.device)
