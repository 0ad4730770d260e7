"""A mock galaxy in place of a simulated one: a massive elliptical galaxy of particles.

    stars        Jaffe (1983, MNRAS 202, 995), triaxial; M* about 4.5e11 Msun, half-light radius about 8 kpc (van der Wel et al.
                 2014, ApJ 788, 28)
    dark halo    NFW (1997, ApJ 490, 493), triaxial, its axes near the stars'; M200 about 1e13 Msun, concentration a fifth above
                 that of a halo without gas (Dutton & Maccio 2014, MNRAS 441, 3359): to include contraction
    subhaloes    dN/dM ~ M^-1.9, 3e8-1e11 Msun, 7 per cent of M200, farther out than the halo's mass (Springel et al. 2008,
                 MNRAS 391, 1685); each a Hernquist sphere, a dwarf galaxy of 2 per cent of its mass in those above 1e10

The sum is near isothermal around its Einstein radius, as real ellipticals are (Auger et al. 2010, ApJ 724, 511). It is a mock and not a
simulated galaxy: no gas, no mergers, no discs, axes that do not turn with radius within a component. Particle masses are those of a
high-resolution simulation; beyond `FINE` kpc, where only their projection matters, they are four times larger.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation
from scipy.special import gammainc, gammaincinv

from lenssbi.arrays import FloatArray
from lenssbi.populations.hydro.particles import DARK_MATTER, STARS, Particles

STAR_MASS, DARK_MASS = 2e6, 4e6  # of a particle [Msun]
FINE = 40.0  # [kpc]
COARSE = 4  # ratio of the masses of dark particles beyond
EDGE = 200.0  # [kpc]: largest radius of particles
SOFTENING = 0.5  # [kpc], between TNG50's and EAGLE's
RHO_200 = 200 * 224.0  # 200 times the critical density at z = 0.5 [Msun / kpc^3]
SUBHALO_MASSES = (3e8, 1e11)  # [Msun]
SUBHALO_SLOPE, SUBHALO_SHARE = 1.9, 0.07
EINASTO_ALPHA, EINASTO_RADIUS = 0.678, 0.81  # number density of subhaloes; the radius over r200


@dataclass(frozen=True)
class MockGalaxy:
    """Parameters of a mock galaxy.

    Parameters
    ----------
    stellar_mass, halo_mass
        Masses [Msun]; that of the halo is M200.
    stellar_scale
        Scale radius of the Jaffe sphere [kpc]: the half-light radius over 0.763.
    concentration
        r200 over the scale radius of the halo.
    stellar_axes, halo_axes
        Middle and short axis over the long one.
    misalignment
        Rotation vector [rad] that takes the halo's axes from the stars', shape (3,).
    """

    stellar_mass: float
    halo_mass: float
    stellar_scale: float
    concentration: float
    stellar_axes: tuple[float, float]
    halo_axes: tuple[float, float]
    misalignment: FloatArray

    @staticmethod
    def drawn(rng: np.random.Generator) -> MockGalaxy:
        """A galaxy of the population described above."""
        log_stars = rng.normal(11.65, 0.08)
        stars = 10**log_stars
        halo = 10 ** (13.0 + 1.2 * (log_stars - 11.65) + rng.normal(0, 0.1))
        size = 8.0 * (stars / 4e11) ** 0.7 * 10 ** rng.normal(0, 0.06)
        concentration = 6.5 * (halo / 1e13) ** -0.09 * 10 ** rng.normal(0, 0.08)
        axes = [np.sort(rng.normal(mean, 0.07, 2).clip(0.45, 1.0))[::-1] for mean in ((0.86, 0.62), (0.82, 0.62))]
        (b, c), (p, q) = axes
        return MockGalaxy(stars, halo, size / 0.763, concentration, (b, c), (p, q), rng.normal(0, 0.12, 3))


def mock_particles(index: int, seed: int = 0) -> Particles:
    """Mock galaxy number `index` of those that belong to `seed`, at redshift 0.5, centred as a snapshot would be.

    Its name is mock-index, or mock-seed-index for a seed other than 0.

    Examples
    --------
    >>> sorted(mock_particles(0).masses)
    [1, 4]
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(index,)))
    galaxy = MockGalaxy.drawn(rng)
    parts = [_stars(rng, galaxy), *_halo(rng, galaxy), *_subhaloes(rng, galaxy)]
    position = np.concatenate([part[0] for part in parts])
    mass = np.concatenate([np.full(len(part[0]), part[1]) for part in parts])
    kind = np.concatenate([np.full(len(part[0]), part[2], np.int8) for part in parts])
    name = f"mock-{seed}-{index}" if seed else f"mock-{index}"
    return Particles(position, mass, kind, 0.5, SOFTENING, name).centred()


Part = tuple[FloatArray, float, int]  # positions [kpc], the mass of a particle [Msun], kind


def _stars(rng: np.random.Generator, galaxy: MockGalaxy) -> Part:
    whole = EDGE / (EDGE + galaxy.stellar_scale)
    share = rng.uniform(0, whole, round(galaxy.stellar_mass * whole / STAR_MASS))
    radius = galaxy.stellar_scale * share / (1 - share)  # Jaffe: M(<r) / M = r / (r + a)
    return _around(rng, radius, galaxy.stellar_axes), STAR_MASS, STARS


def _halo(rng: np.random.Generator, galaxy: MockGalaxy) -> list[Part]:
    """The smooth part of the dark halo, with heavier particles beyond a radius."""
    scale = _r200(galaxy) / galaxy.concentration
    x = np.geomspace(1e-5, EDGE / scale, 4096)
    enclosed = np.log1p(x) - x / (1 + x)
    whole = np.log1p(galaxy.concentration) - galaxy.concentration / (1 + galaxy.concentration)
    smooth = galaxy.halo_mass * (1 - SUBHALO_SHARE) / whole
    edge = np.interp(FINE / scale, x, enclosed)
    turn = Rotation.from_rotvec(galaxy.misalignment).as_matrix()
    parts: list[Part] = []
    for low, high, mass in ((0.0, edge, DARK_MASS), (edge, enclosed[-1], COARSE * DARK_MASS)):
        n = round(smooth * (high - low) / mass)
        radius = scale * np.interp(rng.uniform(low, high, n), enclosed, x)
        parts.append((_around(rng, radius, galaxy.halo_axes) @ turn.T, mass, DARK_MATTER))
    return parts


def _subhaloes(rng: np.random.Generator, galaxy: MockGalaxy) -> list[Part]:
    """Dark matter of the subhaloes, and the stars of the largest."""
    low, high = SUBHALO_MASSES
    slope, share = SUBHALO_SLOPE, SUBHALO_SHARE * galaxy.halo_mass
    # dN/dM = norm M^-slope with the total mass `share`
    norm = share * (2 - slope) / (high ** (2 - slope) - low ** (2 - slope))
    ends = low ** (1 - slope), high ** (1 - slope)
    number = rng.poisson(norm * (ends[0] - ends[1]) / (slope - 1))
    masses = rng.uniform(ends[1], ends[0], number) ** (1 / (1 - slope))
    r200 = _r200(galaxy)
    shape, rate = 3 / EINASTO_ALPHA, 2 / EINASTO_ALPHA
    u = rng.uniform(0, gammainc(shape, rate * EINASTO_RADIUS**-EINASTO_ALPHA), number)
    distance = r200 * EINASTO_RADIUS * (gammaincinv(shape, u) / rate) ** (1 / EINASTO_ALPHA)
    near = distance < EDGE
    centres = _around(rng, distance[near], (1.0, 1.0))
    masses = masses[near]
    # Springel et al. 2008: the radius of the fastest circular orbit, which is a Hernquist sphere's scale radius
    scales = 2.5 * (masses / 1e9) ** 0.4
    dark = _clumps(rng, centres, masses, scales, DARK_MASS)
    lit = masses > 1e10
    stars = _clumps(rng, centres[lit], 0.02 * masses[lit], np.full(lit.sum(), 1.0), STAR_MASS)
    return [(dark, DARK_MASS, DARK_MATTER), (stars, STAR_MASS, STARS)]


def _clumps(
    rng: np.random.Generator, centres: FloatArray, masses: FloatArray, scales: FloatArray, of_particle: float
) -> FloatArray:
    """Positions of the particles of Hernquist spheres, cut at three scale radii by the tides."""
    numbers = rng.poisson(masses / of_particle)
    which = np.repeat(np.arange(len(masses)), numbers)
    radius = _hernquist_radius(rng.uniform(0, 0.75**2, len(which)), scales[which])
    return centres[which] + _around(rng, radius, (1.0, 1.0))


def _hernquist_radius(share: FloatArray, scale: float | FloatArray) -> FloatArray:
    """Radius within which a Hernquist sphere has `share` of its mass: M(<r) / M = (r / (r + a))^2."""
    root = np.sqrt(share)
    return scale * root / (1 - root)


def _around(rng: np.random.Generator, radius: FloatArray, axes: tuple[float, float]) -> FloatArray:
    """Points at elliptical radii `radius` on ellipsoids with the volume of the sphere, shape (n, 3)."""
    height = rng.uniform(-1, 1, len(radius))
    angle = rng.uniform(0, 2 * np.pi, len(radius))
    ring = radius * np.sqrt(1 - height**2)
    stretch = np.array([1.0, *axes]) / np.cbrt(axes[0] * axes[1])
    return np.stack([ring * np.cos(angle), ring * np.sin(angle), radius * height], axis=-1) * stretch


def _r200(galaxy: MockGalaxy) -> float:
    return float(np.cbrt(galaxy.halo_mass / (4 * np.pi / 3 * RHO_200)))
