"""Isolation of one galaxy: sky subtracted, neighbours and noise removed, edges dark.

Objects are separated by photutils (Bradley et al., with the algorithms of SExtractor, Bertin & Arnouts 1996): everything above a threshold,
then deblended at many levels. A galaxy keeps its segment and fades over a rim around it, where no other object is. Its pixels go through an
adaptive Wiener filter (Lim 1990; scipy's), which averages where the light varies by no more than the noise and keeps the rest.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lenssbi.arrays import FloatArray
from lenssbi.status import InputError

if TYPE_CHECKING:
    from photutils.segmentation import SegmentationImage

FEWEST = 12  # pixels of an object
RIM = 0.3  # [radii of the circle with the segment's area]: width of the rim over which the light fades
WINDOW = 5  # [pixels] of the Wiener filter
LARGEST = 120  # [pixels]: larger galaxies are binned down
THRESHOLD = 1.0  # [sigma of a pixel] of a cut-out, smoothed by
SMOOTH = 1.5  # pixels
STRUCTURE = 6  # a galaxy's arms and clumps are finer than its radius over this, its neighbours are not
CONTRAST = 0.01  # share of the light above which a separate peak is a neighbour
OFF_CENTRE = 0.1  # [shorter sides]: largest distance of a galaxy from the middle of its cut-out
MARGIN = 2  # dark pixels around a galaxy
Mask = NDArray[np.bool_]
Segments = NDArray[np.int_]


class Portrait(NamedTuple):
    """An isolated galaxy: its image, dark at the edges, shape (n, n) with n odd, and the side of a pixel [arcsec]."""

    image: FloatArray
    pixel_scale: float


def segments(image: FloatArray, threshold: FloatArray) -> SegmentationImage:
    """Objects of an image, not yet deblended.

    Parameters
    ----------
    image
        The image without sky, smoothed, shape (y, x).
    threshold
        Threshold of objects, shape (y, x).

    Raises
    ------
    InputError
        If photutils or scikit-image, which it uses, is not installed.
    """
    try:
        import skimage.segmentation  # noqa: F401 - photutils asks for it only in the middle of its work
        from photutils.segmentation import SegmentationImage, detect_sources
    except ModuleNotFoundError as error:
        message = f"{error.name} is not installed, and galaxies need it: pip install 'lenssbi[simulate]'"
        raise InputError(message) from None
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "No sources were found")
        found = detect_sources(image, threshold, FEWEST)
    return SegmentationImage(np.zeros(image.shape, dtype=int)) if found is None else found


def deblended(image: FloatArray, found: SegmentationImage, labels: Sequence[int], contrast: float) -> Segments:
    """The same objects, `labels` of them split where a peak holds a share `contrast` of their light, shape (y, x); 0 is sky."""
    from astropy.utils.exceptions import AstropyUserWarning
    from photutils.segmentation import deblend_sources

    if not len(labels):
        return np.asarray(found.data)
    with warnings.catch_warnings():
        # linear levels are used if the geometric series of levels is impossible
        warnings.filterwarnings("ignore", "The deblending mode", AstropyUserWarning)
        split = deblend_sources(
            image, found, FEWEST, labels=labels, contrast=contrast, relabel=False, progress_bar=False
        )
    return np.asarray(split.data)


def cut(image: FloatArray, noise: float, objects: Segments, label: int, pixel_scale: float) -> Portrait | None:
    """The galaxy `label` of an image, its light's centroid in the middle; None if the image's edge cuts it.

    Parameters
    ----------
    image, noise
        Image without sky, and the scatter of a pixel near the galaxy.
    objects
        Objects of the image, shape (y, x).
    label
        Label of the galaxy.
    pixel_scale
        Side of the image's pixels [arcsec].
    """
    from scipy.signal import wiener

    inside = objects == label
    fade = max(2, round(RIM * np.sqrt(inside.sum() / np.pi)))
    rows, columns = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
    reach = fade + WINDOW
    if min(rows[0], columns[0]) < 1 or rows[-1] > inside.shape[0] - 2 or columns[-1] > inside.shape[1] - 2:
        return None
    box = tuple(slice(max(0, line[0] - reach), line[-1] + 1 + reach) for line in (rows, columns))
    inside, others = inside[box], (objects[box] != label) & (objects[box] != 0)
    inside = ndimage.binary_fill_holes(ndimage.gaussian_filter(inside.astype(float), fade / 3) > 0.5)
    if not inside.any():  # the object is one pixel wide
        return None
    with np.errstate(invalid="ignore", divide="ignore"):  # pixels of exactly the same value all around
        quiet = np.nan_to_num(wiener(image[box], WINDOW, noise**2))
    near = ndimage.distance_transform_edt(~inside) < fade
    t = np.clip(ndimage.distance_transform_edt(np.pad(near & ~others, 1))[1:-1, 1:-1] / fade, 0, 1)
    light = np.clip(quiet * t**2 * (3 - 2 * t), 0, None)
    return _centred(light, pixel_scale) if light.sum() > 0 else None


def central(image: FloatArray, pixel_scale: float) -> Portrait | None:
    """The galaxy in the middle of a cut-out; None if there is none, or the cut-out's edge cuts it.

    Parameters
    ----------
    image
        Image, shape (y, x). If most pixels are exactly 0 the cut-out counts as already masked and without sky.
    pixel_scale
        Side of its pixels [arcsec].
    """
    if not np.isfinite(image).all() or min(image.shape) < 2 * WINDOW:
        return None
    level, noise = _sky(image)
    if noise <= 0:
        return None
    image = image - level
    found = segments(ndimage.gaussian_filter(image, SMOOTH), np.full(image.shape, THRESHOLD * noise))
    whole = _nearest(np.asarray(found.data))
    if not whole:
        return None
    radius = np.sqrt((found.data == whole).sum() / np.pi)
    objects = deblended(ndimage.gaussian_filter(image, radius / STRUCTURE), found, [whole], CONTRAST)
    return cut(image, noise, objects, _nearest(objects), pixel_scale)


def _nearest(objects: Segments) -> int:
    """The object nearest to the middle of its image, 0 if none is near."""
    y, x = (np.arange(n) - (n - 1) / 2 for n in objects.shape)
    distance = np.where(objects > 0, np.hypot(y[:, None], x), np.inf)
    return int(objects.flat[distance.argmin()]) if distance.min() < OFF_CENTRE * min(objects.shape) else 0


def _sky(image: FloatArray) -> tuple[float, float]:
    """Level of the sky and the scatter of a pixel."""
    from astropy.stats import sigma_clipped_stats

    held = image != 0
    if held.mean() > 0.5:
        _, level, noise = sigma_clipped_stats(image[held], sigma=2.5, maxiters=10)
        return float(level), float(noise)
    # what a mask has left is all galaxy: there its faint half varies from pixel to pixel by little but noise
    pairs = held[:, 1:] & held[:, :-1]
    if not pairs.any():
        return 0.0, 0.0
    mean, step = (image[:, 1:] + image[:, :-1])[pairs] / 2, (image[:, 1:] - image[:, :-1])[pairs]
    return 0.0, float(1.4826 * np.median(np.abs(step[mean <= np.median(mean)])) / np.sqrt(2))


def _centred(light: FloatArray, pixel_scale: float) -> Portrait:
    """The light in an odd square around its centroid, binned until it is not much longer than LARGEST."""
    y, x = ndimage.center_of_mass(light)
    filled = np.argwhere(light > 0)
    reach = int(np.ceil(np.abs(filled - (y, x)).max()))
    bins = -(-(2 * reach + 1) // LARGEST)
    side = 2 * (-(-((2 * reach + 1) // bins) // 2)) + 1
    grid = np.indices((side * bins, side * bins)) - (side * bins - 1) / 2 + np.array([y, x])[:, None, None]
    moved = np.clip(ndimage.map_coordinates(light, grid, order=3, mode="constant"), 0, None)
    binned = moved.reshape(side, bins, side, bins).sum(axis=(1, 3))
    return Portrait(np.pad(binned, MARGIN), bins * pixel_scale)
