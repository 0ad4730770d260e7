"""A stamp cut out of a tile.

Pixels are taken as they are, none is resampled: the target is at most half a pixel from the stamp's middle, and the stamp has the WCS of
its own pixels. What lies beyond the tile is NaN and masked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lenssbi.dataset.cutouts.footprint import Footprint
from lenssbi.dataset.cutouts.layers import FlagLayer, NoiseLayer, flag_layer, image_layer, noise_layer
from lenssbi.dataset.cutouts.open_files import OpenFiles
from lenssbi.dataset.cutouts.psf_grid import PlacePsf, PsfLayer, psf_layer
from lenssbi.dataset.cutouts.tiles import Tile
from lenssbi.dataset.header import SQUARE
from lenssbi.dataset.planes import Plane
from lenssbi.dataset.usable import usable_pixels
from lenssbi.status import ItemError, Status

MIDDLE = 1  # [pixels] about the target, of which one must have data


@dataclass(frozen=True)
class OpenTile:
    """A tile whose layers are open.

    Parameters
    ----------
    tile
        Its files.
    files
        The open files; the caller who opened the tile closes them.
    image, noise, flag, psf
        The layers.
    footprint
        Its place on the sky.
    primary
        Keywords of the first header of the image's file that the image does not repeat.
    """

    tile: Tile
    files: OpenFiles
    image: Plane
    noise: NoiseLayer
    flag: FlagLayer | None
    psf: PsfLayer
    footprint: Footprint
    primary: dict[str, Any]

    @staticmethod
    def open(tile: Tile, bits: int | None = None) -> OpenTile:
        """Open a tile; `bits` of its flags make a pixel bad, None for the usual ones.

        Raises
        ------
        InputError
            A layer is missing, or does not belong to the others.
        """
        files = OpenFiles()
        try:
            image = image_layer(files, tile)
            footprint = Footprint.of(image, tile.image, files.hdus(tile.image))
            noise = noise_layer(files, tile, image)
            flag = flag_layer(files, tile, image, bits)
            psf = psf_layer(files, tile, footprint)
        except BaseException:
            files.close()
            raise
        return OpenTile(tile, files, image, noise, flag, psf, footprint, dict(files.hdus(tile.image)[0].header))


@dataclass(frozen=True)
class Cut:
    """A stamp on its way into a file.

    Parameters
    ----------
    image, noise
        Pixels and one sigma [unit of the mosaic], NaN if there are none, shape (y, x).
    bad
        Pixels that no fit may use, shape (y, x).
    psf
        The PSF at the target.
    wcs
        WCS of the stamp's pixels.
    place
        Place of the target in the mosaic, x and y [pixels, counted from 1].
    usable
        Share of the pixels that can be used.
    """

    image: NDArray[Any]
    noise: NDArray[Any]
    bad: NDArray[np.bool_]
    psf: PlacePsf
    wcs: Any
    place: tuple[float, float]
    usable: float


def cut(opened: OpenTile, place: tuple[float, float], position: tuple[float, float], side: int) -> Cut:
    """Cut a stamp of `side` pixels out of a tile.

    Parameters
    ----------
    opened
        The tile.
    place
        The target in the tile, x and y [pixels, 0 in the middle of the first].
    position
        The target on the sky, ICRS [deg].
    side
        Side of the stamp [pixels].

    Raises
    ------
    ItemError
        NO_COVERAGE if there are no data at the target, NOT_SQUARE if the projection distorts the pixels there, BAD_PSF.
    """
    _check_sides(opened, place)
    image, covered, wcs = _square(opened.image, place, side, opened.footprint.wcs)
    noise = _noise(opened.noise, place, side, image)
    image, noise = _as_float(image), _as_float(noise)
    empty = ~(covered & np.isfinite(image) & np.isfinite(noise) & (noise > 0))
    flagged = np.zeros(image.shape, bool)
    if opened.flag is not None:
        flagged = covered & opened.flag.bad(lambda plane: _square(plane, place, side)[0])
    image, noise = np.where(empty, image.dtype.type(np.nan), image), np.where(empty, noise.dtype.type(np.nan), noise)
    usable = usable_pixels(image, noise, flagged) if not empty.all() else ~empty
    _check_middle(~empty, opened)
    psf = opened.psf.at(*position)
    return Cut(image, noise, flagged | empty, psf, wcs, (place[0] + 1, place[1] + 1), float(usable.mean()))


def _square(
    plane: Plane, place: tuple[float, float], side: int, wcs: Any = None
) -> tuple[NDArray[Any], NDArray[np.bool_], Any]:
    """Pixels of a square, copied out of the file; which of them lie on the tile; and their WCS."""
    from astropy.nddata import Cutout2D

    whole = np.dtype(plane.data.dtype).kind in "iu"
    found = Cutout2D(plane.data, place, (side, side), wcs=wcs, mode="partial", fill_value=0 if whole else np.nan)
    covered = np.zeros((side, side), bool)
    covered[found.slices_cutout] = True
    return np.array(found.data), covered, found.wcs


def _noise(layer: NoiseLayer, place: tuple[float, float], side: int, image: NDArray[Any]) -> NDArray[Any]:
    if layer.plane is None:
        return np.full(image.shape, layer.value, dtype=np.float64)
    return layer.sigma(_square(layer.plane, place, side)[0])


def _as_float(pixels: NDArray[Any]) -> NDArray[Any]:
    """The same numbers in a type that has NaN."""
    if pixels.dtype.kind == "f":
        return pixels
    return pixels.astype(np.float32 if pixels.dtype.itemsize <= 2 else np.float64)


def _check_sides(opened: OpenTile, place: tuple[float, float]) -> None:
    scale = opened.footprint.pixel_scale
    x, y = opened.footprint.sides(np.array([place[0]]), np.array([place[1]]))[:, 0]
    if max(abs(x - scale), abs(y - scale)) > SQUARE * scale:
        raise ItemError(
            Status.NOT_SQUARE,
            opened.tile.image,
            f"at the target they are {x:.4g}x{y:.4g} arcsec, the header says {scale:.4g}",
        )


def _check_middle(data: NDArray[np.bool_], opened: OpenTile) -> None:
    rows, columns = (slice((n - 1) // 2 - MIDDLE, n // 2 + MIDDLE + 1) for n in data.shape)
    if not data[rows, columns].any():
        raise ItemError(Status.NO_COVERAGE, opened.tile.image, "its image or its noise is empty there")
