"""What kind of file or folder a user names, by its name, and for FITS files by what is in it."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Any, Literal

from lenssbi.dataset.tables import FITS_SUFFIXES, read_texts
from lenssbi.status import InputError

SET_SUFFIXES = (".h5", ".hdf5")
TABLE_SUFFIXES = (".ecsv", ".csv", ".parquet")
PATH_COLUMNS = ("path", "file", "filename")
RA_COLUMNS = ("ra", "right_ascension", "ra_deg", "raj2000", "_raj2000", "ra_icrs", "alpha_j2000", "coord_ra")
PART_OF_SET = re.compile(r"(?P<path>.+\.(?:h5|hdf5)):(?P<first>\d+)(?:-(?P<last>\d+))?")
Kind = Literal["part of a set", "folder", "set", "table", "stamp"]


def kind_of(text: str) -> Kind:
    """The kind of an input.

    Raises
    ------
    InputError
        There is no such file, it may not be read, or it is of no known kind.
    """
    name = text.lower()
    if PART_OF_SET.fullmatch(text):
        return "part of a set"
    if stat.S_ISDIR(_mode(text)):
        return "folder"
    if name.endswith(SET_SUFFIXES):
        return "set"
    if name.endswith(TABLE_SUFFIXES) or (name.endswith(FITS_SUFFIXES) and _is_list(Path(text))):
        return "table"
    if name.endswith(FITS_SUFFIXES):
        return "stamp"
    known = "a FITS file, a folder, a table (.ecsv, .csv, .parquet) or a set (.h5)"
    raise InputError(f"{text}: not a kind of input: give {known}")


def _mode(text: str) -> int:
    """File type bits of a path."""
    if not text.strip():
        raise InputError("an input without a name: name a FITS stamp, a folder, a table or a set")
    try:
        return os.stat(text).st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise InputError(f"{text}: there is no such file or folder: check the path") from None
    except OSError as error:
        raise InputError(f"{text}: cannot be read ({error.strerror}): check the path and its permissions") from None


def schema_of(path: Path) -> str:
    """The schema that an HDF5 file states; "" if there is none or the file cannot be read, which its reader says better."""
    import h5py

    try:
        with h5py.File(path) as file:
            return str(file.attrs.get("schema", ""))
    except OSError:
        return ""


def lists_stamps(path: Path) -> bool:
    """Whether a table lists stamps: it has a column of paths, or is text without a schema (.csv)."""
    return path.suffix == ".csv" or any(table.column(*PATH_COLUMNS) is not None for table in read_texts(path))


def is_table(path: Path) -> bool:
    """Whether a FITS file holds a binary table and no image."""
    from astropy.io import fits

    images, tables = _contents(path)
    return not images and any(isinstance(table, fits.BinTableHDU) for table in tables)


def _is_list(path: Path) -> bool:
    """Whether a FITS file is a list of stamps or positions: it has a table with paths or right ascensions, and no image."""
    images, tables = _contents(path)
    names = {str(name).lower() for table in tables for name in table.columns.names}
    return not images and not names.isdisjoint((*PATH_COLUMNS, *RA_COLUMNS))


def _contents(path: Path) -> tuple[bool, list[Any]]:
    """Whether a FITS file has an image, or else its tables; neither if it cannot be read, which is said when it is loaded as a stamp."""
    from astropy.io import fits

    try:
        with fits.open(path) as units:
            if any(unit.is_image and unit.header.get("NAXIS", 0) > 0 for unit in units):
                return True, []  # without reading the headers that follow
            tables = [unit for unit in units if hasattr(unit, "columns")]
    except Exception:  # whatever is wrong with the file
        return False, []
    return False, tables
