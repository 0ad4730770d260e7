"""What kind of file or folder a user names, by its name, and for FITS files by what is in it."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Literal

from lenssbi.dataset.tables import FITS_SUFFIXES
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


def _is_list(path: Path) -> bool:
    """Whether a FITS file is a list of stamps or positions: it has a table with paths or right ascensions, and no image."""
    from astropy.io import fits

    try:
        with fits.open(path) as hdus:
            images = any(hdu.is_image and hdu.header.get("NAXIS", 0) > 0 for hdu in hdus)
            names = {str(name).lower() for hdu in hdus if hasattr(hdu, "columns") for name in hdu.columns.names}
    except Exception:  # what cannot be read is reported when it is loaded as a stamp
        return False
    return not images and not names.isdisjoint((*PATH_COLUMNS, *RA_COLUMNS))
