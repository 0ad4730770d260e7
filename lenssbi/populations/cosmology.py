"""Distances between observer, lens and source, interpolated by a spline, since they are needed a thousand times per draw.

Flat LCDM with the parameters of Planck Collaboration 2020 (A&A 641, A6; astropy's Planck18). The critical surface density is

    Sigma_cr = c^2 / (4 pi G) D_s / (D_l D_ls)          (Schneider, Ehlers & Falco 1992, eq. 5.4)
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from lenssbi.arrays import Array

if TYPE_CHECKING:
    from scipy.interpolate import CubicSpline

C2_PER_4_PI_G = 1.6629165401756e18  # c^2 / (4 pi G) [Msun / Mpc]
ARCSEC = np.pi / 180 / 3600
Z_MAX = 20.0


def comoving_distance(z: Array) -> Array:
    """Comoving distance [Mpc] to redshift `z` (any shape, at most 20)."""
    return _spline()(z)


def angular_diameter_distance(z: Array) -> Array:
    """Angular diameter distance [Mpc] to redshift `z`, any shape."""
    return comoving_distance(z) / (1 + z)


def distance_between(z_near: Array, z_far: Array) -> Array:
    """Angular diameter distance [Mpc] from redshift `z_near` to the farther `z_far`."""
    return (comoving_distance(z_far) - comoving_distance(z_near)) / (1 + z_far)


def critical_surface_density(z_lens: Array, z_source: Array) -> Array:
    """Mass per solid angle [Msun / arcsec^2] in the lens plane that has convergence 1."""
    d_l, d_s = angular_diameter_distance(z_lens), angular_diameter_distance(z_source)
    return C2_PER_4_PI_G * d_s * d_l / distance_between(z_lens, z_source) * ARCSEC**2


def lensing_ratio(z_i: Array, z_j: Array, z_source: Array) -> Array:
    """D_ij D_s / (D_j D_is): factor of plane i's deflection, scaled to the source, for a ray on its way to plane j."""
    return (
        distance_between(z_i, z_j)
        * angular_diameter_distance(z_source)
        / (angular_diameter_distance(z_j) * distance_between(z_i, z_source))
    )


def kpc_per_arcsec(z: Array) -> Array:
    """Proper length [kpc] of an arcsecond at redshift `z`."""
    return angular_diameter_distance(z) * 1e3 * ARCSEC


def distance_modulus(z: Array) -> Array:
    """m - M of a source without K-correction [mag]."""
    return 5 * np.log10(angular_diameter_distance(z) * (1 + np.asarray(z)) ** 2 * 1e5)


@cache
def _spline() -> CubicSpline:
    from astropy.cosmology import Planck18
    from scipy.interpolate import CubicSpline

    redshifts = np.concatenate([[0.0], np.geomspace(1e-4, Z_MAX, 2000)])
    return CubicSpline(redshifts, Planck18.comoving_distance(redshifts).to_value("Mpc"), extrapolate=False)
