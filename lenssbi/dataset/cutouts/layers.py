"""The layers of a tile: image, noise and masks, and whether they belong together."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lenssbi.dataset.cutouts.open_files import OpenFiles
from lenssbi.dataset.cutouts.tiles import Tile, same_tile
from lenssbi.dataset.extensions import (
    INVERSE_VARIANCES,
    MASK_NAMES,
    NOISE_NAMES,
    VARIANCES,
    WEIGHTS,
    choose_image,
    first_named,
    flat,
    is_one_of,
    only_image,
    size,
    with_band,
)
from lenssbi.dataset.header import number
from lenssbi.dataset.planes import Plane
from lenssbi.status import InputError, ItemError, Status

Kind = Literal["sigma", "weight", "variance", "constant"]
OBJECTS = 1 << 13 | 1 << 24
"""Bits EXTOBJ and OBJECTS of Euclid's flags (DPDD 1.1, "Vis Flag Map Product"), which mark objects and not bad pixels."""
PLANES_OF_OBJECTS = ("MP_DETECTED", "MP_DETECTED_NEGATIVE", "MP_NOT_DEBLENDED")  # the same in Rubin's masks


@dataclass(frozen=True)
class NoiseLayer:
    """Source of the noise of a tile.

    Parameters
    ----------
    kind
        Meaning of the pixels.
    plane
        The pixels, None for a constant.
    value
        The constant [unit of the image].
    file
        File of the plane, or the constant as text.
    """

    kind: Kind
    plane: Plane | None
    value: float
    file: str

    @property
    def recipe(self) -> str:
        """How one sigma follows from the pixels."""
        return {"sigma": "sigma", "weight": "1/sqrt(weight)", "variance": "sqrt(variance)", "constant": "constant"}[
            self.kind
        ]

    def sigma(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """One sigma of pixels of the plane; NaN if there is none."""
        if self.kind in ("sigma", "constant"):
            return pixels
        values = pixels.astype(float)
        with np.errstate(divide="ignore", invalid="ignore"):
            found = 1 / np.sqrt(values) if self.kind == "weight" else np.sqrt(values)
        good = np.isfinite(found) & (values > 0)
        return np.where(good, found, np.nan).astype(pixels.dtype if pixels.dtype.kind == "f" else float)


@dataclass(frozen=True)
class FlagLayer:
    """The masks of a tile, 0 where a pixel is good in each; `bits` are those that count, None for all."""

    planes: tuple[Plane, ...]
    file: str
    bits: int | None

    def bad(self, cut: Any) -> NDArray[np.bool_]:
        """Which pixels are bad; `cut` takes the pixels of a plane."""
        return np.logical_or.reduce([_bad(cut(plane), self.bits) for plane in self.planes])


def image_layer(files: OpenFiles, tile: Tile) -> Plane:
    """The image of a tile.

    Raises
    ------
    ItemError
        NO_IMAGE or BAD_SHAPE, or the errors of reading.
    """
    return choose_image(files.planes(tile.image), tile.image, tile.band)


def noise_layer(files: OpenFiles, tile: Tile, image: Plane) -> NoiseLayer:
    """The noise of a tile: what was named, or a map of one sigma or of the variance in the image's own file.

    Raises
    ------
    InputError
        NO_NOISE, BAD_NOISE; a map of another shape, unit or tile.
    """
    given = [(kind, text) for kind in ("noise", "weight", "variance") if (text := getattr(tile, kind))]
    if not given:
        return _own_noise(files, tile, image)
    ((option, text),) = given
    if option == "noise" and (constant := number(text)) is not None and not os.path.isfile(text):
        if constant <= 0:
            raise ItemError(Status.BAD_NOISE, text, "one sigma is positive")
        return NoiseLayer("constant", None, constant, text)
    names = {"noise": NOISE_NAMES, "weight": (*INVERSE_VARIANCES, *WEIGHTS), "variance": VARIANCES}[option]
    kind: Kind = {"noise": "sigma", "weight": "weight", "variance": "variance"}[option]  # type: ignore[assignment]
    planes = files.planes(text)
    named = first_named(planes, with_band(names, tile.band))
    words = {"noise": "noise map", "weight": "weight map", "variance": "variance map"}[option]
    plane = flat(named, text) if named else only_image(planes, text, names, words, _other_option(planes))
    _check(plane, text, image, tile.image, words, with_unit=option == "noise")
    return NoiseLayer(kind, plane, np.nan, text)


def flag_layer(files: OpenFiles, tile: Tile, image: Plane, bits: int | None) -> FlagLayer | None:
    """The masks of a tile, those that were named or those in the image's own file; None if there are none.

    Parameters
    ----------
    files, tile, image
        The open files, the tile and its image.
    bits
        Bits that make a pixel bad; None for all but those that mark objects in Euclid's and Rubin's flags.

    Raises
    ------
    InputError
        BAD_MASK; a mask of another shape or tile.
    """
    if tile.flag == "none":
        return None
    path = tile.flag or tile.image
    planes = files.planes(path)
    masks = [plane for plane in planes if plane.name in with_band(MASK_NAMES, tile.band)]
    if tile.flag and not masks:
        masks = [only_image(planes, path, MASK_NAMES, "mask")]
    masks = [flat(plane, path) for plane in masks]
    for mask in masks:
        _check(mask, path, image, tile.image, "mask")
    if not masks:
        return None
    return FlagLayer(tuple(masks), path, bits if bits is not None else _usual_bits(masks[0], path))


def _own_noise(files: OpenFiles, tile: Tile, image: Plane) -> NoiseLayer:
    planes = files.planes(tile.image)
    kinds: tuple[tuple[Kind, Sequence[str]], ...] = (("sigma", NOISE_NAMES), ("variance", VARIANCES))
    for kind, names in kinds:
        if (found := first_named(planes, with_band(names, tile.band))) is not None:
            plane = flat(found, tile.image)
            _check(plane, tile.image, image, tile.image, "noise map")
            return NoiseLayer(kind, plane, np.nan, tile.image)
    weights = [plane.name for plane in planes if is_one_of(plane, (*INVERSE_VARIANCES, *WEIGHTS))]
    advice = f"if {weights[0]} is an inverse variance, give --weight {tile.image}" if weights else ""
    raise ItemError(Status.NO_NOISE, tile.image, advice or "a weight with --weight, a variance with --variance")


def _other_option(planes: Sequence[Plane]) -> str:
    """The option that a map should have been given with, by its name."""
    kinds = (
        (NOISE_NAMES, "a noise map", "noise"),
        ((*INVERSE_VARIANCES, *WEIGHTS), "a weight", "weight"),
        (VARIANCES, "a variance", "variance"),
    )
    for names, what, option in kinds:
        found = [plane.name for plane in planes if is_one_of(plane, names)]
        if found:
            return f"{found[0]} is {what}: give it with --{option}"
    return ""


def _check(plane: Plane, path: str, image: Plane, image_path: str, what: str, with_unit: bool = False) -> None:
    """Refuse a layer of another tile, shape or unit."""
    if not same_tile(path, image_path):
        raise InputError(
            f"{path}: the {what} is of another tile than {Path(image_path).name}: give that of the same tile"
        )
    if plane.data.shape != image.data.shape:
        sizes = f"the {what} has {size(plane.data.shape)} pixels, {Path(image_path).name} {size(image.data.shape)}"
        raise InputError(f"{path}: {sizes}: give one with the same pixels")
    units = [str(one.header.get("BUNIT") or "").strip() for one in (plane, image)]
    if with_unit and all(units) and _plain(units[0]) != _plain(units[1]):
        raise InputError(
            f"{path}: the {what} is in {units[0]}, {Path(image_path).name} in {units[1]}: bring them to one unit"
        )


def _plain(text: str) -> str:
    """A unit in a form that can be compared."""
    from astropy import units

    try:
        return units.Unit(text).decompose().to_string()
    except ValueError:
        return text.replace(" ", "").lower()


def _usual_bits(mask: Plane, path: str) -> int | None:
    """Which bits of a mask mark bad pixels; None for all."""
    if "EUC_MER" in Path(path).name or "-FLAG_TILE" in Path(path).name:
        return ~OBJECTS
    rubin = [number(mask.header.get(key)) for key in PLANES_OF_OBJECTS]
    marks = sum(1 << int(bit) for bit in rubin if bit is not None)
    return ~marks if marks else None


def _bad(pixels: NDArray[Any], bits: int | None) -> NDArray[np.bool_]:
    if bits is None:
        return np.asarray(pixels != 0)
    whole = pixels if pixels.dtype.kind in "iu" else np.nan_to_num(pixels, nan=-1.0)
    return np.asarray((whole.astype(np.int64) & bits) != 0)
