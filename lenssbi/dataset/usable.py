"""Usable pixels of a stamp.

Programs mark pixels without data in different ways: NaN, a noise that is not positive or many times the usual, a value such as -99 that the
sky never takes. A mask marks them as well, but not every file has one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lenssbi.arrays import FloatArray
from lenssbi.dataset.robust import median, quantile, scatter

FLAGGED = 1e6  # noise this many times the usual marks unusable pixels (Euclid: 1e16)
IMPOSSIBLE = 1000.0  # [sigma] below the sky: not a value of a pixel with data
REPEATED = 5.0  # [sigma] below the sky, of the lowest value, if FEWEST pixels and more have it
FEWEST = 3
MOST_VALUES = 10  # largest number of different values for missing data


def usable_pixels(image: FloatArray, noise: FloatArray, bad: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels that can be used, shape (y, x).

    Parameters
    ----------
    image, noise
        Light and one sigma of each pixel, in one unit, shape (y, x).
    bad
        True for pixels that a mask marks as bad, shape (y, x).
    """
    positive = np.isfinite(noise) & (noise > 0)
    if not positive.any():
        return positive
    # A low quantile instead of the median: a cut-out at the edge of a tile may be flagged for the most part.
    typical = quantile(noise[positive], 0.1)
    usable = positive & np.isfinite(image) & ~bad & (noise <= FLAGGED * typical) & (noise * FLAGGED >= typical)
    return usable & ~_fill_values(image, noise, usable)


def _fill_values(image: FloatArray, noise: FloatArray, usable: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels with values for missing data: far below the sky, or repeated values a little below it."""
    found = np.zeros(image.shape, bool)
    if not usable.any():
        return found
    values = image[usable]
    level, sigma = median(values), max(scatter(values), median(noise[usable]))
    found |= usable & (image < level - IMPOSSIBLE * sigma)
    for _ in range(MOST_VALUES):
        rest = usable & ~found
        lowest = rest & (image == np.min(image[rest], initial=np.inf))
        if lowest.sum() < FEWEST or not image[lowest].min() < level - REPEATED * sigma:
            break
        found |= lowest
    return found
