"""Light cones from simulated catalogues, LSST CatSim and CosmoDC2.

**CatSim** (CSV, the names of the columns in its first line, after a `#`): galaxies of the semi-analytic model of De Lucia &
Blaizot (2007, MNRAS 375, 2) in the Millennium simulation (Springel et al. 2005, Nature 435, 629). Masses are in 10^10 Msun / h
with h = 0.73: those of haloes are multiples of the simulation's particle, 0.0860657 in this unit. Every galaxy has its own
halo; satellites have the remainder of theirs, a few per cent of the host's mass, which also includes it. Sizes are those of
bulges only and are not used.

**CosmoDC2** (Korytov et al. 2019, ApJS 245, 26; HDF5, group `galaxyProperties`): `hostHaloMass` in Msun / h with h = 0.71 is
repeated in all galaxies of a halo, so a halo is taken once, with its central galaxy. It is the mass of friends of friends
linked at 0.168 of the mean separation, which reaches down to about 200 times the critical density (More et al. 2011, ApJS 195,
4), and is used as M_200c. Positions and redshifts are the unlensed ones, without peculiar velocities.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from lenssbi.arrays import ComplexArray, FloatArray
from lenssbi.populations.cosmology import ARCSEC
from lenssbi.populations.light_cones.haloes import (
    SCATTER,
    Haloes,
    concentration,
    expected_mass_within,
    size_of_galaxy,
)
from lenssbi.populations.light_cones.sky import Sight
from lenssbi.status import InputError

CATSIM_UNIT = 1e10 / 0.73
COSMODC2_H = 0.71
CATSIM = ("ra", "dec", "redshift", "mass_stellar", "mass_halo")
COSMODC2 = (
    "ra_true",
    "dec_true",
    "redshiftHubble",
    "isCentral",
    "uniqueHaloID",
    "hostHaloMass",
    "diskMassStellar",
    "spheroidMassStellar",
    "morphology/diskHalfLightRadiusArcsec",
    "morphology/spheroidHalfLightRadiusArcsec",
)


@dataclass(frozen=True)
class Catalogue:
    """Haloes of a field, in ascending order of y; concentrations are the median ones.

    Parameters
    ----------
    name
        Name of the kind of catalogue.
    haloes
        Haloes with positions in a plane tangent to the middle of the field.
    ids
        Identities of the haloes, integers of shape (n,).
    source
        Name of the file, for messages.
    """

    name: str
    haloes: Haloes
    ids: np.ndarray
    source: str

    @cached_property
    def outline(self) -> Any:
        """The convex hull of the haloes' positions [arcsec]; fields are rectangles or pixels of HEALPix, both convex."""
        from scipy.spatial import ConvexHull

        return ConvexHull(np.stack([self.haloes.theta.real, self.haloes.theta.imag], axis=1))

    @cached_property
    def depth(self) -> FloatArray:
        """Distance [arcsec] of each halo from the edge of the field."""
        planes = self.outline.equations
        theta = self.haloes.theta
        return np.min([-(a * theta.real + b * theta.imag + c) for a, b, c in planes], axis=0)

    def within(self, centre: complex, radius: float) -> np.ndarray:
        """Indices of the haloes within `radius` [arcsec] of `centre`."""
        theta = self.haloes.theta
        first, last = np.searchsorted(theta.imag, [centre.imag - radius, centre.imag + radius])
        return first + np.flatnonzero(np.abs(theta[first:last] - centre) < radius)


@dataclass(frozen=True)
class CatalogueSky:
    """Cones around the massive galaxies of a catalogue; see `sky.Sky`.

    Parameters
    ----------
    catalogue
        The field.
    aperture
        Radius of a cone [arcsec]; cones lie completely in the field.
    host_mass
        Least M_200c [Msun] of the galaxy in the middle of a cone.
    """

    catalogue: Catalogue
    aperture: float
    host_mass: float

    def draw(self, rng: np.random.Generator, z_lens: tuple[float, float], z_source: float) -> Sight:
        """A cone around a galaxy chosen with equal chances, turned by a random angle.

        Raises
        ------
        InputError
            If there is no such galaxy.
        """
        field = self.catalogue.haloes
        hosts = np.flatnonzero(
            (field.mass >= self.host_mass)
            & (field.z >= z_lens[0])
            & (field.z <= z_lens[1])
            & (field.z < z_source)
            & (self.catalogue.depth >= self.aperture)
        )
        if not hosts.size:
            raise InputError(
                f"{self.catalogue.source}: no halo above {self.host_mass:.3g} Msun at redshifts {z_lens[0]:.3g}-{z_lens[1]:.3g} "
                f"is farther than {self.aperture:g} arcsec from the edge of the field: lower host_mass or aperture, or widen z_lens"
            )
        host = int(rng.choice(hosts))
        around = self.catalogue.within(field.theta[host], self.aperture)
        around = around[(around != host) & (field.z[around] < z_source)]
        haloes = field.take(around)
        theta = (haloes.theta - field.theta[host]) * np.exp(2j * np.pi * rng.uniform())
        c = haloes.concentration * 10 ** rng.normal(0, SCATTER, len(haloes))
        sight = replace(haloes, theta=theta, concentration=c)
        return Sight(float(field.z[host]), sight, f"{self.catalogue.name}-{self.catalogue.ids[host]}")

    def mean_mass(self) -> tuple[FloatArray, FloatArray]:
        """Redshifts, and the mean mass [Msun / arcsec^2] in front of them: halo masses within the aperture over the area of the field."""
        return self._mean_mass

    @cached_property
    def _mean_mass(self) -> tuple[FloatArray, FloatArray]:
        field = self.catalogue.haloes
        edges = np.arange(0, field.z.max() + 0.02, 0.01)
        within = expected_mass_within(self.aperture, field.mass, field.z, field.stellar_mass)
        per_bin, _ = np.histogram(field.z, edges, weights=within)
        return edges, np.concatenate([[0.0], np.cumsum(per_bin)]) / self.catalogue.outline.volume


@cache
def catalogue_sky(kind: str, path: str, masses: tuple[float, float], aperture: float, host_mass: float) -> CatalogueSky:
    """The sky of a catalogue, kept for the life of the process.

    Parameters
    ----------
    kind
        Kind of the catalogue: catsim or cosmodc2.
    path
        File; for cosmodc2 also a folder of `*.hdf5` of one piece of sky.
    masses
        Least and greatest M_200c [Msun] of the haloes that count.
    aperture, host_mass
        Parameters of `CatalogueSky`.

    Raises
    ------
    InputError
        For files that are missing, damaged or of another layout.
    """
    return CatalogueSky(_catalogue(kind, path, masses), aperture, host_mass)


@cache
def _catalogue(kind: str, path: str, masses: tuple[float, float]) -> Catalogue:
    haloes, ids = {"catsim": read_catsim, "cosmodc2": read_cosmodc2}[kind](Path(path))
    good = (haloes.mass >= masses[0]) & (haloes.mass <= masses[1]) & (haloes.z > 0)
    if np.count_nonzero(good) < 3:
        raise InputError(f"{path}: fewer than three haloes of {masses[0]:.3g} to {masses[1]:.3g} Msun: widen masses")
    order = np.flatnonzero(good)[np.argsort(haloes.theta.imag[good], kind="stable")]
    return Catalogue(kind, haloes.take(order), ids[order], path)


def read_catsim(path: Path) -> tuple[Haloes, np.ndarray]:
    """All galaxies of a CatSim table, and the numbers of their rows."""
    try:
        with path.open() as file:
            names = [name.strip() for name in file.readline().lstrip("#").split(",")]
            missing = sorted(set(CATSIM) - set(names))
            if missing:
                raise InputError(
                    f"{path}: no column {', '.join(missing)}: give a CSV table with a header as LSST CatSim's"
                )
            columns = np.loadtxt(file, delimiter=",", usecols=[names.index(name) for name in CATSIM], ndmin=2).T
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: cannot be read ({getattr(error, 'strerror', None) or 'not text'}): check the path"
        ) from None
    except InputError:
        raise
    except (ValueError, IndexError) as error:
        raise InputError(f"{path}: not a table of numbers ({error}): export it again") from None
    ra, dec, z, stars, mass = columns
    if not np.isfinite(columns).all():
        raise InputError(f"{path}: positions, redshifts and masses are not all finite: export it again")
    return _haloes(ra, dec, z, mass * CATSIM_UNIT, stars * CATSIM_UNIT), np.arange(len(ra))


def read_cosmodc2(path: Path) -> tuple[Haloes, np.ndarray]:
    """All host haloes of CosmoDC2 files, each once, and their `uniqueHaloID`."""
    files = sorted(path.glob("*.hdf5")) if path.is_dir() else [path]
    if not files:
        raise InputError(f"{path}: the folder has no *.hdf5: give CosmoDC2's files z_*.step_all.healpix_*.hdf5")
    tables = [_cosmodc2_columns(file) for file in files]
    columns = [np.concatenate(parts) for parts in zip(*tables, strict=True)]
    ra, dec, z, ids, mass, disk, bulge, disk_size, bulge_size = columns
    _, first = np.unique(ids, return_index=True)
    ra, dec, z, ids, mass, disk, bulge, disk_size, bulge_size = (c[first] for c in columns)
    stars = disk + bulge
    size = (disk * disk_size + bulge * bulge_size) / np.maximum(stars, 1e-300)
    return _haloes(ra, dec, z, mass / COSMODC2_H, stars, size), ids


def _cosmodc2_columns(path: Path) -> list[np.ndarray]:
    """The columns of the central galaxies, without `isCentral`."""
    import h5py

    try:
        with h5py.File(path) as file:
            group = file.get("galaxyProperties", {})
            missing = [name for name in COSMODC2 if name not in group]
            if missing:
                raise InputError(
                    f"{path}: no {', '.join(missing)} in galaxyProperties: give a file of CosmoDC2's native layout"
                )
            central = group["isCentral"][:].astype(bool)
            return [group[name][:][central] for name in COSMODC2 if name != "isCentral"]
    except OSError:
        raise InputError(f"{path}: not an HDF5 file that can be read: check the path, or download it again") from None


def _haloes(
    ra: FloatArray, dec: FloatArray, z: FloatArray, mass: FloatArray, stars: FloatArray, size: FloatArray | None = None
) -> Haloes:
    """Haloes from columns in degrees, Msun and arcsec; a size that is not positive is replaced by the mean one."""
    mass = np.maximum(mass, stars)  # satellites may have lost nearly all of their dark matter
    mean = size_of_galaxy(np.maximum(mass, 1.0), np.maximum(z, 1e-4))
    size = mean if size is None else np.where(size > 0, size, mean)
    c = concentration(np.maximum(mass, 1.0), z)
    return Haloes(_tangent_plane(ra, dec), z, mass, c, stars, size)


def _tangent_plane(ra: FloatArray, dec: FloatArray) -> ComplexArray:
    """Gnomonic projection [arcsec] about the middle of the field; north is up and east left."""
    ra, dec = np.radians(ra), np.radians(dec)
    directions = np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
    up = directions.mean(axis=1)
    up /= np.linalg.norm(up)
    east = np.array([-up[1], up[0], 0]) / np.hypot(up[0], up[1])
    north = np.cross(up, east)
    return (-(east @ directions) + 1j * (north @ directions)) / (up @ directions) / ARCSEC
