"""Stamps in FITS files.

Two layouts are read: the cut-outs of Euclid's MER mosaics, with extensions `VIS_BGSUB` or `VIS_FLUX`, `VIS_PSF` and `VIS_RMS` (the same for
other bands), and plain files with an image, a noise map (one sigma) and a PSF, in extensions of one file or in several files. The first
row of a FITS image is its bottom row, as here.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from lenssbi.dataset import header
from lenssbi.dataset.background import subtract_sky, with_flags
from lenssbi.dataset.extensions import choose_image, choose_noise, choose_psf, size
from lenssbi.dataset.masks import combined, counts, read_masks
from lenssbi.dataset.planes import Plane, read_planes
from lenssbi.dataset.redshifts import in_header, with_redshifts
from lenssbi.dataset.robust import median
from lenssbi.dataset.stamp import WCS, Stamp
from lenssbi.dataset.usable import usable_pixels
from lenssbi.flags import Flag
from lenssbi.instrument import PSF
from lenssbi.status import ItemError, Status

PSF_KIND = "PSFKIND"  # keyword of a PSF: "effective" or "optical"
Kind = Literal["effective", "optical"]


def read_stamp(
    path: str | Path,
    *,
    noise: str | Path | None = None,
    psf: str | Path | None = None,
    mask: str | Path | None = None,
    pixel_scale: float | None = None,
    lens_light: str | None = None,
    band: str = "VIS",
) -> Stamp:
    """Read a stamp, renormalise its PSF, mask its bad pixels and take its sky off.

    Parameters
    ----------
    path
        The FITS file with the image.
    noise
        File with the noise map (one sigma), or one number for all pixels; takes precedence over what `path` holds.
    psf
        File with the PSF; takes precedence over what `path` holds.
    mask
        FITS file with a mask that is 0 for good pixels, or region file of DS9 (.reg) with the bad regions;
        takes precedence over the masks in `path`. "none" stands for no mask.
    pixel_scale
        Side of a pixel [arcsec]; takes precedence over the header.
    lens_light
        "none" for a stamp that shows no lens galaxy, "auto" for one that may; takes precedence over the keyword LENSLGHT of the image.
    band
        Band of a cut-out with several.

    Raises
    ------
    ItemError
        With the status that describes what is missing or wrong.
    """
    planes = read_planes(path)
    image = choose_image(planes, path, band)
    errors = choose_noise(planes, noise, path, band)
    point = choose_psf(planes, psf, path, band)
    masks = read_masks(planes, mask, path, image, band)
    if errors.data.shape != image.data.shape:
        sizes = f"the image is {size(image.data.shape)} pixels, the noise {size(errors.data.shape)}"
        raise ItemError(Status.BAD_SHAPE, noise or path, sizes)
    scale = _scale(image, pixel_scale, path)
    usable = usable_pixels(image.data, errors.data, combined(masks, image.data.shape))
    if not usable.any() or np.ptp(image.data[usable]) == 0:
        raise ItemError(Status.ALL_NAN, path, "or every pixel has the same value" if usable.any() else "")
    typical = median(errors.data[usable])
    stamp = Stamp(
        image=np.where(usable, image.data, 0.0),
        # Masked pixels keep a harmless number, so that no arithmetic on the whole array meets 1e16 or NaN.
        noise=np.where(usable, errors.data, typical),
        mask=usable,
        psf=_psf(point, image.data.shape, scale, psf or path),
        pixel_scale=scale,
        name=Path(path).name.removesuffix(".gz").removesuffix(".fz").removesuffix(".fits"),
        unit=header.unit(image.header),
        zero_point=header.zero_point(image.header),
        band=band if image.name.startswith(f"{band}_") else header.filter_name(image.header) or band,
        info={**_info(image, path, int((~usable).sum())), "masks": counts(masks)},
    )
    if Flag.NOISE_CONVERTED in errors.header:
        stamp = with_flags(stamp, Flag.NOISE_CONVERTED)
    choice = header.lens_light(image.header) if lens_light is None else lens_light
    stamp = with_redshifts(stamp, **in_header(image.header))
    return subtract_sky(stamp if choice is None else with_lens_light(stamp, choice))


def with_lens_light(stamp: Stamp, choice: str) -> Stamp:
    """The stamp with a statement on its lens galaxy: "none" if it shows none, "auto" if it may show one.

    Raises
    ------
    ItemError
        BAD_LIGHT for any other text.
    """
    if choice not in ("none", "auto"):
        raise ItemError(Status.BAD_LIGHT, stamp.name, f"got {choice}")
    info = {key: value for key, value in stamp.info.items() if key != "lens_light_subtracted"}
    return replace(stamp, info={**info, "lens_light_subtracted": True} if choice == "none" else info)


def _scale(image: Plane, given: float | None, path: str | Path) -> float:
    """Side of a pixel of the image [arcsec]."""
    if given is not None:
        if not (np.isfinite(given) and given > 0):
            raise ItemError(Status.NO_PIXEL_SCALE, path, f"got {given}")
        return float(given)
    try:
        found = header.pixel_scale(image.header)
    except ValueError as error:
        raise ItemError(Status.NOT_SQUARE, path, str(error)) from None
    if found is None:
        raise ItemError(Status.NO_PIXEL_SCALE, path)
    return found


def _psf(plane: Plane, shape: tuple[int, ...], image_scale: float, path: str | Path) -> PSF:
    """The PSF, with the pixel scale of its own header, or else that of the image."""
    data = plane.data
    try:
        pixel_scale = header.pixel_scale(plane.header) or image_scale
    except ValueError as error:
        raise ItemError(Status.BAD_PSF, path, str(error)) from None
    if not all(n % 2 for n in data.shape):
        raise ItemError(Status.BAD_SHAPE, path, f"the PSF is {size(data.shape)} pixels: pad or trim it to odd sides")
    if any(k * pixel_scale > n * image_scale for k, n in zip(data.shape, shape, strict=True)):
        sizes = f"the PSF is {size(data.shape)} pixels, larger than the image's {size(shape)}"
        raise ItemError(Status.BAD_SHAPE, path, sizes)
    if not np.isfinite(data).all() or not data.sum() > 0:
        raise ItemError(Status.BAD_PSF, path, "it is empty or not finite")
    return PSF(data, pixel_scale, _kind(plane, path))


def _kind(plane: Plane, path: str | Path) -> Kind:
    kind = str(plane.header.get(PSF_KIND) or "effective").strip().lower()
    kinds: dict[str, Kind] = {"effective": "effective", "optical": "optical"}
    if kind in kinds:
        return kinds[kind]
    raise ItemError(Status.BAD_PSF, path, f"{PSF_KIND} is effective or optical, got {kind}")


def _info(image: Plane, path: str | Path, masked: int) -> dict[str, Any]:
    """The file's metadata for the tables."""
    info: dict[str, Any] = {"path": str(path), "masked": masked}
    wcs = header.celestial_wcs(image.header)
    sky = None if wcs is None else header.sky_position(wcs, image.data.shape)
    return info if sky is None else {**info, "ra": sky[0], "dec": sky[1], WCS: header.wcs_keywords(wcs)}
