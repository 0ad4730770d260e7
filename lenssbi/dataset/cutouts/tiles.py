"""Which files make up each tile of a mosaic.

A tile is an image with its noise, its flags and its PSF. They are named one by one, in a table with a row for each tile, or found by the
names of Euclid's MER products, which lie in one folder:

    EUC_MER_BGSUB-MOSAIC-VIS_TILE102018211-....fits    the image
    EUC_MER_MOSAIC-VIS-RMS_TILE102018211-....fits      one sigma
    EUC_MER_MOSAIC-VIS-FLAG_TILE102018211-....fits     flags, bit by bit
    EUC_MER_GRID-PSF-VIS_TILE102018211-....fits        PSFs on a grid; CATALOG-PSF, those of the tile's objects, if there is no grid

(https://euclid.esac.esa.int/msp/dpdd, "Background-Subtracted Mosaic Product"). Of several versions of a product the latest is taken.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from lenssbi.dataset.header import number
from lenssbi.dataset.kinds import TABLE_SUFFIXES
from lenssbi.dataset.tables import FITS_SUFFIXES, read_texts
from lenssbi.status import InputError

PRODUCTS = {
    "noise": ("MOSAIC-{}-RMS",),
    "flag": ("MOSAIC-{}-FLAG",),
    "psf": ("GRID-PSF-{}", "CATALOG-PSF-{}"),
}
"""MER products of a tile other than its image, the preferred one first."""
IMAGE = re.compile(r"(?P<before>.*)BGSUB-MOSAIC-(?P<band>[A-Z0-9-]+?)_TILE(?P<tile>\d+)")
TILE = re.compile(r"_TILE(\d+)")
MADE = re.compile(r"_(\d{8}T\d{6}(?:\.\d+)?Z?)")  # when a product was made
COLUMNS = {"image": ("image", "path", "file"), "flag": ("flag", "mask")}
COMPANIONS = ("noise", "weight", "variance", "flag", "psf")


@dataclass(frozen=True)
class Layers:
    """The user's choice of files; a tuple has one entry for all tiles, or one for each in the order of the images.

    Parameters
    ----------
    images
        FITS files, patterns of them ("tiles/*_sci.fits"), tables with a row for each tile, folders of MER products.
    noise
        Maps of one sigma, or a number for uniform noise.
    weight, variance
        Maps of inverse variance, or of variance, instead of `noise`.
    flag
        Masks, 0 where a pixel is good.
    psf
        FITS images of a PSF, or grids of PSFs.
    band
        Band of MER products and of files with several.
    """

    images: tuple[str, ...]
    noise: tuple[str, ...] = ()
    weight: tuple[str, ...] = ()
    variance: tuple[str, ...] = ()
    flag: tuple[str, ...] = ()
    psf: tuple[str, ...] = ()
    band: str = "VIS"


@dataclass(frozen=True)
class Tile:
    """Files of one tile; layers that are None are searched for in the image's own file."""

    image: str
    noise: str | None = None
    weight: str | None = None
    variance: str | None = None
    flag: str | None = None
    psf: str | None = None
    band: str = "VIS"

    @property
    def files(self) -> tuple[str, ...]:
        """All files; a number or "none" instead of a file is left out."""
        given = (getattr(self, field.name) for field in fields(self) if field.name != "band")
        return tuple(text for text in given if text and _is_file(text))


def find_tiles(layers: Layers) -> list[Tile]:
    """The tiles that a user names, with absolute paths.

    Raises
    ------
    InputError
        No image, one that is not there, two kinds of noise, or numbers of files that do not go together.
    """
    tiles = [tile for text in layers.images for tile in _expand(text, layers.band)]
    if not tiles:
        raise InputError("no mosaic: name its image with --image")
    for name in COMPANIONS:
        tiles = _with(tiles, name, getattr(layers, name))
    tiles = [_absolute(_of_mer(tile)) for tile in tiles]
    for tile in tiles:
        kinds = [name for name in ("noise", "weight", "variance") if getattr(tile, name)]
        if len(kinds) > 1:
            raise InputError(f"{tile.image}: has {' and '.join(kinds)}: give one of them")
    return list({tile.image: tile for tile in reversed(tiles)}.values())[::-1]


def same_tile(one: str, other: str) -> bool:
    """Whether the names of two files may belong to one tile: names of MER products contain the number of their tile."""
    numbers = [found[1] for text in (one, other) if (found := TILE.search(Path(text).name))]
    return len(set(numbers)) < 2


def _expand(text: str, band: str) -> list[Tile]:
    path = Path(text)
    if path.is_dir():
        return _of_folder(path, band)
    if path.name.lower().endswith(TABLE_SUFFIXES):
        return _of_table(path, band)
    if not path.exists() and any(sign in text for sign in "*?["):
        found = sorted(name for name in glob.glob(text) if name.lower().endswith(FITS_SUFFIXES))
        if not found:
            raise InputError(f"{text}: no FITS file has such a name: check the pattern")
        return [Tile(name, band=band) for name in found]
    if not path.is_file():
        raise InputError(f"{text}: there is no such file: check the path")
    return [Tile(text, band=band)]


def _of_folder(folder: Path, band: str) -> list[Tile]:
    """Tiles of MER products, the latest version of each."""
    latest: dict[str, Path] = {}
    bands = set()
    for path in sorted(folder.iterdir(), key=_made):
        found = IMAGE.match(path.name)
        if found and path.name.lower().endswith(FITS_SUFFIXES):
            bands.add(_band(found["band"]))
            if _band(found["band"]) == _band(band):
                latest[found["tile"]] = path
    if not latest:
        has = f" (it has {', '.join(sorted(bands))})" if bands else ""
        wanted = f"BGSUB-MOSAIC-{band.replace('_', '-')}_TILE..."
        raise InputError(f"{folder}: holds no {wanted} of Euclid's MER products{has}: name the images one by one")
    return [Tile(str(latest[tile]), band=band) for tile in sorted(latest)]


def _of_table(path: Path, band: str) -> list[Tile]:
    (table,) = read_texts(path)[:1]
    columns = {name: table.column(*COLUMNS.get(name, (name,))) for name in ("image", *COMPANIONS)}
    if columns["image"] is None:
        raise InputError(f"{path}: the table has no column `image` (it has {', '.join(table.names)}): add one")
    found = []
    for row in range(len(table)):
        cells = {name: cells[row] for name, cells in columns.items() if cells is not None and cells[row]}
        if "image" not in cells:
            raise InputError(f"{path}, row {row + 1}: names no image: fill in its cell")
        placed = {name: str(path.parent / text) if _is_file(text) else text for name, text in cells.items()}
        found.append(Tile(**placed, band=band))
    return found


def _with(tiles: Sequence[Tile], name: str, files: Sequence[str]) -> list[Tile]:
    """The tiles with the files that an option names for one layer."""
    given = [one for text in files for one in (sorted(glob.glob(text)) if _is_pattern(text) else [text])]
    if not given:
        return list(tiles)
    shared = len(given) == 1 and (len(tiles) == 1 or name == "psf" or not _is_file(given[0]))
    if not shared and len(given) != len(tiles):
        raise InputError(
            f"{len(given)} files of {name} do not go with {len(tiles)} images: give one for each in the same order, "
            "or a table with a row for each tile"
        )
    return [replace(tile, **{name: given[0 if shared else i]}) for i, tile in enumerate(tiles)]


def _of_mer(tile: Tile) -> Tile:
    """A tile that has a MER product as image, with those of its layers that are in the same folder."""
    path = Path(tile.image)
    named = IMAGE.match(path.name)
    if not named:
        return tile
    missing = {name: kinds for name, kinds in PRODUCTS.items() if not getattr(tile, name)}
    if tile.weight or tile.variance:
        missing.pop("noise", None)
    found: dict[str, Any] = {
        name: next(
            filter(None, (_latest(path.parent, kind.format(named["band"]), named["tile"]) for kind in kinds)), None
        )
        for name, kinds in missing.items()
    }
    return replace(tile, band=_band(named["band"]), **found)


def _latest(folder: Path, product: str, tile: str) -> str | None:
    names = re.compile(rf"(^|.*_){re.escape(product)}_TILE{tile}\D")
    files = [p for p in folder.iterdir() if names.match(p.name) and p.name.lower().endswith(FITS_SUFFIXES)]
    return str(max(files, key=_made)) if files else None


def _made(path: Path) -> tuple[str, str]:
    found = MADE.search(path.name)
    return (found[1] if found else "", path.name)


def _band(text: str) -> str:
    return text.replace("-", "_")


def _is_pattern(text: str) -> bool:
    return not Path(text).exists() and any(sign in text for sign in "*?[")


def _absolute(tile: Tile) -> Tile:
    given = {field.name: getattr(tile, field.name) for field in fields(tile) if field.name != "band"}
    placed = {name: str(Path(text).absolute()) for name, text in given.items() if text and _is_file(text)}
    return replace(tile, **placed)


def _is_file(text: str) -> bool:
    """Whether a text names a file, and is neither a number nor "none"."""
    return Path(text).is_file() or (text != "none" and number(text) is None)
