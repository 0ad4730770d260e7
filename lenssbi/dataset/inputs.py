"""The inputs of the command line as a list of stamps to load later.

    stamp.fits · folder/ · table.ecsv (.csv, .parquet, a FITS table) · set.h5 · set.h5:7 · set.h5:10-19 (both ends included)

A source is small and can be sent to another process; the pixels are read there. An input that cannot be found is refused at once; a
fault of one stamp, or of one row of a table, appears when it is loaded, so that it becomes the status of its row.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Unpack

from lenssbi.dataset.background import subtract_sky
from lenssbi.dataset.fits import read_stamp, with_lens_light
from lenssbi.dataset.hdf5 import StampSet
from lenssbi.dataset.header import number as as_number
from lenssbi.dataset.kinds import PART_OF_SET, PATH_COLUMNS, RA_COLUMNS, SET_SUFFIXES, kind_of
from lenssbi.dataset.listed import COMPANIONS, LIGHT_COLUMN, OPTIONS, Row, rows_of
from lenssbi.dataset.masks import with_mask
from lenssbi.dataset.names import distinct_names
from lenssbi.dataset.observed import READ
from lenssbi.dataset.redshifts import REDSHIFTS, RedshiftOptions, in_cell, with_redshifts
from lenssbi.dataset.region_files import is_region_file, library
from lenssbi.dataset.stamp import Stamp
from lenssbi.dataset.tables import FITS_SUFFIXES, read_texts
from lenssbi.status import InputError, ItemError, Status


@dataclass(frozen=True)
class StampSource:
    """Place of a stamp; small and picklable.

    Parameters
    ----------
    name
        Name, unique among the sources of one call of `expand_inputs`.
    path
        Path of the FITS file or the set.
    index
        Number of the stamp in a set; None for a FITS file.
    noise, psf, mask
        Files for what the FITS file lacks; a number for uniform noise, "none" for no mask.
    pixel_scale
        Side of a pixel [arcsec], if the FITS file does not give it.
    lens_light
        "none" for a stamp that shows no lens galaxy, "auto" for one that may; None leaves it to the file.
    z_lens, z_source, cosmology
        Redshifts, as numbers or text, and the cosmology of the distances; None leaves them to the file and the default.
    mass_prior
        Priors of the mass from a table, as text (:func:`lenssbi.refinement.prepare.with_prior`).
    band
        Band of a cut-out with several.
    status, detail
        What is wrong with the row of a table that names this stamp; None if nothing is.
    """

    name: str
    path: str
    index: int | None = None
    noise: str | None = None
    psf: str | None = None
    mask: str | None = None
    pixel_scale: float | None = None
    lens_light: str | None = None
    z_lens: float | str | None = None
    z_source: float | str | None = None
    cosmology: str | None = None
    mass_prior: str | None = None
    band: str = "VIS"
    status: Status | None = None
    detail: str = ""

    @property
    def argument(self) -> str:
        """The argument of the command line that names this stamp."""
        return self.path if self.index is None else f"{self.path}:{self.index}"

    def load(self) -> Stamp:
        """Read the stamp; it carries this source's name.

        Raises
        ------
        ItemError
            With the status that describes what is missing or wrong.
        """
        if self.status is not None:
            raise ItemError(self.status, self.path, self.detail)
        try:
            stamp = self._of_file() if self.index is None else self._of_set(self.index)
        except ItemError as error:
            if error.source == self.path or error.source not in self.files:
                raise
            found = f"{error.source}: {error.detail}" if error.detail else error.source
            raise ItemError(
                error.status, self.path, found
            ) from None  # a row names the stamp, so that the reason names the other file
        stamp = replace(stamp, name=self.name, info={**stamp.info, READ: self._read()})
        return with_redshifts(stamp, self.z_lens, self.z_source, self.cosmology)

    def _of_file(self) -> Stamp:
        options: dict[str, Any] = {name: getattr(self, name) for name in (*COMPANIONS, "pixel_scale", LIGHT_COLUMN)}
        return read_stamp(self.path, band=self.band, **options)

    def _of_set(self, index: int) -> Stamp:
        stamp = self._set().stamp(index)
        if not stamp.mask.any():
            raise ItemError(Status.ALL_NAN, f"{self.path}:{index}")
        if not stamp.info["lens_light_subtracted"]:  # an observed one: the sky of the others is zero by construction
            stamp = subtract_sky(stamp)
        stamp = with_mask(stamp, self.mask, f"{self.path}:{index}")
        return stamp if self.lens_light is None else with_lens_light(stamp, self.lens_light)

    def _read(self) -> dict[str, Any]:
        """How to read this stamp again from anywhere: the argument and the options."""
        source = self.absolute()
        options = {name: getattr(source, name) for name in (*COMPANIONS, *OPTIONS, "band")}
        return {"input": source.argument, **{name: value for name, value in options.items() if value}}

    def absolute(self) -> StampSource:
        """The source with absolute paths."""
        files: dict[str, Any] = {name: placed(getattr(self, name), Path.cwd()) or None for name in COMPANIONS}
        return replace(self, path=str(Path(self.path).absolute()), **files)

    @property
    def files(self) -> tuple[str, ...]:
        """Files that the stamp is read from, with numbers or "none" given instead of one."""
        return tuple(filter(None, (self.path, *(getattr(self, name) for name in COMPANIONS))))

    @property
    def truth(self) -> dict[str, float] | None:
        """True parameters in physical units, None for a real stamp."""
        return None if self.index is None or self.status is not None else self._set().truth(self.index)

    def _set(self) -> StampSet:
        if not os.path.isfile(self.path):
            raise ItemError(Status.NOT_FOUND, self.path)
        return _open_set(self.path, _modified(self.path))


def expand_inputs(
    inputs: Sequence[str],
    *,
    noise: str | None = None,
    psf: str | None = None,
    mask: str | None = None,
    pixel_scale: float | None = None,
    lens_light: str | None = None,
    band: str = "VIS",
    **distances: Unpack[RedshiftOptions],
) -> list[StampSource]:
    """List the stamps that `inputs` name, in their order; folders in the order of their file names.

    Parameters
    ----------
    inputs
        Files, folders, tables and (parts of) sets.
    noise, psf, pixel_scale, band
        Options for all FITS stamps among them, as in `read_stamp`; a table's columns `noise` and `psf` take precedence.
    mask
        Mask for all stamps, those of sets included; a table's column `mask` takes precedence.
    lens_light
        "none" or "auto" for all stamps, as in `read_stamp`; a table's column `lens_light` takes precedence.
    distances
        Redshifts and cosmology for all stamps; a table's columns `z_lens` and `z_source` take precedence, and both over a header.

    Raises
    ------
    InputError
        If an input does not exist, may not be read, holds no stamp or is of no known kind, or a mask is a region file and the package
        that reads it is not installed.
    """
    if not inputs:
        raise InputError("no input: name a FITS stamp, a folder, a table or a set")
    noise, psf, mask = (None if file is None else str(file) for file in (noise, psf, mask))
    common = StampSource("", "", None, noise, psf, mask, pixel_scale, lens_light, band=band, **distances)
    sources = [source for text in inputs for source in _expand(str(text), common)]
    for file in {source.mask for source in sources if source.mask and is_region_file(source.mask)}:
        library(file)  # a package that is missing ends the run here, not once for each stamp
    names = distinct_names([source.name for source in sources], [_folder_of(source) for source in sources])
    return [replace(source, name=name) for source, name in zip(sources, names, strict=True)]


def _expand(text: str, common: StampSource) -> Iterator[StampSource]:
    kind = kind_of(text)
    if kind == "part of a set" and (part := PART_OF_SET.fullmatch(text)):
        yield from _from_set(part["path"], common, int(part["first"]), int(part["last"] or part["first"]))
    elif kind == "folder":
        yield from _from_folder(Path(text), common)
    elif kind == "set":
        yield from _from_set(text, common)
    elif kind == "table":
        yield from _from_table(Path(text), common)
    else:
        yield _fits(Path(text), common)


def _fits(path: Path, common: StampSource) -> StampSource:
    suffix = next((s for s in sorted(FITS_SUFFIXES, key=len, reverse=True) if path.name.lower().endswith(s)), "")
    return replace(common, name=path.name[: len(path.name) - len(suffix)] or path.name, path=str(path))


def _from_set(path: str, common: StampSource, first: int = 0, last: int | None = None) -> Iterator[StampSource]:
    count = _count(path, _modified(path))
    last = count - 1 if last is None else last
    if not first <= last < count:
        span = f"{first}" if first == last else f"{first}-{last}"
        raise InputError(f"{path}:{span}: the set holds stamps 0 to {count - 1}")
    for index in range(first, last + 1):
        yield replace(common, name=f"{Path(path).name}:{index}", path=path, index=index)


def _from_folder(folder: Path, common: StampSource) -> Iterator[StampSource]:
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise InputError(f"{folder}: the folder cannot be read ({error.strerror}): check its permissions") from None
    files = [folder / name for name in names if name.lower().endswith(FITS_SUFFIXES) and not name.startswith(".")]
    if not files:
        raise InputError(f"{folder}: the folder holds no FITS file (.fits, .fits.gz): give the one that does")
    for path in files:
        yield _fits(path, common)


def _from_table(path: Path, common: StampSource) -> Iterator[StampSource]:
    """One stamp per row; paths are relative to the table. A row that names none becomes a source that raises when it is loaded."""
    tables = read_texts(path)
    table = next((one for one in tables if one.column(*PATH_COLUMNS) is not None), None)
    if table is None:
        names = ", ".join(name for one in tables for name in one.names)
        cut = any(one.column(*RA_COLUMNS) for one in tables)
        places = ", or name the mosaic to cut its positions from with --image" if cut else ""
        raise InputError(f"{path}: the table has no column `path` (it has {names}): add one{places}")
    if len(table) == 0:
        raise InputError(f"{path}: the table has no rows: list a stamp in each")
    given: set[str] = set()
    for number, row in enumerate(rows_of(table), start=1):
        found = list(_from_row(row, path, common, number))
        for source in found:
            chosen = replace(source, name=row.name) if row.name and len(found) == 1 else source
            if row.name and row.name in given:
                chosen = replace(chosen, status=Status.DUPLICATE, detail=f"{path.name}, row {number}: {row.name}")
            yield chosen
        given.add(row.name)


def _from_row(row: Row, table: Path, common: StampSource, number: int) -> Iterator[StampSource]:
    entry = str(table.parent / row.path) if row.path else ""
    files: dict[str, Any] = {c: placed(getattr(row, c), table.parent) or getattr(common, c) for c in COMPANIONS}
    redshifts: dict[str, Any] = {z: in_cell(getattr(row, z)) or getattr(common, z) for z in REDSHIFTS}
    light = row.lens_light.lower() or common.lens_light
    options = replace(common, **files, **redshifts, lens_light=light, mass_prior=row.mass_prior or None)
    if not entry:
        status, detail = row.why_not(f"{table.name}, row {number}")
        yield replace(options, name=f"{table.stem}-row-{number}", path=str(table), status=status, detail=detail)
        return
    entry = f"{entry}:{row.index}" if row.index and not PART_OF_SET.fullmatch(entry) else entry
    if not PART_OF_SET.fullmatch(entry) and not entry.lower().endswith(SET_SUFFIXES):
        yield _fits(Path(entry), options)
        return
    try:
        yield from _expand(entry, options)
    except InputError as error:  # one row's mistake is one row's status
        detail = str(error).removeprefix(f"{entry}: ")
        yield replace(options, name=Path(entry).name, path=entry, status=Status.NO_STAMP, detail=detail)


def placed(text: str | None, folder: Path) -> str:
    """The path of a companion relative to `folder`; a number or "none" stays as it is."""
    if not text or os.path.isfile(folder / text):
        return str(folder / text) if text else ""
    return text if text == "none" or as_number(text) is not None else str(folder / text)


def _folder_of(source: StampSource) -> Path | None:
    """The folder of a file that gave the source its name."""
    path = Path(source.path)
    return path.absolute().parent if source.index is None and source.name == _fits(path, source).name else None


def _modified(path: str) -> int:
    """Time of the last change of a file [ns]; 0 if there is none."""
    return os.stat(path).st_mtime_ns if os.path.isfile(path) else 0


@lru_cache(maxsize=64)
def _count(path: str, modified: int) -> int:
    with StampSet(path) as stamps:
        return len(stamps)


@lru_cache(maxsize=4)
def _open_set(path: str, modified: int) -> StampSet:
    return StampSet(path)
