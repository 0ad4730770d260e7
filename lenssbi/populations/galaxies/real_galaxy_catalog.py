"""Galaxies in the format of GalSim's RealGalaxyCatalog, of which the COSMOS sets are the usual ones (Mandelbaum et al. 2012, 2014).

A table lists the galaxies (`IDENT`, `MAG`, `PIXEL_SCALE`) and where their stamps are (extension `GAL_HDU` of `GAL_FILENAME`, beside the
table). The stamps are as observed by HST's F814W, not deconvolved (neither did Pearson et al. 2021), noise and PSF in them. `WEIGHT`, by
which the sample would become a flux-limited one, is not used: the population sets sizes and magnitudes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from lenssbi.populations.galaxies.catalogue import Entry
from lenssbi.populations.galaxies.isolate import Portrait, central
from lenssbi.status import InputError

COLUMNS = ("IDENT", "MAG", "PIXEL_SCALE", "GAL_FILENAME", "GAL_HDU")
PATTERN = "real_galaxy_catalog*.fits*"
COMPANIONS = ("_fits.fits", "_selection.fits")  # tables of other things with names alike


@contextmanager
def entries(path: Path) -> Iterator[list[Entry]]:
    """The catalogue's galaxies, by IDENT; their stamps can be read until the context is left.

    Parameters
    ----------
    path
        The table, or the folder that holds it.

    Raises
    ------
    InputError
        Where there is no such table, it lacks a column, or (on reading) a stamp is missing.
    """
    table = _table(path)
    rows = _rows(table)
    with ExitStack() as files:

        @cache
        def opened(name: str) -> Any:
            return files.enter_context(fits.open(table.parent / name))

        yield [
            Entry(f"cosmos-{ident}", partial(_portrait, opened, name.strip(), int(hdu), float(scale)), float(magnitude))
            for ident, magnitude, scale, name, hdu in zip(*rows, strict=True)
        ]


def _portrait(opened: Callable[[str], Any], name: str, hdu: int, pixel_scale: float) -> Portrait | None:
    try:
        image = np.asarray(opened(name)[hdu].data, dtype=float)
    except (OSError, IndexError, ValueError, TypeError) as error:
        message = f"{name}: the stamp in extension {hdu} cannot be read ({error}): put the file whole beside the catalogue's table"
        raise InputError(message) from None
    return central(image, pixel_scale)


def _table(path: Path) -> Path:
    if not path.is_dir():
        return path
    found = sorted(file for file in path.glob(PATTERN) if not any(other in file.name for other in COMPANIONS))
    if len(found) == 1:
        return found[0]
    what = "several RealGalaxyCatalog tables are" if found else "no RealGalaxyCatalog table is"
    raise InputError(f"{path}: {what} in this folder ({PATTERN}): give the table itself")


def _rows(table: Path) -> tuple[Any, ...]:
    try:
        data = fits.getdata(table, 1)
    except (OSError, IndexError, ValueError, TypeError) as error:
        raise InputError(f"{table}: not a FITS table that can be read ({error}): give a RealGalaxyCatalog") from None
    names = getattr(data, "names", None) or []
    # columns may be missing in name only: FITS does not tell capital letters from small ones
    missing = [name for name in COLUMNS if name.lower() not in [known.lower() for known in names]]
    if missing:
        raise InputError(f"{table}: not a RealGalaxyCatalog, it has no column {', '.join(missing)}: give another")
    return tuple(data[name].tolist() for name in COLUMNS)
