"""The noise measured on the sky, to compare with the noise map of the file.

Mosaics are resampled: neighbouring pixels share noise, and the scatter of single pixels is smaller than in a noise map that holds for
whole objects. In Euclid's first release the claim is 1.6 times the scatter of pixels, so that a perfect fit has a chi^2 of 0.4 per
pixel, but only 1.1 times the scatter of means over many pixels. A fit that assumes independent pixels with the measured scatter therefore
gives error bars that are too small; with the claimed noise they are about right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lenssbi.arrays import FloatArray
from lenssbi.dataset.morphology import connected, grown
from lenssbi.dataset.robust import median, scatter
from lenssbi.dataset.stamp import Stamp
from lenssbi.status import ItemError, Status

FEWEST = 300  # pixels: the scatter of fewer is uncertain by more than 4 per cent
SOURCE = 4.0  # a 5 x 5 mean this many of its own sigma above the sky belongs to a source; a lower threshold would remove noise
BLOCK = 5  # [pixels]: side of the squares in which sources and extended noise are measured
LOPSIDED = 1.25  # ratio of the scatter of all values to that of the lower half above which the latter is used
ROUNDED = 1e-9  # scatter over level below which rounding decides what is brighter than the sky
RIM = 3  # [pixels] around a source that its wings reach


@dataclass(frozen=True)
class SkyNoise:
    """Noise of the empty sky.

    Parameters
    ----------
    sigma
        Scatter of single pixels [unit].
    claimed
        Median of the noise map on the same pixels [unit].
    extended
        Scatter of means over 5 x 5 pixels, times 5 [unit]: the noise of extended light; equal to `sigma` for independent pixels.
    correlation
        Correlation coefficient of adjacent pixels, the mean of both axes.
    level
        Median of the sky [unit].
    pixels
        Number of pixels used.
    """

    sigma: float
    claimed: float
    extended: float
    correlation: float
    level: float
    pixels: int

    @property
    def ratio(self) -> float:
        """Claimed over measured."""
        return self.claimed / self.sigma


def sky_noise(stamp: Stamp) -> SkyNoise:
    """Measure the noise on pixels without sources.

    Raises
    ------
    ItemError
        NO_SKY if fewer than 300 such pixels are left.
    """
    sky = sky_pixels(stamp)
    if sky.sum() < FEWEST:
        raise ItemError(Status.NO_SKY, stamp.name, f"{int(sky.sum())} pixels")
    claimed = float(np.median(stamp.noise[sky]))
    level = float(np.median(stamp.image[sky]))
    z = np.where(sky, (stamp.image - level) / np.where(sky, stamp.noise, 1.0), 0.0)
    # Cosmic rays and cores of undetected sources: far outside of any Gaussian, for the products as for the scatter.
    sky &= np.abs(z) < 5 * _scatter(z[sky])
    scatter = float(np.std(z[sky]))
    pairs = [sky[1:] & sky[:-1], sky[:, 1:] & sky[:, :-1]]
    products = [z[1:] * z[:-1], z[:, 1:] * z[:, :-1]]
    correlation = np.mean([p[here].mean() for p, here in zip(products, pairs, strict=True)]) / scatter**2
    means = ndimage.uniform_filter(np.where(sky, z, 0.0), BLOCK)[ndimage.binary_erosion(sky, np.ones((BLOCK, BLOCK)))]
    extended = BLOCK * _spread(means) if means.size else float("nan")
    return SkyNoise(claimed * scatter, claimed, claimed * extended, float(correlation), level, int(sky.sum()))


def sky_pixels(stamp: Stamp) -> NDArray[np.bool_]:
    """Usable pixels away from all sources, shape (y, x)."""
    sky, masked = stamp.mask.copy(), ~stamp.mask
    noise = np.where(masked, 1.0, stamp.noise)
    light, unit = (_smooth(np.where(masked, 0.0, values / noise)) for values in (stamp.image, 1.0))
    for _ in range(5):
        if np.count_nonzero(sky) < FEWEST:
            break
        level = median(stamp.image[sky])
        smooth = light - level * unit
        step = _scatter(smooth[sky])
        if (
            not step > ROUNDED * abs(level) * unit.max()
        ):  # an image without noise: where it is even, it is so without rounding
            smooth = _smooth(np.where(masked, 0.0, (stamp.image - level) / noise))
            step = _scatter(smooth[sky])
        source = connected(smooth > SOURCE * step, smooth > SOURCE / 2 * step)
        found = stamp.mask & ~grown(source, RIM)
        if np.array_equal(found, sky):
            break
        sky = found
    return sky


def _smooth(values: FloatArray) -> FloatArray:
    return ndimage.uniform_filter(values, BLOCK)


def _spread(means: FloatArray) -> float:
    """Standard deviation, or that of the lower half if it is much smaller: an undetected faint ring is not noise."""
    below = means[means < np.median(means)] - np.median(means)
    plain, lower = float(np.std(means)), float(np.sqrt(np.mean(below**2)))
    return lower if plain > LOPSIDED * lower else plain


def _scatter(values: FloatArray) -> float:
    """Standard deviation from the median absolute deviation, above 0."""
    return max(scatter(values), float(np.finfo(float).tiny))
