"""Snapshots of EAGLE and IllustrisTNG: the particles of one galaxy from HDF5 files.

Both keep particles in groups `PartType0` gas, `PartType1` dark matter, `PartType4` stars, `PartType5` black holes, with comoving positions
and an h in every unit. The layout of a file is recognised by its contents:

    EAGLE          `Mass`; every dataset has its unit: cgs = value * CGSConversionFactor * a^aexp-scale-exponent * h^h-scale-exponent
                   (arXiv:1706.09899); the galaxy of a particle is (GroupNumber, SubGroupNumber)
    IllustrisTNG   `Masses`; UnitLength_in_cm and UnitMass_in_g in the header, else kpc and 1e10 Msun, all over h, lengths times a
                   (Nelson et al. 2019, Comp. Astrophys. Cosmol. 6, 2); Gadget, Illustris and Auriga write the same

All dark-matter particles have the same mass, which is in the header's MassTable, unless they have individual masses. A
snapshot in several files (`name.0.hdf5`, `name.1.hdf5`, ...) is read from all of them at once. The whole snapshot is held in memory:
extract a galaxy from a large snapshot first, for example on the web pages of both projects. HDF5 files are opened with h5py, here and in
`dataset/`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.files import atomic
from lenssbi.populations.hydro.particles import DARK_MATTER, KINDS, Particles
from lenssbi.status import InputError

KPC = 3.085678e21  # [cm], as the simulations have it
SOLAR_MASS = 1.989e33  # [g], as the simulations have it
SOFTENING = 0.7  # [kpc], of EAGLE and TNG100, for files without it
CHUNK = re.compile(r"\.\d+\.(hdf5|h5)$")  # end of the name of one of several files of a snapshot
EAGLE_UNIT = ("CGSConversionFactor", "aexp-scale-exponent", "h-scale-exponent")


def read_particles(
    files: Path | Sequence[Path], galaxy: tuple[int, int] | None = None, softening: float | None = None
) -> Particles:
    """Read a galaxy.

    Parameters
    ----------
    files
        The HDF5 file, or all files of one snapshot.
    galaxy
        (GroupNumber, SubGroupNumber) in files of EAGLE; without it all particles are the galaxy and its surroundings.
    softening
        Plummer-equivalent softening [proper kpc]; takes precedence over the file.

    Raises
    ------
    InputError
        If a file is missing, not HDF5, damaged, in another layout, or without particles.
    """
    paths = [files] if isinstance(files, Path) else list(files)
    parts: list[tuple[FloatArray, FloatArray, Any, FloatArray]] = []
    for path in paths:
        with _opened(path) as file:
            header = _header(file, path)
            parts += [_group(file, header, kind, galaxy, path) for kind in KINDS if f"PartType{kind}" in file]
            soft = softening or _softening(file, header)
            written = int(_number(header["attributes"], "NumFilesPerSnapshot", 1))
            if CHUNK.search(path.name) and len(paths) < written:
                raise InputError(
                    f"{path}: only {len(paths)} of the {written} files of its snapshot: give the folder of all"
                )
    if not sum(len(part[1]) for part in parts):
        what = "no particles" if galaxy is None else f"no galaxy (GroupNumber, SubGroupNumber) = {galaxy}"
        raise InputError(f"{paths[0]}: {what} in it: give another file or galaxy")
    position, mass, kind, potential = (np.concatenate([part[i] for part in parts]) for i in range(4))
    if not (np.isfinite(position).all() and np.isfinite(mass).all() and mass.min() >= 0 and mass.sum() > 0):
        raise InputError(f"{paths[0]}: positions or masses are not finite, or negative: download or copy it again")
    box = header["box"]
    position = position - position[0]
    if box:
        position -= box * np.round(position / box)
    name = paths[0].name.split(".hdf5")[0].split(".h5")[0]
    if galaxy is not None:
        name += f"-{galaxy[0]}-{galaxy[1]}"
    particles = Particles(position, mass, kind, header["redshift"], soft, name)
    known = np.isfinite(potential).all()
    return particles.centred(position[np.argmin(potential)] if known else None)


def write_particles(path: str | Path, particles: Particles, origin: float = 0.0, box: float = 75000.0) -> None:
    """Write particles in the layout of IllustrisTNG.

    Parameters
    ----------
    path
        The HDF5 file.
    particles
        The galaxy.
    origin
        Position of its centre along each axis [ckpc/h].
    box
        Side of the periodic box [ckpc/h]; particles beyond its edges are wrapped.
    """
    import h5py

    a, h = 1 / (1 + particles.redshift), 0.6774
    counts = np.array([np.sum(particles.kind == kind) for kind in range(6)], np.int32)
    header: dict[str, Any] = {
        "BoxSize": box,
        "HubbleParam": h,
        "Redshift": particles.redshift,
        "Time": a,
        "NumFilesPerSnapshot": 1,
    }
    header |= {"MassTable": np.zeros(6), "NumPart_ThisFile": counts, "NumPart_Total": counts}
    header |= {"UnitLength_in_cm": KPC, "UnitMass_in_g": 1e10 * SOLAR_MASS}
    with atomic(path) as temporary, h5py.File(temporary, "w") as file:
        file.create_group("Header").attrs.update(header)
        softening = {f"SofteningComovingType{kind}": particles.softening * h / a for kind in range(6)}
        softening |= {f"SofteningMaxPhysType{kind}": particles.softening * h for kind in range(6)}
        file.create_group("Parameters").attrs.update(softening)
        for kind in np.flatnonzero(counts):
            chosen = particles.kind == kind
            group = file.create_group(f"PartType{kind}")
            group["Coordinates"] = (particles.position[chosen] * h / a + origin) % box
            group["Masses"] = np.asarray(particles.mass[chosen] * h / 1e10, np.float32)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import h5py

    if not path.is_file():
        raise InputError(f"{path}: there is no such file: check the path")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, RuntimeError) as error:
        raise InputError(f"{path}: not an HDF5 file that can be read: download or copy it again") from error
    except (KeyError, IndexError, TypeError) as error:
        raise InputError(f"{path}: not in the layout of EAGLE or IllustrisTNG ({error}): convert it to one") from error


def _header(file: Any, path: Path) -> dict[str, Any]:
    """Entries of the header: a, h, redshift, masses by kind and the box [kpc]."""
    if "Header" not in file or not any(f"PartType{kind}" in file for kind in KINDS):
        raise InputError(
            f"{path}: neither EAGLE's nor IllustrisTNG's layout (no Header or no PartType groups): convert it to one of them"
        )
    attributes = file["Header"].attrs
    if "Redshift" not in attributes and "Time" not in attributes:
        raise KeyError("no Redshift in the header")
    redshift = _number(attributes, "Redshift") if "Redshift" in attributes else 1 / _number(attributes, "Time") - 1
    header: dict[str, Any] = {"redshift": redshift, "a": 1 / (1 + redshift), "h": _number(attributes, "HubbleParam")}
    header |= {"attributes": attributes, "masses": np.ravel(attributes.get("MassTable", np.zeros(6)))}
    header["eagle"] = any(
        EAGLE_UNIT[0] in file[f"PartType{kind}/Coordinates"].attrs for kind in KINDS if f"PartType{kind}" in file
    )
    header["length"], header["mass"] = _units(file, header)
    header["box"] = _number(attributes, "BoxSize") * header["length"] if "BoxSize" in attributes else 0.0
    return header


def _units(file: Any, header: Mapping[str, Any]) -> tuple[float, float]:
    """Kiloparsecs and solar masses in the units of positions and of masses."""
    attributes, a, h = header["attributes"], header["a"], header["h"]
    if not header["eagle"]:
        length = _number(attributes, "UnitLength_in_cm", KPC) / KPC
        return length * a / h, _number(attributes, "UnitMass_in_g", 1e10 * SOLAR_MASS) / SOLAR_MASS / h
    groups = [file[f"PartType{kind}"] for kind in KINDS if f"PartType{kind}" in file]
    length = _eagle_unit(groups[0]["Coordinates"], a, h) / KPC
    with_mass = [group["Mass"] for group in groups if "Mass" in group]
    mass = _eagle_unit(with_mass[0], a, h) if with_mass else 1e10 * SOLAR_MASS / h
    return length, mass / SOLAR_MASS


def _eagle_unit(dataset: Any, a: float, h: float) -> float:
    factor, power_a, power_h = (_number(dataset.attrs, name) for name in EAGLE_UNIT)
    return factor * a**power_a * h**power_h


def _group(file: Any, header: Mapping[str, Any], kind: int, galaxy: tuple[int, int] | None, path: Path) -> Any:
    """Positions [kpc], masses [Msun], kinds and potentials (NaN if the file has none) of one group."""
    group = file[f"PartType{kind}"]
    position = np.asarray(group["Coordinates"], float) * header["length"]
    n = len(position)
    name = next((name for name in ("Masses", "Mass") if name in group), None)
    if name is not None:
        mass = np.asarray(group[name], float) * header["mass"]
    elif kind == DARK_MATTER or header["masses"][kind] > 0:
        mass = np.full(n, header["masses"][kind] * header["mass"])
    else:
        raise KeyError(f"no masses in PartType{kind}")
    potential = np.asarray(group["Potential"], float) if "Potential" in group else np.full(n, np.nan)
    if position.shape != (n, 3) or not len(mass) == len(potential) == n:
        raise InputError(f"{path}: positions and masses of PartType{kind} differ in number: download or copy it again")
    chosen: Any = slice(None)
    if galaxy is not None:
        if "SubGroupNumber" not in group:
            raise InputError(
                f"{path}: does not say which galaxy a particle is in: leave galaxies out, cut it out first"
            )
        numbers = np.asarray(group["GroupNumber"]), np.asarray(group["SubGroupNumber"])
        chosen = (np.abs(numbers[0]) == galaxy[0]) & (numbers[1] == galaxy[1])
    mass = mass[chosen]
    return position[chosen], mass, np.full(len(mass), kind, np.int8), potential[chosen]


def _softening(file: Any, header: Mapping[str, Any]) -> float:
    """Plummer-equivalent softening of the dark matter [proper kpc]: comoving until it reaches its largest physical size."""
    for group, comoving, physical in (
        ("RuntimePars", "SofteningHalo", "SofteningHaloMaxPhys"),
        ("Parameters", "SofteningComovingType1", "SofteningMaxPhysType1"),
    ):
        if group in file and comoving in file[group].attrs:
            attributes = file[group].attrs
            unit = header["length"] / header["a"]
            least = _number(attributes, comoving) * header["a"]
            return min(least, _number(attributes, physical, np.inf)) * unit
    return SOFTENING


def _number(attributes: Any, name: str, default: float | None = None) -> float:
    """An attribute as a number, stored as a scalar or as an array of one."""
    if name not in attributes and default is not None:
        return default
    return float(np.ravel(attributes[name])[0])
