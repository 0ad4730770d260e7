"""Which images of a file, or of several, are image, noise map, PSF and mask.

The name of an extension decides, with or without the band before it (`VIS_RMS`, `ERR`); an image without a name is taken for what it was
given as. A weight or a variance is no noise map of one sigma, whatever option it is given with, and is refused by its name.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from lenssbi.dataset.header import number
from lenssbi.dataset.planes import Plane, read_planes
from lenssbi.flags import Flag
from lenssbi.status import ItemError, Status

IMAGE_SUFFIXES = ("BGSUB", "FLUX")  # of the MER cut-outs, after the band
IMAGE_NAMES = ("SCI", "IMAGE", "DATA", "FLUX")
NOISE_NAMES = ("RMS", "NOISE", "NOISE_MAP", "NOISEMAP", "ERR", "ERROR", "SIGMA", "STD", "STDDEV", "UNCERT")
PSF_NAMES = ("PSF", "PSF_IMAGE", "PSF_KERNEL")
MASK_NAMES = ("MASK", "DQ", "FLAG", "FLAGS", "BPM", "BADPIX")
INVERSE_VARIANCES = ("IVAR", "INVVAR")
VARIANCES = ("VAR", "VARIANCE")
WEIGHTS = ("WHT", "WEIGHT", "WEIGHTS", "WT")
"""Names of an inverse variance, an exposure time or a coverage, depending on the program that wrote them."""
OTHERS = ("EXP", "EXPTIME", "CTX", "CON", "SEG", "SEGMENTATION", "COVERAGE", "BKG", "BACKGROUND", "MODEL", "RESIDUAL")
"""Extensions that are neither image nor noise, PSF or mask."""
NEGATIVE = 0.1  # share of negative pixels, of many values, from which an image is no noise map


def choose_image(planes: Sequence[Plane], path: str | Path, band: str) -> Plane:
    """The image of a stamp.

    Raises
    ------
    ItemError
        NO_IMAGE or BAD_SHAPE.
    """
    names = (*(f"{band}_{suffix}" for suffix in IMAGE_SUFFIXES), *IMAGE_NAMES)
    if (found := first_named(planes, names)) is not None:
        return flat(found, path)
    bands = sorted({p.name.rsplit("_", 1)[0] for p in planes if "_" in p.name and p.name.endswith(IMAGE_SUFFIXES)})
    if bands:
        raise ItemError(Status.NO_IMAGE, path, f"it has the bands {', '.join(bands)}, not {band}")
    others = (*NOISE_NAMES, *PSF_NAMES, *MASK_NAMES, *INVERSE_VARIANCES, *VARIANCES, *WEIGHTS)
    rest = [plane for plane in planes if not is_one_of(plane, others)]
    if not rest:
        raise ItemError(Status.NO_IMAGE, path)
    return flat(min(rest, key=lambda plane: is_one_of(plane, OTHERS)), path)


def choose_noise(planes: Sequence[Plane], file: str | Path | None, path: str | Path, band: str) -> Plane:
    """The noise map: from its own file, a number that holds for all pixels, or the stamp's own file, whose planes are given.

    A plane that is called a variance or an inverse variance is converted to one sigma if there is no noise map; its header then holds
    the flag. A weight is refused, because its meaning is ambiguous.

    Raises
    ------
    ItemError
        NO_NOISE, BAD_NOISE or BAD_SHAPE.
    """
    if file is not None and (sigma := _as_number(file)) is not None:
        return _constant(sigma, choose_image(planes, path, band), file)
    found = planes if file is None else read_planes(file)
    if (named := first_named(found, with_band(NOISE_NAMES, band))) is not None:
        return flat(named, file or path)
    if (squares := first_named(found, with_band((*VARIANCES, *INVERSE_VARIANCES), band))) is not None:
        return _one_sigma(flat(squares, file or path), file or path)
    weights = [p for p in found if is_one_of(p, WEIGHTS)]
    if file is None:
        raise ItemError(Status.NO_NOISE, path, _recipe(weights[0]) if weights else "")
    image = choose_image(planes, path, band)
    noise = only_image(found, file, NOISE_NAMES, "noise map", _recipe(weights[0]) if weights else "")
    if noise.data.shape == image.data.shape and np.array_equal(noise.data, image.data, equal_nan=True):
        raise ItemError(Status.BAD_NOISE, file, f"it is the image of {path} itself")
    below = noise.data[np.isfinite(noise.data) & (noise.data < 0)]
    if below.size > NEGATIVE * noise.data.size and np.unique(below).size > NEGATIVE * below.size:
        raise ItemError(Status.BAD_NOISE, file, f"{below.size / noise.data.size:.0%} of its pixels are negative")
    return noise


def choose_psf(planes: Sequence[Plane], file: str | Path | None, path: str | Path, band: str) -> Plane:
    """The PSF: from its own file, or from the stamp's, whose planes are given.

    Raises
    ------
    ItemError
        NO_PSF, BAD_PSF or BAD_SHAPE.
    """
    found = planes if file is None else read_planes(file)
    if (named := first_named(found, (f"{band}_PSF", *PSF_NAMES))) is not None:
        return flat(named, file or path)
    if file is None:
        raise ItemError(Status.NO_PSF, path)
    return only_image(found, file, PSF_NAMES, "PSF")


def flat(plane: Plane, path: str | Path) -> Plane:
    """The plane without axes of length one.

    Raises
    ------
    ItemError
        BAD_SHAPE for a cube, or an image of fewer than 3x3 pixels.
    """
    data = plane.data
    while len(data.shape) > 2 and data.shape[0] == 1:
        data = data[0]
    if len(data.shape) != 2 or min(data.shape) < 3:
        name = plane.name or "image"
        raise ItemError(
            Status.BAD_SHAPE, path, f"{name} is {size(plane.data.shape)} pixels, not an image with two axes"
        )
    return Plane(plane.name, data, plane.header)


def size(shape: tuple[int, ...]) -> str:
    """Sides of an image as text."""
    return "x".join(str(n) for n in shape)


def first_named(planes: Iterable[Plane], names: Sequence[str]) -> Plane | None:
    """The first plane of the first of `names` that there is."""
    named = {plane.name: plane for plane in reversed(list(planes))}
    return next((named[name] for name in names if name in named), None)


def with_band(names: Sequence[str], band: str) -> tuple[str, ...]:
    """The names with the band before them, then as they are."""
    return (*(f"{band}_{name}" for name in names), *names)


def is_one_of(plane: Plane, names: Sequence[str]) -> bool:
    """Whether a plane has one of the names, with or without a band before it."""
    return any(plane.name == name or plane.name.endswith(f"_{name}") for name in names)


def only_image(planes: Sequence[Plane], file: str | Path, names: Sequence[str], what: str, recipe: str = "") -> Plane:
    """The first image of a file that is given as `what` and has none of the names, unless its name is that of something else."""
    missing = {"PSF": Status.BAD_PSF, "mask": Status.BAD_MASK}.get(what, Status.BAD_NOISE)
    if not planes:
        raise ItemError(missing, file, "that file holds no image")
    images, weights = (*IMAGE_NAMES, *IMAGE_SUFFIXES), (*INVERSE_VARIANCES, *VARIANCES, *WEIGHTS)
    others = (*images, *NOISE_NAMES, *PSF_NAMES, *MASK_NAMES, *weights, *OTHERS)
    unclear = [plane for plane in planes if not is_one_of(plane, others) or is_one_of(plane, names)]
    if not unclear:
        raise ItemError(missing, file, recipe or f"{planes[0].name} is no {what}")
    return flat(unclear[0], file)


def _as_number(text: str | Path) -> float | None:
    """The number that was given instead of a file; None if it is a file, or no number."""
    return None if os.path.isfile(text) else number(str(text))


def _constant(sigma: float, image: Plane, given: str | Path) -> Plane:
    if not sigma > 0:
        raise ItemError(Status.BAD_NOISE, given, "one sigma is positive")
    return Plane("", np.full(image.data.shape, sigma), {})


def _one_sigma(plane: Plane, file: str | Path) -> Plane:
    """The noise map of a variance or an inverse variance; not finite where this is not positive."""
    positive = np.isfinite(plane.data) & (plane.data > 0)
    if not positive.any():
        raise ItemError(Status.BAD_NOISE, file, f"no pixel of {plane.name} is positive")
    values = np.where(positive, plane.data, np.nan)
    sigma = np.sqrt(values if is_one_of(plane, VARIANCES) else 1 / values)
    return Plane(plane.name, sigma, {**plane.header, Flag.NOISE_CONVERTED: True})


def _recipe(plane: Plane) -> str:
    """How to make a noise map from a weight map."""
    rule = f"if it is an inverse variance, give 1/sqrt({plane.name}) with --noise, or call it IVAR"
    return f"{plane.name} is a weight and no noise map of one sigma: {rule}"
