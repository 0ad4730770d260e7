"""Mock light cones: haloes drawn from a mass function at random positions.

Within a circle of radius A on the sky haloes are Poisson distributed; their mean number between the comoving distances chi and
chi + dchi is

    dN = dn/dlnM(M, z) dlnM  pi (A chi)^2 dchi          (flat space, A in radians)

with the mass function of Tinker et al. (2008, ApJ 688, 709), which colossus (Diemer 2018, ApJS 239, 35) provides for the mass
definition of `Haloes`, M_200c; it is calibrated to z = 2.5 and extrapolated beyond. Positions are uniform: haloes do not
cluster, neither with each other nor with the lens. Galaxies have the stellar mass of Moster, Naab & White (2013, MNRAS 428,
3121; eq. 2 and 11-14, table 1) with a log-normal scatter of 0.15 dex, as long as it stays below the cosmic share of baryons.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np

from lenssbi.arrays import Array, FloatArray
from lenssbi.populations.cosmology import ARCSEC, comoving_distance
from lenssbi.populations.light_cones.haloes import (
    SCATTER,
    Haloes,
    concentration,
    expected_mass_within,
    size_of_galaxy,
)
from lenssbi.populations.light_cones.sky import Sight
from lenssbi.status import InputError

STELLAR_SCATTER = 0.15
"""Scatter of log10 stellar mass at fixed halo mass (Moster et al. 2013)."""
BARYONS = 0.157
"""Omega_b / Omega_m (Planck18): upper limit of the stellar share of a halo's mass."""
Z_TABLE = np.linspace(0.0, 10.0, 201)
MASSES_PER_DEX = 40


@dataclass(frozen=True)
class MockSky:
    """An unlimited sky of haloes, drawn for each cone; see `sky.Sky`.

    Parameters
    ----------
    masses
        Least and greatest M_200c [Msun].
    aperture
        Radius of a cone [arcsec].
    """

    masses: tuple[float, float]
    aperture: float

    def draw(self, rng: np.random.Generator, z_lens: tuple[float, float], z_source: float) -> Sight:
        """A lens at a redshift uniform in `z_lens`, and the haloes in front of `z_source`."""
        name = f"mock-{rng.integers(2**32):08x}"
        return Sight(rng.uniform(*z_lens), self._haloes(rng, z_source), name)

    def mean_mass(self) -> tuple[FloatArray, FloatArray]:
        """Redshifts, and the mean mass [Msun / arcsec^2] in the middle of the aperture in front of each of them."""
        return _mean_mass(self.masses, self.aperture)

    def _haloes(self, rng: np.random.Generator, z_source: float) -> Haloes:
        table = _mass_function(self.masses)
        z = np.linspace(0, z_source, 401)
        chi = comoving_distance(z)
        per_distance = np.interp(z, Z_TABLE, table.number) * np.pi * (self.aperture * ARCSEC * chi) ** 2
        upto = _cumulative(per_distance, chi)
        n = rng.poisson(upto[-1])
        z_halo = np.interp(rng.uniform(0, upto[-1], n), upto, z)
        mass = table.draw_masses(rng, z_halo)
        theta = self.aperture * np.sqrt(rng.uniform(size=n)) * np.exp(2j * np.pi * rng.uniform(size=n))
        stars = stellar_mass(mass, z_halo) * 10 ** rng.normal(0, STELLAR_SCATTER, n)
        c = concentration(mass, z_halo) * 10 ** rng.normal(0, SCATTER, n)
        return Haloes(theta, z_halo, mass, c, np.minimum(stars, BARYONS * mass), size_of_galaxy(mass, z_halo))


def stellar_mass(mass: Array, z: Array) -> Array:
    """Mean stellar mass [Msun] of the central galaxy of a halo of M_200c `mass` [Msun] (Moster et al. 2013, eq. 2)."""
    late = z / (1 + z)
    ratio = mass / 10 ** (11.590 + 1.195 * late)
    efficiency = 0.0351 - 0.0247 * late
    return 2 * efficiency * mass / (ratio ** -(1.376 - 0.826 * late) + ratio ** (0.608 + 0.329 * late))


class _MassFunction(NamedTuple):
    """Number densities of haloes [comoving Mpc^-3] at the redshifts Z_TABLE."""

    ln_mass: FloatArray
    below: FloatArray
    """Densities of haloes below exp(ln_mass), shape (redshift, mass)."""

    @property
    def number(self) -> FloatArray:
        """Densities of all haloes, shape (redshift,)."""
        return self.below[:, -1]

    def draw_masses(self, rng: np.random.Generator, z: FloatArray) -> FloatArray:
        """A mass [Msun] for a halo at each of the redshifts `z`, from the densities interpolated linearly in redshift."""
        step = Z_TABLE[1]
        row = np.minimum((z / step).astype(int), len(Z_TABLE) - 2)
        late = self.number[row + 1] * (z / step - row)
        row += rng.uniform(size=len(z)) * (late + self.number[row] * (row + 1 - z / step)) < late
        rank = rng.uniform(size=len(z)) * self.number[row]
        ln_mass = np.empty(len(z))
        for k in np.unique(row):
            ln_mass[row == k] = np.interp(rank[row == k], self.below[k], self.ln_mass)
        return np.exp(ln_mass)


@cache
def _mass_function(masses: tuple[float, float]) -> _MassFunction:
    try:
        from colossus.cosmology import cosmology
        from colossus.lss import mass_function
    except ModuleNotFoundError:
        raise InputError(
            "colossus is not installed, and mock light cones need it: pip install 'lenssbi[simulate]'"
        ) from None

    others = cosmology.current_cosmo
    planck18 = cosmology.setCosmology(
        "planck18", persistence=""
    )  # otherwise colossus writes tables into the home folder
    n = 2 + int(MASSES_PER_DEX * np.log10(masses[1] / masses[0]))
    mass = np.geomspace(*masses, n)
    density = [
        mass_function.massFunction(mass * planck18.h, z, q_in="M", q_out="dndlnM", mdef="200c", model="tinker08")
        for z in Z_TABLE
    ]
    cosmology.setCurrent(others)
    ln_mass = np.log(mass)
    return _MassFunction(ln_mass, _cumulative(np.array(density) * planck18.h**3, ln_mass))


@cache
def _mean_mass(masses: tuple[float, float], aperture: float) -> tuple[FloatArray, FloatArray]:
    table = _mass_function(masses)
    z = np.concatenate([[1e-4], Z_TABLE[1:]])
    mass = np.exp((table.ln_mass[1:] + table.ln_mass[:-1]) / 2)
    within = expected_mass_within(aperture, mass[None, :], z[:, None], stellar_mass(mass[None, :], z[:, None]))
    density = np.sum(np.diff(table.below) * within, axis=1)
    chi = comoving_distance(z)
    return z, _cumulative(density * (ARCSEC * chi) ** 2, chi)


def _cumulative(y: FloatArray, x: FloatArray) -> FloatArray:
    """Integral of `y` over `x` (last axis) up to each of its values, by trapezia."""
    steps = (y[..., 1:] + y[..., :-1]) / 2 * np.diff(x)
    return np.concatenate([np.zeros((*y.shape[:-1], 1)), np.cumsum(steps, axis=-1)], axis=-1)
