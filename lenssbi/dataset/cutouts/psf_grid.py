"""The PSF at a place: one image for a whole tile, or the nearest of a grid of them.

A grid is what Euclid's MER products call GRID-PSF and CATALOG-PSF: an image full of stamps of STMPSIZE pixels, and a table with
the place of each stamp in that image (`x_center`, `y_center`, counted from 1) and its place on the sky (`RA`, `Dec`, or the
tile's pixels `x`, `y`, counted from 1). A stamp that is empty or not finite is passed over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.dataset import header
from lenssbi.dataset.cutouts.footprint import Footprint
from lenssbi.dataset.cutouts.open_files import OpenFiles
from lenssbi.dataset.cutouts.tiles import Tile, same_tile
from lenssbi.dataset.extensions import PSF_NAMES, choose_psf, first_named, flat, only_image
from lenssbi.dataset.planes import Plane
from lenssbi.status import InputError, ItemError, Status

SIZE = "STMPSIZE"
KEPT = ("PSFKIND", "FWHM", "FILTER")  # keywords of a PSF that go with it
TRIED = 16  # nearest stamps of a grid that are tried until one is complete
BELONGS = 0.5  # share of a grid's stamps that lie on its tile


class PlacePsf(NamedTuple):
    """The PSF at a place.

    Parameters
    ----------
    image
        Its pixels, shape (y, x), not normalised.
    keywords
        Keywords of its header, with PIXSCALE [arcsec] if it is known.
    number
        Row of the grid's table, counted from 1; 0 for the one PSF of a tile.
    distance
        Distance from the place where it was measured [arcsec]; 0 for the one PSF of a tile.
    """

    image: FloatArray
    keywords: dict[str, Any]
    number: int = 0
    distance: float = 0.0


@dataclass(frozen=True)
class OnePsf:
    """One PSF for a whole tile."""

    plane: Plane
    file: str

    def at(self, ra: float, dec: float) -> PlacePsf:
        """The PSF, which is the same everywhere."""
        return PlacePsf(np.array(self.plane.data[:]), _keywords(self.plane))


@dataclass(frozen=True)
class PsfGrid:
    """PSFs that were measured at many places.

    Parameters
    ----------
    plane
        The image that holds the stamps.
    file
        File of the image.
    side
        Pixels of a stamp.
    places
        Places where the PSFs were measured, ICRS [deg], shape (stamp, 2).
    corners
        First row and column of each stamp in the image, shape (stamp, 2).
    numbers
        Row of each in the grid's table, counted from 1.
    """

    plane: Plane
    file: str
    side: int
    places: FloatArray
    corners: Any
    numbers: Any
    _tree: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        from scipy.spatial import cKDTree

        object.__setattr__(self, "_tree", cKDTree(_directions(*self.places.T)))

    def at(self, ra: float, dec: float) -> PlacePsf:
        """The nearest PSF that is complete.

        Raises
        ------
        ItemError
            BAD_PSF if none of the nearest is.
        """
        count = min(TRIED, len(self.places))
        chords, found = self._tree.query(_directions(np.array([ra]), np.array([dec]))[0], k=count)
        for chord, index in zip(np.atleast_1d(chords), np.atleast_1d(found), strict=True):
            y, x = self.corners[index]
            image = np.array(self.plane.data[y : y + self.side, x : x + self.side])
            if np.isfinite(image).all() and image.sum() > 0:
                distance = float(np.degrees(2 * np.arcsin(chord / 2)) * 3600)
                return PlacePsf(image, _keywords(self.plane), int(self.numbers[index]), distance)
        raise ItemError(Status.BAD_PSF, self.file, f"the {count} nearest PSFs of the grid are empty")


PsfLayer = OnePsf | PsfGrid


def psf_layer(files: OpenFiles, tile: Tile, footprint: Footprint) -> PsfLayer:
    """The PSFs of a tile: from the file that the user named, or from the image's own file.

    Raises
    ------
    InputError
        NO_PSF, BAD_PSF or BAD_SHAPE, or a grid of another tile.
    """
    path = tile.psf or tile.image
    planes = files.planes(path)
    table = _table(files.hdus(path)) if tile.psf else None
    if table is None:
        if tile.psf is None:
            return OnePsf(choose_psf(planes, None, tile.image, tile.band), path)
        return OnePsf(_one(planes, path, tile.band), path)
    if not same_tile(path, tile.image):
        raise InputError(
            f"{path}: the PSFs are of another tile than {Path(tile.image).name}: give those of the same tile"
        )
    return _grid(planes, table, path, footprint)


def _one(planes: list[Plane], path: str, band: str) -> Plane:
    named = first_named(planes, (f"{band}_PSF", *PSF_NAMES))
    return flat(named, path) if named else only_image(planes, path, PSF_NAMES, "PSF")


def _table(hdus: Any) -> Any:
    """The table of a grid, None in a file that is none."""
    from astropy.io import fits

    for hdu in hdus:
        if isinstance(hdu, fits.BinTableHDU) and not isinstance(hdu, fits.CompImageHDU):
            names = {name.lower() for name in hdu.columns.names}
            if {"x_center", "y_center"} <= names:
                return hdu.data
    return None


def _grid(planes: list[Plane], table: Any, path: str, footprint: Footprint) -> PsfGrid:
    plane = next((plane for plane in planes if header.number(plane.header.get(SIZE))), planes[0] if planes else None)
    side = header.number(plane.header.get(SIZE)) if plane else None
    if plane is None or not side or side % 2 != 1:
        raise ItemError(Status.BAD_PSF, path, f"a grid of PSFs says the odd side of its stamps in {SIZE}")
    names = {name.lower(): name for name in table.names}

    def column(name: str) -> FloatArray:
        return np.asarray(table[names[name]], dtype=float)

    if {"ra", "dec"} <= names.keys():
        places = np.stack([column("ra"), column("dec")], axis=1)
    elif {"x", "y"} <= names.keys():
        places = np.stack(footprint.sky(column("x") - 1, column("y") - 1), axis=1)
    else:
        raise ItemError(Status.BAD_PSF, path, "its table does not say of which places they are: it lacks RA and Dec")
    half = int(side) // 2
    corners = np.stack([np.round(column(name)) - 1 - half for name in ("y_center", "x_center")], axis=1)
    within = (corners >= 0).all(axis=1) & (corners + side <= np.array(plane.data.shape)).all(axis=1)
    good = np.isfinite(places).all(axis=1) & within
    if "fwhm" in names:  # MER leaves it empty where there is no star to measure
        good &= np.isfinite(column("fwhm"))
    if not good.any():
        raise ItemError(Status.BAD_PSF, path, "none of the PSFs of its table is in its image")
    on_tile = np.isfinite(footprint.pixels(*places[good].T)[0]).mean()
    if on_tile < BELONGS:
        raise InputError(
            f"{path}: {on_tile:.0%} of its PSFs lie on the tile: give the PSFs of the same tile as the image"
        )
    return PsfGrid(plane, path, int(side), places[good], corners[good].astype(int), np.flatnonzero(good) + 1)


def _keywords(plane: Plane) -> dict[str, Any]:
    found = {key: plane.header[key] for key in KEPT if key in plane.header}
    try:
        scale = header.pixel_scale(plane.header)
    except ValueError as error:
        raise ItemError(Status.BAD_PSF, plane.name, str(error)) from None
    return found if scale is None else {**found, "PIXSCALE": scale}


def _directions(ra: FloatArray, dec: FloatArray) -> FloatArray:
    """Unit vectors of positions [deg], shape (n, 3)."""
    a, d = np.radians(ra), np.radians(dec)
    return np.stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)], axis=1)
