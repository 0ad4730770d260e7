"""Bad pixels of a stamp according to its masks.

One convention holds everywhere: **0 is good**, and any other value is bad, whichever of its bits are set. Masks are the extensions `MASK`,
`DQ`, `FLAG` and the like of the stamp's own file, or a file that the user names: a FITS image, or a region file of DS9, whose regions hold
the bad pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lenssbi.dataset.extensions import MASK_NAMES, flat, only_image, size, with_band
from lenssbi.dataset.planes import Plane, read_planes
from lenssbi.dataset.region_files import is_region_file, pixels_inside
from lenssbi.dataset.stamp import WCS, Stamp
from lenssbi.status import ItemError, Status

NONE = "none"  # given instead of a file: no mask at all
TRUSTED = 0.5  # share of the pixels that a mask may mark: a mask that marks more may mark the good ones


@dataclass(frozen=True)
class Mask:
    """One mask of a stamp.

    Parameters
    ----------
    name
        Name of the extension, or of the file.
    bad
        True for bad pixels, shape (y, x).
    """

    name: str
    bad: NDArray[np.bool_]


def read_masks(
    planes: Sequence[Plane], file: str | Path | None, path: str | Path, image: Plane, band: str
) -> list[Mask]:
    """The masks of an image: those of the stamp's own file, or that of `file`.

    Parameters
    ----------
    planes
        Images of the stamp's file.
    file
        FITS file of a mask, or region file (.reg), which takes precedence over the masks in the stamp's file; "none" stands for no mask.
    path
        The stamp's file.
    image
        The image of the stamp.
    band
        Band of the image.

    Raises
    ------
    ItemError
        BAD_MASK, or the errors of reading `file`.
    InputError
        A region file, if the package that reads it is not installed.
    """
    if str(file) == NONE:
        return []
    if file is not None and is_region_file(file):
        ny, nx = image.data.shape
        mask = Mask(Path(file).name, pixels_inside(file, (ny, nx), image.header))
        return [_checked(mask, image, file, 1.0)]  # the meaning of a region is unambiguous
    found = list(planes) if file is None else read_planes(file)
    masks = [plane for plane in found if plane.name in (*MASK_NAMES, *with_band(MASK_NAMES, band))]
    if file is not None and not masks:
        masks = [only_image(found, file, MASK_NAMES, "mask")]
    read = []
    for plane in (flat(plane, file or path) for plane in masks):
        name = plane.name or ("the mask" if file is None else Path(file).name)
        if plane.data.shape != image.data.shape:
            sizes = f"{size(plane.data.shape)} pixels, the image {size(image.data.shape)}"
            raise ItemError(Status.BAD_MASK, file or path, f"{name} has {sizes}")
        read.append(_checked(Mask(name, plane.data != 0), image, file or path, TRUSTED))
    return read


def combined(masks: Sequence[Mask], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Pixels that any of the masks marks as bad, of the given `shape`."""
    return np.logical_or.reduce([np.zeros(shape, bool), *(mask.bad for mask in masks)])


def counts(masks: Sequence[Mask]) -> dict[str, int]:
    """Bad pixels of each mask by its name, for `lenssbi check`."""
    return {mask.name: int(mask.bad.sum()) for mask in masks}


def with_mask(stamp: Stamp, file: str | Path | None, path: str) -> Stamp:
    """A stamp that is not from a FITS file, with the mask of `file` added to its own; the same if no file is named.

    Raises
    ------
    ItemError
        The errors of `read_masks`.
    """
    if file is None or str(file) == NONE:
        return stamp
    masks = read_masks((), file, path, Plane("", stamp.image, stamp.info.get(WCS, {})), stamp.band)
    usable = stamp.mask & ~combined(masks, stamp.shape)
    if not usable.any():
        raise ItemError(Status.ALL_NAN, path)
    info = {**stamp.info, "masks": counts(masks), "masked": int((~usable).sum())}
    return replace(stamp, image=np.where(usable, stamp.image, 0.0), mask=usable, info=info)


def _checked(mask: Mask, image: Plane, path: str | Path, trusted: float) -> Mask:
    """The mask, unless it leaves nothing, or marks a larger share of the image than `trusted`."""
    usable = np.isfinite(image.data)
    share = float(mask.bad[usable].mean()) if usable.any() else 0.0
    if share == 1:
        raise ItemError(Status.BAD_MASK, path, f"{mask.name} marks every pixel as bad")
    if share > trusted:
        raise ItemError(Status.BAD_MASK, path, f"{mask.name} marks {share:.0%} of the pixels as bad")
    return mask
