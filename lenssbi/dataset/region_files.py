"""Regions of DS9 as a mask: pixels inside a region are bad.

The shapes and their coordinates are read by `regions` (astropy-affiliated, an extra: ``pip install 'lenssbi[regions]'``), and only here.
A pixel is inside a region if its centre is. A region with a minus sign (DS9's "exclude") makes its pixels good again, at any position in
the file. Points, lines and text have no inside.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lenssbi.dataset.header import Header, celestial_wcs
from lenssbi.status import InputError, ItemError, Status

SUFFIX = ".reg"
HARMLESS = ("Found duplicate metadata", "DS9 ")  # warnings about colours, fonts and the like
NOWHERE = re.compile(r"[(,\s][+-]?(nan|inf)\b", re.IGNORECASE)
REMEDY = "save them in DS9 in image or in fk5 coordinates"


def is_region_file(path: object) -> bool:
    """Whether a path is that of a region file of DS9."""
    return str(path).lower().endswith(SUFFIX)


def library(path: str | Path) -> ModuleType:
    """The package `regions`, for the region file `path`.

    Raises
    ------
    InputError
        If it is not installed.
    """
    try:
        import regions
    except ImportError:
        raise InputError(
            f"{path}: region files need the package regions: pip install 'lenssbi[regions]', or give a FITS mask"
        ) from None
    return regions


def pixels_inside(path: str | Path, shape: tuple[int, int], header: Header) -> NDArray[np.bool_]:
    """Pixels whose centres lie inside the regions of a file.

    Parameters
    ----------
    path
        Region file of DS9, in image coordinates (counted from 1) or in celestial ones.
    shape
        Pixels (ny, nx) of the image.
    header
        FITS keywords of the image, whose WCS celestial coordinates need.

    Returns
    -------
    Shape (ny, nx).

    Raises
    ------
    InputError
        If the package `regions` is not installed.
    ItemError
        BAD_MASK for a file that is not a region file, that has coordinates other than those of the image or the sky, or celestial ones
        without a WCS, or in which no region has an inside; NOT_FOUND.
    """
    found = _read(path)
    inside: NDArray[np.bool_] = np.zeros(shape, bool)
    with_area = [region for region in found if _has_area(region)]
    marking = [region for region in with_area if _marks(region)]
    if not marking:
        raise ItemError(Status.BAD_MASK, path, "none of its regions has an inside that is to be masked")
    for region in marking:
        inside |= _contains(region, path, shape, header)
    for region in with_area:
        if not _marks(region):
            inside &= ~_contains(region, path, shape, header)
    return inside


def _read(path: str | Path) -> list[Any]:
    """All regions of a file; raises if one cannot be read, as it would be left unmasked."""
    regions = library(path)
    if not Path(path).is_file():
        raise ItemError(Status.NOT_FOUND, path)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = list(regions.Regions.read(str(path), format="ds9"))
    except Exception as error:  # the parser's errors have no common base class
        lines = str(error).strip().splitlines() or [type(error).__name__]
        detail = f"not a region file that can be read: {lines[0][:120]}: {REMEDY}"
        raise ItemError(Status.BAD_MASK, path, detail) from None
    messages = [" ".join(str(one.message).split()) for one in caught]
    skipped = [text for text in messages if not text.startswith(HARMLESS)]
    if skipped:
        reason = skipped[0].removesuffix(" skipping.").removesuffix(",").rstrip(".")
        raise ItemError(Status.BAD_MASK, path, f"not all of its regions can be read: {reason[:160]}: {REMEDY}")
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        if NOWHERE.search(line.partition("#")[0]):  # it would contain no pixel, and mask nothing
            raise ItemError(Status.BAD_MASK, path, f"{line.strip()[:80]}: a coordinate that is no number: {REMEDY}")
    return found


def _has_area(region: Any) -> bool:
    """Whether a region has an inside: points, lines and text have none."""
    return not type(region).__name__.startswith(("Point", "Line", "Text"))


def _marks(region: Any) -> bool:
    """Whether a region marks its pixels as bad; an excluded one does not."""
    return bool(region.meta.get("include", True))


def _contains(region: Any, path: str | Path, shape: tuple[int, int], header: Header) -> NDArray[np.bool_]:
    regions = library(path)
    if not isinstance(region, regions.PixelRegion):
        wcs = celestial_wcs(header)
        if wcs is None:
            detail = (
                "its regions are in celestial coordinates, and the image has no WCS: save them in image coordinates"
            )
            raise ItemError(Status.BAD_MASK, path, detail)
        region = region.to_pixel(wcs)
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.asarray(region.contains(regions.PixCoord(x, y)), dtype=bool)
