"""Selection of the traced angles that are vertices of a mesh: points of the image, the same for all lens models.

Most lie on a regular grid over the mask, so that after tracing they are dense where the lens magnifies (Nightingale & Dye 2015). A share of
them follows the image's light: the rest of the sub-pixels are put in the order of Hilbert's curve, which keeps neighbours together,
and vertices are taken from it at equal steps of the summed light, as PyAutoLens's Hilbert image-mesh does.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lenssbi.arrays import FloatArray
from lenssbi.reconstruction.imaging import Imaging


@lru_cache(maxsize=8)
def overlay(imaging: Imaging, n: int, brightness: float = 0.0) -> NDArray[Any]:
    """Rows of `imaging.theta`, ascending: about `n` sub-pixels of the mask, of which the share `brightness` follows the light."""
    sub = imaging.subgrid**2
    rows = (imaging.fitted[:, None] * sub + np.arange(sub)).ravel()
    followers = round(n * brightness)
    even = _regular(imaging, rows, n - followers) if followers < n else rows[:0]
    light = np.where(np.isin(rows, even), 0.0, np.repeat(imaging.brightness, sub))
    return np.sort(np.append(even, rows[_following(imaging, rows, light, followers)]))


def _regular(imaging: Imaging, rows: NDArray[Any], n: int) -> NDArray[Any]:
    """The sub-pixel nearest to the centre of each cell of a grid; a cell counts if its centre lies in one of the sub-pixels."""
    theta = imaging.theta[rows]
    step = np.sqrt(imaging.n_pixels / n) * imaging.pixel_scale
    cell = np.floor(theta.real / step) + 1j * np.floor(theta.imag / step)
    offset = theta - (cell + 0.5 + 0.5j) * step
    inside = np.maximum(abs(offset.real), abs(offset.imag)) <= 0.5001 * imaging.pixel_scale / imaging.subgrid
    order = np.argsort(abs(offset), kind="stable")
    order = order[inside[order]]
    _, first = np.unique(cell[order], return_index=True)
    return rows[order[first]]


def _following(imaging: Imaging, rows: NDArray[Any], light: FloatArray, n: int) -> NDArray[Any]:
    """Numbers of about `n` of the rows, at equal steps of their light along Hilbert's curve; each at most once."""
    if n == 0 or not light.any():
        return np.zeros(0, dtype=int)
    chance = light
    for _ in range(30):  # too much light for one vertex is redistributed to the others
        chance = np.minimum(chance * n / chance.sum(), 1.0)
    place = imaging.theta[rows] * imaging.subgrid / imaging.pixel_scale
    x, y = (np.rint(v - v.min()).astype(int) for v in (place.real, place.imag))
    order = np.argsort(_hilbert(x, y), kind="stable")
    upto = np.cumsum(chance[order])
    return order[np.flatnonzero(np.diff(np.floor(upto + 0.5), prepend=0.0))]


def _hilbert(x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    """Length of Hilbert's curve up to the cell (x, y) of a square grid (Hilbert 1891), integers from 0."""
    side = 1 << int(max(x.max(), y.max(), 1)).bit_length()
    length = np.zeros_like(x)
    half = side // 2
    while half:
        right, upper = (x & half) > 0, (y & half) > 0
        length += half**2 * ((3 * right) ^ upper)
        turned = ~upper
        x, y = np.where(turned & right, side - 1 - x, x), np.where(turned & right, side - 1 - y, y)
        x, y = np.where(turned, y, x), np.where(turned, x, y)
        half //= 2
    return length
