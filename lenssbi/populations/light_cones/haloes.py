"""Dark haloes with a galaxy in each: from catalogue quantities to deflectors.

The mass of a halo is M_200c, the mass within the sphere of 200 times the critical density, galaxy included. Its galaxy is a
Hernquist sphere (1990, ApJ 356, 359) of the stellar mass; the dark matter is an NFW profile (Navarro, Frenk & White 1997, ApJ
490, 493) of the rest, so that no mass is counted twice:

    rho = rho_s / (x (1 + x)^2),   x = r / r_s,   r_s = r_200 / c,   4 pi rho_s r_s^3 (ln(1 + c) - c / (1 + c)) = M_200c - M_star
    kappa_s = rho_s r_s / Sigma_cr (NFW),   M_star / (2 pi a^2 Sigma_cr) (Hernquist),   R_e = 1.8153 a

Concentrations follow Dutton & Maccio (2014, MNRAS 441, 3359; eq. 7, 10 and 11), calibrated for Planck cosmologies, M_200c >
10^10 Msun and z < 5, with a log-normal scatter of 0.11 dex. Galaxies without a measured size have R_e = 0.015 r_200
(Kravtsov 2013, ApJL 764, L31). Profiles are not truncated: outside r_200 a halo's mass increases logarithmically.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from lenssbi.arrays import Array, ComplexArray, FloatArray
from lenssbi.lensing.hernquist import EFFECTIVE_RADIUS, Hernquist
from lenssbi.lensing.nfw import NFW
from lenssbi.populations.cosmology import ARCSEC, Z_MAX, angular_diameter_distance, critical_surface_density

SCATTER = 0.11
"""Scatter of log10 concentration at fixed mass (Dutton & Maccio 2014)."""
SIZE_OF_GALAXY = 0.015
"""Effective radius over r_200 (Kravtsov 2013)."""
H_OF_DM14 = 0.671


@dataclass(frozen=True)
class Haloes:
    """Haloes in a piece of sky, each array of shape (n,).

    Parameters
    ----------
    theta
        Positions x + iy [arcsec].
    z
        Redshifts.
    mass
        M_200c [Msun], the galaxy's stars included.
    concentration
        r_200 / r_s.
    stellar_mass
        Mass of the galaxy's stars [Msun], at most `mass`; 0 for none.
    effective_radius
        Effective radius of the galaxy [arcsec].
    """

    theta: ComplexArray
    z: FloatArray
    mass: FloatArray
    concentration: FloatArray
    stellar_mass: FloatArray
    effective_radius: FloatArray

    def __len__(self) -> int:
        return len(self.theta)

    def take(self, index: Any) -> Haloes:
        """The haloes `index` (integers or a mask)."""
        return Haloes(*(values[index] for values in vars(self).values()))

    @property
    def scale_radius(self) -> FloatArray:
        """NFW scale radius r_s [arcsec]."""
        return radius_200(self.mass, self.z) / self.concentration

    @property
    def _characteristic_mass(self) -> FloatArray:
        """4 pi rho_s r_s^3 [Msun]."""
        c = self.concentration
        return (self.mass - self.stellar_mass) / (np.log1p(c) - c / (1 + c))

    def dark_matter(self, z_source: float) -> NFW:
        """The NFW profiles as a batch, parameters of shape (n, 1, 1), deflections scaled to a source at `z_source`."""
        radius = self.scale_radius
        sigma = self._characteristic_mass / (4 * np.pi * radius**2)
        return NFW(*(_column(p) for p in (sigma / critical_surface_density(self.z, z_source), radius, self.theta)))

    def galaxies(self, z_source: float) -> Hernquist:
        """The Hernquist profiles of the galaxies as a batch, in the same form."""
        radius = self.effective_radius / EFFECTIVE_RADIUS
        sigma = self.stellar_mass / (2 * np.pi * radius**2)
        return Hernquist(
            *(_column(p) for p in (sigma / critical_surface_density(self.z, z_source), radius, self.theta))
        )

    def mass_within(self, aperture: float) -> FloatArray:
        """Projected mass [Msun] within `aperture` [arcsec] of each halo's centre; galaxies count whole."""
        x = aperture / self.scale_radius
        inverse = 1 / x
        # arccosh(1/x) / sqrt(1 - x^2), which is arccos(1/x) / sqrt(x^2 - 1) outside r_s (Golse & Kneib 2002, eq. A8)
        g = np.arccosh(inverse + 0j) / np.sqrt(1 - x**2 + 1e-12 + 0j)
        return self._characteristic_mass * (np.log(x / 2) + g.real) + self.stellar_mass


def concentration(mass: Array, z: Array) -> Array:
    """Median NFW concentration r_200 / r_s of haloes of M_200c `mass` [Msun] (Dutton & Maccio 2014, eq. 7, 10 and 11)."""
    a = 0.520 + (0.905 - 0.520) * np.exp(-0.617 * z**1.21)
    b = -0.101 + 0.026 * z
    return 10 ** (a + b * np.log10(mass * H_OF_DM14 / 1e12))


def expected_mass_within(aperture: float, mass: Array, z: Array, stars: Array) -> FloatArray:
    """Mean of `Haloes.mass_within` [Msun] over the scatter of the concentrations (three-point Gauss-Hermite), the shape of `mass`."""
    total = np.zeros(np.broadcast(mass, z, stars).shape)
    for offset, weight in ((-np.sqrt(3), 1 / 6), (0.0, 2 / 3), (np.sqrt(3), 1 / 6)):
        c = concentration(mass, z) * 10 ** (offset * SCATTER)
        total = total + weight * Haloes(0 * mass + 0j, z, mass, c, stars, 0 * mass).mass_within(aperture)
    return total


def radius_200(mass: Array, z: Array) -> Array:
    """Angle [arcsec] of the radius within which a halo of `mass` [Msun] has 200 times the critical density."""
    radius = np.cbrt(3 * mass / (800 * np.pi * critical_density(z)))
    return radius / (angular_diameter_distance(z) * ARCSEC)


def size_of_galaxy(mass: Array, z: Array) -> Array:
    """Mean effective radius [arcsec] of the galaxy of a halo of `mass` [Msun] (Kravtsov 2013)."""
    return SIZE_OF_GALAXY * radius_200(mass, z)


def critical_density(z: Array) -> Array:
    """Critical density [Msun / Mpc^3] at redshift `z`, Planck18."""
    redshifts, densities = _critical_densities()
    return np.interp(z, redshifts, densities)


@cache
def _critical_densities() -> tuple[FloatArray, FloatArray]:
    from astropy.cosmology import Planck18

    redshifts = np.linspace(0, Z_MAX, 4001)
    return redshifts, Planck18.critical_density(redshifts).to_value("Msun/Mpc3")


def _column(values: Array) -> Array:
    return values[:, None, None]
