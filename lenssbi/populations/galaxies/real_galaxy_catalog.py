"""Galaxies in the format of GalSim's RealGalaxyCatalog, such as the COSMOS sets (Mandelbaum et al. 2012, 2014).

A table lists the galaxies (`IDENT`, `MAG`, `PIXEL_SCALE`) and the place of their stamps (extension `GAL_HDU` of `GAL_FILENAME`, in the
folder of the table). The stamps are as observed by HST's F814W, not deconvolved (as in Pearson et al. 2021), with noise and PSF. `WEIGHT`,
which would make the sample flux-limited, is not used: the population sets sizes and magnitudes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from lenssbi.populations.galaxies.catalogue import GalaxyEntry
from lenssbi.populations.galaxies.isolate import Portrait, central
from lenssbi.status import InputError

COLUMNS = ("IDENT", "MAG", "PIXEL_SCALE", "GAL_FILENAME", "GAL_HDU")
PATTERN = "real_galaxy_catalog*.fits*"
COMPANIONS = ("_fits.fits", "_selection.fits")  # other tables with similar names


@contextmanager
def entries(path: Path) -> Iterator[list[GalaxyEntry]]:
    """The catalogue's galaxies, by IDENT; their stamps can be read until the context is left.

    Parameters
    ----------
    path
        Table, or the folder that contains it.

    Raises
    ------
    InputError
        If there is no such table, it lacks a column, or (on reading) a stamp is missing.
    """
    table = _table(path)
    rows = _rows(table)
    with ExitStack() as files:

        @cache
        def opened(name: str) -> Any:
            return files.enter_context(fits.open(table.parent / name))

        yield [
            GalaxyEntry(
                f"cosmos-{ident}", partial(_portrait, opened, name.strip(), int(hdu), float(scale)), float(magnitude)
            )
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
    # FITS does not distinguish upper and lower case in the names of columns
    missing = [name for name in COLUMNS if name.lower() not in [known.lower() for known in names]]
    if missing:
        raise InputError(f"{table}: not a RealGalaxyCatalog, it has no column {', '.join(missing)}: give another")
    return tuple(data[name].tolist() for name in COLUMNS)
