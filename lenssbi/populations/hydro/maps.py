"""Convergence maps from files: numpy archives, FITS images, and projected snapshots.

    npz    arrays of shape (ny, nx) or (n, ny, nx) are convergence; `pixel_scale` [arcsec] may be among them. An archive
           with `edges` [kpc] holds masses per pixel [Msun] instead, of one galaxy: an array named total..., or several
           components to be added
    FITS   every image of two axes is a map of convergence; the header's CD matrix or CDELT give the pixel scale
    HDF5   particles, see `snapshots`; a galaxy has one map for each projection

A folder represents all such files in it; the files `name.0.hdf5`, `name.1.hdf5`, ... are one snapshot. Row 0 of a map is at
the bottom; mass beyond its edges is neglected.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.populations.cosmology import critical_surface_density, kpc_per_arcsec
from lenssbi.populations.hydro.particles import Particles
from lenssbi.populations.hydro.projection import convergence_map, random_orientation
from lenssbi.status import InputError

SHAPE, PIXEL_SCALE = 256, 0.06  # of maps from particles: pixels along the side, arcsec
ARCHIVES, IMAGES, SNAPSHOTS = (".npz",), (".fits", ".fit", ".fits.gz"), (".hdf5", ".h5")
SMALLEST = 16  # pixels along the side of a map


@dataclass(frozen=True)
class ConvergenceMap:
    """A galaxy's surface density over the critical one.

    Parameters
    ----------
    name
        Identity of the galaxy, and of the projection if there are several.
    kappa
        Convergence, shape (ny, nx), row 0 at the bottom.
    pixel_scale
        Side of a pixel [arcsec].
    kind
        Kind: "map", or "mock" for a galaxy that is not from a simulation.
    """

    name: str
    kappa: FloatArray
    pixel_scale: float
    kind: str = "map"

    def __post_init__(self) -> None:
        if self.kappa.ndim != 2 or min(self.kappa.shape) < SMALLEST:
            raise InputError(f"{self.name}: a map has two axes of {SMALLEST} pixels or more, not {self.kappa.shape}")
        if not (np.isfinite(self.kappa).all() and self.kappa.sum() > 0):
            raise InputError(f"{self.name}: the map is empty or not finite everywhere: give another")
        if not (np.isfinite(self.pixel_scale) and self.pixel_scale > 0):
            raise InputError(f"{self.name}: pixel_scale is above 0, not {self.pixel_scale}")


def files_of(path: Path) -> list[list[Path]]:
    """The files of `path`, a file or a folder, grouped by snapshot.

    Raises
    ------
    InputError
        If there is no such file, the folder has no maps, or files of a snapshot are missing.
    """
    if not path.exists():
        raise InputError(f"{path}: there is no such file or folder: check the path")
    found = sorted(p for p in path.iterdir() if _suffix(p)) if path.is_dir() else [path]
    if not found or not all(_suffix(p) for p in found):
        raise InputError(
            f"{path}: no {', '.join((*ARCHIVES, *IMAGES, *SNAPSHOTS))} in it: convert the maps to one of them"
        )
    sets: dict[str, list[Path]] = {}
    for file in found:
        chunk = re.fullmatch(r"(.+)\.(\d+)\.(hdf5|h5)", file.name)
        sets.setdefault(chunk[1] if chunk and path.is_dir() else file.name, []).append(file)
    return list(sets.values())


def maps_of_archive(path: Path, pixel_scale: float | None, redshifts: tuple[float, float]) -> list[ConvergenceMap]:
    """Maps in a numpy archive; `pixel_scale` [arcsec] takes precedence, `redshifts` of lens and source are for maps of mass.

    Raises
    ------
    InputError
        If it cannot be read, has no maps, or does not give the size of a pixel.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: np.asarray(archive[name]) for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: not a numpy archive that can be read: download or copy it again") from error
    stem = re.sub(r"_?kappa_?maps?$", "", path.stem) or path.stem
    images = {
        name: array.astype(float)
        for name, array in arrays.items()
        if array.ndim in (2, 3) and array.dtype.kind in "fiu"
    }
    if not images:
        raise InputError(f"{path}: no array of two or three axes in it: save maps of shape (n, ny, nx)")
    if "edges" in arrays:
        return [_of_masses(stem, images, arrays["edges"], redshifts)]
    scale = pixel_scale if pixel_scale is not None else arrays.get("pixel_scale")
    if scale is None or np.size(scale) != 1:
        raise InputError(f"{path}: does not say its pixel scale: set pixel_scale [arcsec]")
    maps = []
    for name, image in images.items():
        prefix = stem if len(images) == 1 else f"{stem}-{name}"
        stack = image if image.ndim == 3 else image[None]
        names = [f"{prefix}-{i}" for i in range(len(stack))] if image.ndim == 3 else [prefix]
        maps += [ConvergenceMap(n, kappa, float(np.ravel(scale)[0])) for n, kappa in zip(names, stack, strict=True)]
    return maps


def maps_of_image(path: Path, pixel_scale: float | None) -> list[ConvergenceMap]:
    """Maps in a FITS file; `pixel_scale` [arcsec] takes precedence over the header.

    Raises
    ------
    InputError
        The errors of `maps_of_archive`.
    """
    from astropy.io import fits
    from astropy.wcs import WCS
    from astropy.wcs.utils import proj_plane_pixel_scales

    stem, maps = path.name.split(".fit")[0], []
    try:
        with fits.open(path, memmap=False) as planes:
            images = [plane for plane in planes if plane.is_image and plane.header.get("NAXIS", 0) == 2]
            for i, plane in enumerate(images):
                scale = pixel_scale
                if scale is None:
                    if not any(key in plane.header for key in ("CD1_1", "CDELT1", "PC1_1")):
                        raise InputError(f"{path}: does not say its pixel scale: set pixel_scale [arcsec]")
                    scale = float(np.mean(proj_plane_pixel_scales(WCS(plane.header)))) * 3600
                name = stem if len(images) == 1 else f"{stem}-{plane.name or i}"
                maps.append(ConvergenceMap(name, np.asarray(plane.data, float), scale))
    except (OSError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: not a FITS file that can be read: download or copy it again") from error
    if not maps:
        raise InputError(f"{path}: no image of two axes in it: save each map in an extension of its own")
    return maps


def maps_of_particles(
    particles: Particles,
    projections: int,
    rng: np.random.Generator,
    redshifts: tuple[float, float],
    pixel_scale: float | None = None,
    smoothing: float | None = None,
) -> list[ConvergenceMap]:
    """Maps of a galaxy seen from random directions.

    Parameters
    ----------
    particles
        The galaxy.
    projections
        Number of maps.
    rng
        Random number generator of the directions.
    redshifts
        Redshifts of the lens and of the source.
    pixel_scale
        Side of a pixel [arcsec]; None takes 0.06.
    smoothing
        Sigma of the finest kernel [kpc]; None takes the softening.
    """
    scale = PIXEL_SCALE if pixel_scale is None else pixel_scale
    # a mock is recognised after it has been written to a file
    kind = "mock" if particles.name.startswith("mock") else "map"
    letters = _letters(projections)
    return [
        ConvergenceMap(
            particles.name + letter,
            convergence_map(particles, random_orientation(rng), SHAPE, scale, redshifts, smoothing),
            scale,
            kind,
        )
        for letter in letters
    ]


def _of_masses(
    name: str, images: dict[str, FloatArray], edges: FloatArray, redshifts: tuple[float, float]
) -> ConvergenceMap:
    """Convergence of a galaxy's mass per pixel [Msun], with the edges of the pixels [kpc]."""
    totals = [image for key, image in images.items() if key.startswith("total")]
    total = totals[0] if totals else np.sum(list(images.values()), axis=0)
    steps = np.diff(edges)
    if np.ndim(total) != 2 or len(steps) != np.shape(total)[1] or not np.allclose(steps, steps[0]) or steps[0] <= 0:
        raise InputError(f"{name}: the edges do not fit the maps of mass: save one edge more than there are pixels")
    scale = float(steps[0]) / float(kpc_per_arcsec(redshifts[0]))
    return ConvergenceMap(name, total / (float(critical_surface_density(*redshifts)) * scale**2), scale)


def _letters(n: int) -> Iterator[str]:
    """Suffixes of projections: none for a single one, then -a, -b, ... -z, -26, ..."""
    if n == 1:
        yield ""
        return
    yield from (f"-{chr(ord('a') + i)}" if i < 26 else f"-{i}" for i in range(n))


def _suffix(path: Path) -> str | None:
    return next((s for s in (*ARCHIVES, *IMAGES, *SNAPSHOTS) if path.name.lower().endswith(s)), None)
