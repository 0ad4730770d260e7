"""Stamps in FITS files.

Two layouts are read: the cut-outs of Euclid's MER mosaics, with extensions `VIS_BGSUB` or `VIS_FLUX`, `VIS_PSF` and `VIS_RMS` (the same for
other bands), and plain files with an image, a noise map (one sigma) and a PSF, in extensions of one file or in several files. The first
row of a FITS image is its bottom row, as here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lenssbi.arrays import FloatArray
from lenssbi.dataset.planes import Plane, read_planes
from lenssbi.dataset.stamp import Stamp
from lenssbi.instrument import PSF
from lenssbi.status import ItemError, Status

IMAGE_SUFFIXES = ("BGSUB", "FLUX")  # of the MER cut-outs, after the band
IMAGE_NAMES = ("SCI", "IMAGE", "DATA", "FLUX")
NOISE_NAMES = ("RMS", "NOISE", "NOISE_MAP", "NOISEMAP", "ERR", "ERROR", "SIGMA", "STD")
PSF_NAMES = ("PSF", "PSF_IMAGE")
NOT_IMAGES = ("MASK", "DQ", "WHT", "WEIGHT", "VAR", "VARIANCE", "IVAR", "FLAG", "FLAGS")
ZERO_POINTS = ("MAGZERO", "MAGZPT", "ZEROPNT", "PHOTZP", "ZP")
FLAGGED = 1e6  # noise this many times the usual says "do not use" (Euclid: 1e16)


def read_stamp(
    path: str | Path,
    *,
    noise: str | Path | None = None,
    psf: str | Path | None = None,
    pixel_scale: float | None = None,
    band: str = "VIS",
) -> Stamp:
    """Read a stamp, renormalise its PSF and mask its flagged pixels.

    Parameters
    ----------
    path
        The FITS file with the image.
    noise, psf
        Files with the noise map (one sigma) and the PSF; they go before what `path` holds.
    pixel_scale
        Side of a pixel [arcsec]; goes before what the header says.
    band
        Which band of a cut-out with several.

    Raises
    ------
    ItemError
        With the status that says what is missing or wrong.
    """
    planes = read_planes(path)
    image = _choose_image(planes, path, band)
    errors = _companion(planes, noise, (f"{band}_RMS", *NOISE_NAMES), Status.NO_NOISE, path)
    point = _companion(planes, psf, (f"{band}_PSF", *PSF_NAMES), Status.NO_PSF, path)
    if errors.data.shape != image.data.shape:
        raise ItemError(
            Status.BAD_SHAPE, noise or path, f"the image is {_size(image.data)} pixels, the noise {_size(errors.data)}"
        )
    scale = pixel_scale or image.pixel_scale
    if scale is None or not np.isfinite(scale) or scale <= 0:
        raise ItemError(Status.NO_PIXEL_SCALE, path, "" if pixel_scale is None else f"got {pixel_scale}")
    kernel = _psf(point, image.data.shape, scale, psf or path)
    mask = _usable(image.data, errors.data)
    if not mask.any() or np.ptp(image.data[mask]) == 0:
        raise ItemError(Status.ALL_NAN, path, "or every pixel has the same value" if mask.any() else "")
    typical = float(np.median(errors.data[mask]))
    zero_point = next((float(image.header[k]) for k in ZERO_POINTS if _is_number(image.header.get(k))), None)
    return Stamp(
        image=np.where(mask, image.data, 0.0),
        # Masked pixels keep a harmless number, so that no arithmetic on the whole array meets 1e16 or NaN.
        noise=np.where(mask, errors.data, typical),
        mask=mask,
        psf=kernel,
        pixel_scale=float(scale),
        name=Path(path).name.removesuffix(".gz").removesuffix(".fz").removesuffix(".fits"),
        unit=str(image.header.get("BUNIT") or ("ADU/s" if "MAGZERO" in image.header else "")).strip(),
        zero_point=zero_point,
        band=_band(image, band),
        info=_info(image, path, mask),
    )


def _choose_image(planes: Sequence[Plane], path: str | Path, band: str) -> Plane:
    named = {plane.name: plane for plane in reversed(planes)}
    for name in (*(f"{band}_{suffix}" for suffix in IMAGE_SUFFIXES), *IMAGE_NAMES):
        if name in named:
            return _flat(named[name], path)
    bands = sorted({n.rsplit("_", 1)[0] for n in named if n.rsplit("_", 1)[-1] in IMAGE_SUFFIXES})
    if bands:
        raise ItemError(Status.NO_IMAGE, path, f"it has the bands {', '.join(bands)}, not {band}")
    others = (*NOISE_NAMES, *PSF_NAMES, *NOT_IMAGES)
    rest = [plane for plane in planes if not any(plane.name == o or plane.name.endswith(f"_{o}") for o in others)]
    if not rest:
        raise ItemError(Status.NO_IMAGE, path)
    return _flat(rest[0], path)


def _companion(
    planes: Sequence[Plane], file: str | Path | None, names: Sequence[str], missing: Status, path: str | Path
) -> Plane:
    """The noise or PSF: from its own file, where the only image needs no name, or from an extension of the stamp's file."""
    found = read_planes(file) if file is not None else planes
    named = {plane.name: plane for plane in reversed(found)}
    for name in names:
        if name in named:
            return _flat(named[name], file or path)
    if file is not None and found:
        return _flat(found[0], file)
    raise ItemError(missing, file or path, "" if file is None else "that file holds no image")


def _flat(plane: Plane, path: str | Path) -> Plane:
    """Drop axes of length one; refuse cubes."""
    data = plane.data
    while data.ndim > 2 and data.shape[0] == 1:
        data = data[0]
    if data.ndim != 2 or min(data.shape) < 3:
        name = plane.name or "image"
        raise ItemError(Status.BAD_SHAPE, path, f"{name} is {_size(plane.data)} pixels, not an image with two axes")
    return Plane(plane.name, data, plane.header)


def _psf(plane: Plane, shape: tuple[int, ...], image_scale: float, path: str | Path) -> PSF:
    """The PSF, sampled as its own header says, or else as the image is."""
    data, pixel_scale = plane.data, plane.pixel_scale or image_scale
    if not all(n % 2 for n in data.shape):
        raise ItemError(Status.BAD_SHAPE, path, f"the PSF is {_size(data)} pixels: pad or trim it to odd sides")
    if any(k * pixel_scale > n * image_scale for k, n in zip(data.shape, shape, strict=True)):
        raise ItemError(
            Status.BAD_SHAPE, path, f"the PSF is {_size(data)} pixels, larger than the image's {_size(shape)}"
        )
    if not np.isfinite(data).all() or not data.sum() > 0:
        raise ItemError(Status.BAD_PSF, path)
    return PSF(data, pixel_scale, "effective")


def _usable(image: FloatArray, noise: FloatArray) -> NDArray[np.bool_]:
    positive = np.isfinite(noise) & (noise > 0)
    if not positive.any():
        return positive
    # A low quantile in the place of the median: a cut-out at the edge of a tile may be flagged for the most part.
    typical = np.quantile(noise[positive], 0.1)
    return positive & np.isfinite(image) & (noise <= FLAGGED * typical) & (noise * FLAGGED >= typical)


def _band(image: Plane, asked: str) -> str:
    """The band that was asked for, unless a plain image says that it was taken through another filter."""
    if image.name.startswith(f"{asked}_"):
        return asked
    said = (str(image.header.get(key) or "").strip() for key in ("FILTER", "BAND"))
    return next(filter(None, said), asked)


def _info(image: Plane, path: str | Path, mask: NDArray[np.bool_]) -> dict[str, Any]:
    """What the file says beside the numbers, for the tables."""
    info: dict[str, Any] = {"path": str(path), "masked": int((~mask).sum())}
    sky = image.sky_position
    return info if sky is None else {**info, "ra": sky[0], "dec": sky[1]}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and bool(np.isfinite(value))


def _size(shape: FloatArray | tuple[int, ...]) -> str:
    return "x".join(str(n) for n in (shape.shape if isinstance(shape, np.ndarray) else shape))
