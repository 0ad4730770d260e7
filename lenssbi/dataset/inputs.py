"""What a user names on the command line, as a list of stamps to load later.

    stamp.fits · folder/ · table.ecsv (.csv, .parquet, a FITS table) · set.h5 · set.h5:7 · set.h5:10-19 (both ends included)

A source is small and can be sent to another process; the pixels are read there. What cannot be found as a whole is refused at once; what
is wrong with one stamp, or with one row of a table, shows when it is loaded, so that it becomes the status of its row.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from lenssbi.dataset.fits import read_stamp
from lenssbi.dataset.hdf5 import StampSet
from lenssbi.dataset.observed import READ
from lenssbi.dataset.stamp import Stamp
from lenssbi.dataset.tables import FITS_SUFFIXES, TextTable, read_texts
from lenssbi.status import InputError, ItemError, Status

SET_SUFFIXES = (".h5", ".hdf5")
TABLE_SUFFIXES = (".ecsv", ".csv", ".parquet")
PATH_COLUMNS = ("path", "file", "filename")
INDEX_COLUMN = "index"  # of a set: the position of the stamp
NAME_COLUMNS = ("id", "name", "object_id")
PART_OF_SET = re.compile(r"(?P<path>.+\.(?:h5|hdf5)):(?P<first>\d+)(?:-(?P<last>\d+))?")


@dataclass(frozen=True)
class StampSource:
    """Where a stamp is; cheap, and picklable.

    Parameters
    ----------
    name
        Unique among the sources of one call of `expand_inputs`.
    path
        The FITS file or the set.
    index
        Which stamp of a set; None for a FITS file.
    noise, psf
        Files for what the FITS file lacks.
    pixel_scale
        Side of a pixel [arcsec], where the FITS file does not say it.
    band
        Which band of a cut-out with several.
    status, detail
        What is wrong with the row of a table that names this stamp; None where nothing is.
    """

    name: str
    path: str
    index: int | None = None
    noise: str | None = None
    psf: str | None = None
    pixel_scale: float | None = None
    band: str = "VIS"
    status: Status | None = None
    detail: str = ""

    def load(self) -> Stamp:
        """Read the stamp; it carries this source's name.

        Raises
        ------
        ItemError
            With the status that says what is missing or wrong.
        """
        if self.status is not None:
            raise ItemError(self.status, self.path, self.detail)
        if self.index is None:
            options: dict[str, Any] = {"noise": self.noise, "psf": self.psf, "pixel_scale": self.pixel_scale}
            stamp = read_stamp(self.path, band=self.band, **options)
        else:
            stamp = self._set().stamp(self.index)
            if not stamp.mask.any():
                raise ItemError(Status.ALL_NAN, f"{self.path}:{self.index}")
        return replace(stamp, name=self.name, info={**stamp.info, READ: self._read()})

    def _read(self) -> dict[str, Any]:
        """How to read this stamp again from anywhere: what a user would name, and the options."""
        files = {name: path and str(Path(path).absolute()) for name, path in (("noise", self.noise), ("psf", self.psf))}
        path = str(Path(self.path).absolute())
        said = {**files, "pixel_scale": self.pixel_scale, "band": self.band}
        return {"input": path if self.index is None else f"{path}:{self.index}", **{k: v for k, v in said.items() if v}}

    @property
    def truth(self) -> dict[str, float] | None:
        """True parameters in physical units, None for a real stamp."""
        return None if self.index is None or self.status is not None else self._set().truth(self.index)

    def _set(self) -> StampSet:
        if not Path(self.path).is_file():
            raise ItemError(Status.NOT_FOUND, self.path)
        return _open_set(self.path, _modified(self.path))


def expand_inputs(
    inputs: Sequence[str],
    *,
    noise: str | None = None,
    psf: str | None = None,
    pixel_scale: float | None = None,
    band: str = "VIS",
) -> list[StampSource]:
    """List the stamps that `inputs` name, in their order; folders in the order of their file names.

    Parameters
    ----------
    inputs
        Files, folders, tables and (parts of) sets.
    noise, psf, pixel_scale, band
        For all FITS stamps among them, as in `read_stamp`; a table's columns `noise` and `psf` go before them.

    Raises
    ------
    InputError
        Where an input does not exist, holds no stamp or is of no known kind.
    """
    if not inputs:
        raise InputError("no input: name a FITS stamp, a folder, a table or a set")
    common = StampSource("", "", noise=noise, psf=psf, pixel_scale=pixel_scale, band=band)
    return _unique([source for text in inputs for source in _expand(str(text), common)])


def _expand(text: str, common: StampSource) -> Iterator[StampSource]:
    path, name = Path(text), text.lower()
    if part := PART_OF_SET.fullmatch(text):
        yield from _from_set(part["path"], common, int(part["first"]), int(part["last"] or part["first"]))
    elif path.is_dir():
        yield from _from_folder(path, common)
    elif not path.is_file():
        raise InputError(f"{text}: there is no such file or folder: check the path")
    elif name.endswith(SET_SUFFIXES):
        yield from _from_set(text, common)
    elif name.endswith(TABLE_SUFFIXES) or (name.endswith(FITS_SUFFIXES) and _lists_stamps(path)):
        yield from _from_table(path, common)
    elif name.endswith(FITS_SUFFIXES):
        yield _fits(path, common)
    else:
        raise InputError(
            f"{text}: not a kind of input: give a FITS file, a folder, a table (.ecsv, .csv, .parquet) or a set (.h5)"
        )


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
    files = sorted(p for p in folder.iterdir() if p.name.lower().endswith(FITS_SUFFIXES) and not p.name.startswith("."))
    if not files:
        raise InputError(f"{folder}: the folder holds no FITS file (.fits, .fits.gz): give the one that does")
    for path in files:
        yield _fits(path, common)


def _from_table(path: Path, common: StampSource) -> Iterator[StampSource]:
    """One stamp per row; paths are relative to the table. A row that names none is a source that says so when it is loaded."""
    tables = read_texts(path)
    table = next((one for one in tables if one.column(*PATH_COLUMNS) is not None), None)
    if table is None:
        names = ", ".join(name for one in tables for name in one.names)
        raise InputError(f"{path}: the table has no column `path` (it has {names}): add one")
    if len(table) == 0:
        raise InputError(f"{path}: the table has no rows: list a stamp in each")
    given: set[str] = set()
    for number, row in enumerate(_rows(table), start=1):
        found = list(_from_row(row, path, common, number))
        for source in found:
            chosen = replace(source, name=row.name) if row.name and len(found) == 1 else source
            if row.name and row.name in given:
                chosen = replace(chosen, status=Status.DUPLICATE, detail=f"{path}, row {number}: {row.name}")
            yield chosen
        given.add(row.name)


class Row(NamedTuple):
    """What the row of a table says of a stamp, "" where it says nothing."""

    name: str
    path: str
    index: str
    noise: str
    psf: str


def _rows(table: TextTable) -> Iterator[Row]:
    columns = [table.column(*names) for names in (NAME_COLUMNS, PATH_COLUMNS, (INDEX_COLUMN,), ("noise",), ("psf",))]
    return map(Row, *(columns_of if columns_of is not None else [""] * len(table) for columns_of in columns))


def _from_row(row: Row, table: Path, common: StampSource, number: int) -> Iterator[StampSource]:
    entry, noise, psf = (str(table.parent / text) if text else "" for text in (row.path, row.noise, row.psf))
    options = replace(common, noise=noise or common.noise, psf=psf or common.psf)
    if not entry:
        nowhere = f"{table}, row {number}"
        yield replace(
            options, name=f"{table.stem}-row-{number}", path=str(table), status=Status.NO_PATH, detail=nowhere
        )
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


def _lists_stamps(path: Path) -> bool:
    """Whether a FITS file lists stamps: it has a table with paths and no image."""
    from astropy.io import fits

    try:
        with fits.open(path) as hdus:
            images = any(hdu.is_image and hdu.header.get("NAXIS", 0) > 0 for hdu in hdus)
            tables = [hdu.columns.names for hdu in hdus if hasattr(hdu, "columns")]
    except Exception:  # what cannot be read is told when it is loaded as a stamp
        return False
    return not images and any(name.lower() in PATH_COLUMNS for names in tables for name in names)


def _unique(sources: list[StampSource]) -> list[StampSource]:
    """Names that occur more than once get a number."""
    taken, seen, unique = {source.name for source in sources}, Counter[str](), []
    for source in sources:
        seen[source.name] += 1
        name, number = source.name, seen[source.name]
        while number > 1 and name in taken:
            name, number = f"{source.name}-{number}", number + 1
        taken.add(name)
        unique.append(replace(source, name=name))
    return unique


def _modified(path: str) -> int:
    """When a file was last changed [ns]; 0 where there is none."""
    return Path(path).stat().st_mtime_ns if Path(path).is_file() else 0


@lru_cache(maxsize=64)
def _count(path: str, modified: int) -> int:
    with StampSet(path) as stamps:
        return len(stamps)


@lru_cache(maxsize=4)
def _open_set(path: str, modified: int) -> StampSet:
    return StampSet(path)
