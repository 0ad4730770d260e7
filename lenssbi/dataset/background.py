"""The sky of a stamp, which is subtracted if it was left in.

Fits and networks assume that the sky is zero. A plane

    sky(x, y) = a + b x + c y,     x and y from -1 to 1 over the stamp

is fitted to the pixels without sources (:func:`lenssbi.dataset.noise.sky_pixels`), alternating with the search for sources, since a source
is what is brighter than the sky. The first plane goes through the medians of blocks, without the outliers, which hold the sources.
A sky within a fraction of the noise is left as it is, since it also contains the wings of the galaxies.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.dataset.noise import FEWEST, sky_pixels
from lenssbi.dataset.robust import median, scatter
from lenssbi.dataset.stamp import Stamp
from lenssbi.flags import Flag

LEVEL, SLOPE = (
    0.1,
    0.2,
)  # [sigma of a pixel]: a sky below is left as it is; 0.3 move a network's answer by many of its sigma
SIGNIFICANT = 5.0  # sigma of the mean of the sky's pixels
FAR_OFF = 3.0  # [sigma of a pixel]: a sky whose subtraction raises a flag
DOUBTFUL = (
    0.2,
    5.0,
)  # range of claimed over measured noise; beyond it the noise map belongs to another image or has another unit
BLOCKS = 8  # along a side, for the first plane
ROUNDS = 3
CLIP = 3.0  # scatters from which a pixel or block does not belong to the sky


@dataclass(frozen=True)
class SkyPlane:
    """A plane through the sky.

    Parameters
    ----------
    plane
        Level in the middle and its changes from there to the right and to the upper edge [unit], shape (3,).
    scatter
        Scatter of single pixels about it [unit].
    claimed
        The same scatter according to the noise map [unit].
    pixels
        Number of pixels that it goes through.
    """

    plane: FloatArray
    scatter: float
    claimed: float
    pixels: int

    @property
    def sigma(self) -> float:
        """The unit of level and slope [unit]: the scatter, or a part of the claimed noise if the image has none."""
        return max(self.scatter, self.claimed / DOUBTFUL[1])

    @property
    def level(self) -> float:
        """Level in the middle [sigma]."""
        return float(self.plane[0] / self.sigma)

    @property
    def slope(self) -> float:
        """Largest change from the middle to a corner [sigma]."""
        return float(np.abs(self.plane[1:]).sum() / self.sigma)

    @property
    def off(self) -> tuple[bool, bool]:
        """Whether level and slope exceed what is tolerated."""
        least = SIGNIFICANT / np.sqrt(self.pixels)
        return abs(self.level) > max(LEVEL, least), self.slope > max(SLOPE, least)

    def image(self, shape: tuple[int, int]) -> FloatArray:
        """The plane as an image [unit]."""
        return np.tensordot(self.plane, _axes(shape), 1)


def subtract_sky(stamp: Stamp) -> Stamp:
    """The stamp with its sky at zero.

    Its `info` gets "background", the largest level of the sky that was subtracted [sigma], and, if there are any, "flags":
    `background_removed` for a sky FAR_OFF and more, `noise_doubtful` for a noise map outside the range DOUBTFUL relative to the scatter of
    the sky.
    """
    sky = measure_sky(stamp)
    if sky is None:
        return stamp
    after = without_sky(stamp, sky)
    removed = float(np.abs((stamp.image - after.image)[stamp.mask]).max() / sky.sigma)
    believed = DOUBTFUL[0] * sky.scatter <= sky.claimed <= DOUBTFUL[1] * sky.scatter
    raised = {Flag.BACKGROUND_REMOVED: removed > FAR_OFF, Flag.NOISE_DOUBTFUL: not believed}
    flags = tuple(flag for flag, true in raised.items() if true)
    return with_flags(replace(after, info={**stamp.info, "background": removed}), *flags)


def with_flags(stamp: Stamp, *flags: str) -> Stamp:
    """The stamp with more flags."""
    return replace(stamp, info={**stamp.info, "flags": (*stamp.flags, *flags)}) if flags else stamp


def measure_sky(stamp: Stamp) -> SkyPlane | None:
    """The sky of a stamp; None if too few pixels show it."""
    plane: FloatArray = np.zeros(3)
    sky = _plane_through(stamp, plane)
    if sky is None or not any(sky.off):
        return sky
    plane = _first_plane(stamp)
    for _ in range(ROUNDS):
        sky = _plane_through(stamp, plane)
        if sky is None:
            return None
        plane = sky.plane
    return sky


def without_sky(stamp: Stamp, sky: SkyPlane) -> Stamp:
    """The stamp without those parts of its sky that exceed what is tolerated: level, or level and slope."""
    level, slope = sky.off
    if not (level or slope):
        return stamp
    taken = replace(sky, plane=np.where([True, slope, slope], sky.plane, 0.0))
    return replace(stamp, image=np.where(stamp.mask, stamp.image - taken.image(stamp.shape), 0.0))


def _plane_through(stamp: Stamp, start: FloatArray) -> SkyPlane | None:
    """The plane through the pixels that show no source after the plane `start` is subtracted."""
    axes = _axes(stamp.shape)
    first = np.where(stamp.mask, stamp.image - np.tensordot(start, axes, 1), 0.0)
    sky = sky_pixels(replace(stamp, image=first))
    count = int(np.count_nonzero(sky))
    if count < FEWEST:
        return None
    plane, scattered = _fit(axes.reshape(3, -1).compress(sky.ravel(), axis=1), first[sky])
    return SkyPlane(start + plane, scattered, median(stamp.noise[sky]), count)


def _first_plane(stamp: Stamp) -> FloatArray:
    """A plane through the medians of blocks, without the outliers."""
    rows, columns = (np.array_split(np.arange(n), min(BLOCKS, n)) for n in stamp.shape)
    axes, places, medians = _axes(stamp.shape), [], []
    for r in (slice(row[0], row[-1] + 1) for row in rows):
        for c in (slice(column[0], column[-1] + 1) for column in columns):
            here = stamp.mask[r, c]
            if here.any():
                medians.append(median(stamp.image[r, c][here]))
                places.append(axes[:, r, c][:, here].mean(axis=1))
    return _fit(np.transpose(places), np.array(medians))[0]


def _fit(axes: FloatArray, values: FloatArray) -> tuple[FloatArray, float]:
    """Least squares without outliers, and the scatter of the rest, for axes (3, n) and values (n,)."""
    used = np.ones(values.size, bool)
    normal, right = axes @ axes.T, axes @ values
    for _ in range(10):
        # x and y are of order one, so that the normal equations of three numbers lose nothing; the outliers are few
        outliers = np.flatnonzero(~used)
        without = axes[:, outliers]
        plane = np.linalg.lstsq(normal - without @ without.T, right - without @ values[outliers], rcond=None)[0]
        left = values - plane @ axes
        rest = left[used]
        scattered = scatter(rest) or float(np.std(rest))
        kept = np.abs(left) <= CLIP * scattered
        if np.array_equal(kept, used) or np.count_nonzero(kept) < max(3, used.size // 4):
            break
        used = kept
    return plane, scattered


def _axes(shape: tuple[int, int]) -> FloatArray:
    """1, x and y of every pixel, shape (3, *shape)."""
    axes: FloatArray = np.ones((3, *shape))
    axes[1], axes[2] = np.linspace(-1, 1, shape[1]), np.linspace(-1, 1, shape[0])[:, None]
    return axes
