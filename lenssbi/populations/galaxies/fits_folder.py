"""Galaxies from a folder of FITS cut-outs: one galaxy in the middle of each, linear flux, the sky left in or masked with zeros.

The first image of a file is taken; `*.fits` and `*.fit`, compressed or not, are files of the folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
from astropy.io import fits

from lenssbi.arrays import FloatArray
from lenssbi.populations.galaxies.catalogue import GalaxyEntry
from lenssbi.populations.galaxies.isolate import Portrait, central
from lenssbi.status import InputError

NAME = re.compile(r"\.fits?(\.gz|\.bz2|\.fz)?$", re.IGNORECASE)


@contextmanager
def entries(path: Path, pixel_scale: float) -> Iterator[list[GalaxyEntry]]:
    """The folder's galaxies, by folder and file.

    Parameters
    ----------
    path
        The folder.
    pixel_scale
        Side of a pixel [arcsec].

    Raises
    ------
    InputError
        If there is no such folder, no FITS file in it, or (on reading) a file has no image.
    """
    if not path.is_dir():
        raise InputError(f"{path}: there is no such folder: give the one that holds the galaxies' FITS cut-outs")
    files = sorted(file for file in path.iterdir() if NAME.search(file.name))
    if not files:
        raise InputError(f"{path}: no FITS file is in this folder: give the one that holds the galaxies' cut-outs")
    yield [
        GalaxyEntry(f"{path.resolve().name}/{NAME.sub('', f.name)}", partial(_portrait, f, pixel_scale)) for f in files
    ]


def _portrait(file: Path, pixel_scale: float) -> Portrait | None:
    return central(_image(file), pixel_scale)


def _image(file: Path) -> FloatArray:
    try:
        with fits.open(file, memmap=False) as hdus:
            found = next((hdu.data for hdu in hdus if hdu.is_image and np.ndim(hdu.data) == 2), None)
            if found is not None:
                return np.asarray(found, dtype=float)
    except (OSError, ValueError, TypeError, EOFError) as error:
        raise InputError(f"{file}: not a FITS file that can be read ({error}): take it out of the folder") from None
    raise InputError(f"{file}: the file has no two-dimensional image: take it out of the folder")
