"""Galaxies of the Hubble eXtreme Deep Field, from the picture inside scikit-image: no download.

The picture is a press release (NASA, ESA, G. Illingworth, D. Magee, P. Oesch, R. Bouwens, and the HUDF09 team): a colour JPEG with
a brightness scale for display. The encoding of its three channels (sRGB, IEC 61966-2-1) is inverted and their mean taken; earlier
processing is not known and remains. It is a source of *shapes*: of clumps, arms, bars and mergers at z = 0.5-3, with
cores that are probably flatter and outskirts that are brighter than in nature. Colours, fluxes and magnitudes have no meaning.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial

import numpy as np
from scipy import ndimage

from lenssbi.arrays import FloatArray
from lenssbi.populations.galaxies.catalogue import GalaxyEntry
from lenssbi.populations.galaxies.isolate import Mask, Portrait, Segments, cut, deblended, segments
from lenssbi.status import InputError

PIXEL_SCALE = 0.138  # [arcsec]: the field's 2.3 arcmin over a thousand pixels
MESH = 64  # [pixels] of the sky's map
THRESHOLD = 1.5  # [sigma of a pixel], smoothed by
SMOOTH = 1.0  # pixels
CONTRAST = 0.003  # share of the light above which a separate peak is a neighbour
SMALLEST = 80  # pixels of a segment that may be a galaxy of some structure
FAINTEST = 8.0  # [sigma] of the mean pixel of a segment
LIMIT = 254  # of a channel
SATURATION = 0.1  # share of a segment's light that may be in pixels of which a channel has reached its limit
STARS = (253 + 706j, 752 + 293j)  # column + i row of stars with diffraction spikes; fainter ones are too small
TOUCHING = 0.2  # share of a segment's outline that may touch another one
ISOPHOTE = 0.2  # [peak]: isophote inside which
WHOLE = 0.85  # this share of the light must be connected; otherwise it is a group of galaxies


@contextmanager
def entries() -> Iterator[list[GalaxyEntry]]:
    """The field's galaxies.

    Raises
    ------
    InputError
        If scikit-image or photutils is not installed.
    """
    yield list(_usable_galaxies())


@cache
def _usable_galaxies() -> tuple[GalaxyEntry, ...]:
    image, saturated = _picture()
    level, noise = _sky(image)
    image = image - level
    smooth = ndimage.gaussian_filter(image, SMOOTH)
    found = segments(smooth, THRESHOLD * noise)
    objects = deblended(smooth, found, found.labels[found.areas >= SMALLEST], CONTRAST)
    usual = float(np.median(noise))
    usable = []
    for label, box in enumerate(ndimage.find_objects(objects), 1):
        if box is not None and _usable(image, usual, saturated, objects, label, box):
            y, x = ((side.start + side.stop - 1) // 2 for side in box)
            usable.append(GalaxyEntry(f"hxdf-{x}-{y}", partial(_portrait, image, usual, objects, label)))
    return tuple(usable)


def _portrait(image: FloatArray, noise: float, objects: Segments, label: int) -> Portrait | None:
    portrait = cut(image, noise, objects, label, PIXEL_SCALE)
    if portrait is None:
        return None
    light = portrait.image
    bodies, n = ndimage.label(light > ISOPHOTE * ndimage.gaussian_filter(light, 0.7).max(), np.ones((3, 3)))
    shares = ndimage.sum_labels(light, bodies, range(1, n + 1))
    return portrait if shares.max() > WHOLE * shares.sum() else None


def _picture() -> tuple[FloatArray, Mask]:
    """Mean of the three channels in linear light, row 0 at the bottom, and the pixels at the limit of a channel."""
    try:
        from skimage import data
    except ModuleNotFoundError:
        message = "scikit-image is not installed, and the Hubble deep field is in it: pip install 'lenssbi[simulate]'"
        raise InputError(message) from None
    picture = data.hubble_deep_field()[::-1]
    v = picture / 255
    linear = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    return linear.mean(axis=2), (picture >= LIMIT).any(axis=2)


def _sky(image: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Level of the sky and scatter of its pixels."""
    try:
        from photutils.background import Background2D
    except ModuleNotFoundError:
        message = "photutils is not installed, and galaxies need it: pip install 'lenssbi[simulate]'"
        raise InputError(message) from None
    sky = Background2D(image, MESH)
    return sky.background, sky.background_rms


def _usable(
    image: FloatArray, noise: float, saturated: Mask, objects: Segments, label: int, box: tuple[slice, ...]
) -> bool:
    """Whether a segment is large and bright enough, not a star, not saturated, and separate from its neighbours."""
    inside = objects[box] == label
    light = image[box][inside]
    if light.size < SMALLEST or light.mean() < FAINTEST * noise:
        return False
    if any(box[0].start <= star.imag < box[0].stop and box[1].start <= star.real < box[1].stop for star in STARS):
        return False
    if light[saturated[box][inside]].sum() > SATURATION * light.sum():
        return False
    wide = tuple(slice(max(0, side.start - 1), side.stop + 1) for side in box)
    inside = objects[wide] == label
    outline = ndimage.binary_dilation(inside) & ~inside
    return bool((objects[wide][outline] != 0).mean() < TOUCHING)
