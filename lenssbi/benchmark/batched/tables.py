"""A stamp as flat tables with one row per pixel of the mask, for batched evaluations."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import coo_array, csr_array

from lenssbi.reconstruction.imaging import Imaging
from lenssbi.reconstruction.mesh import image_light


class LensTable(NamedTuple):
    """Tables of one lens (arrays), or of several in a row (tensors with one axis more).

    Pixel i of the mask gets `blur[i, k]` of the brightness at row `sub[i, k]` of `theta`, over its noise; shape (n_pixels, reached).
    `data` is image / sigma, `share` the pixel's weight in laying the mesh, `fitted` as in `Imaging`. For each row of `theta`,
    `counted` is 1, `light` the image's brightness, or 0 outside the mask, and `seen` 1, or 0 outside. `noise_norm` has one entry.
    """

    theta: Any
    counted: Any
    light: Any
    seen: Any
    fitted: Any
    share: Any
    sub: Any
    blur: Any
    data: Any
    noise_norm: Any


def lens_table(imaging: Imaging, brightness: float) -> LensTable:
    """Tables of a stamp; `brightness` is `Rectangular`'s."""
    light, blurring = image_light(imaging), _blurring(imaging)
    row = np.repeat(np.arange(imaging.n_pixels), np.diff(blurring.indptr))
    place = np.arange(row.size) - blurring.indptr[row]
    shape = imaging.n_pixels, int(place.max()) + 1
    sub, blur = np.zeros(shape, np.int64), np.zeros(shape)
    sub[row, place], blur[row, place] = blurring.indices, blurring.data
    noise = imaging.noise[imaging.mask]
    return LensTable(
        theta=imaging.theta,
        counted=np.ones(imaging.theta.size),
        light=np.nan_to_num(light),
        seen=1.0 - np.isnan(light),
        fitted=imaging.fitted,
        share=(1 - brightness) / imaging.n_pixels + brightness * imaging.brightness,
        sub=sub,
        blur=blur,
        data=imaging.data[imaging.mask] / noise,
        noise_norm=np.array([np.sum(np.log(2 * np.pi * noise**2))]),
    )


def _blurring(imaging: Imaging) -> csr_array:
    """Pixels of the mask x rows of `theta`: the tiles' kernels, over the noise and times flux_scale."""
    tiles, sub = imaging.tiles, imaging.subgrid**2
    number = np.full(imaging.mask.size, -1)
    number[imaging.mask.ravel()] = np.arange(imaging.n_pixels)
    rows, columns, values = [], [], []
    for t in range(len(tiles.place)):
        inside = np.flatnonzero(tiles.place[t] >= 0)
        entries = slice(tiles.start[t], tiles.start[t + 1])
        shares = tiles.kernel[tiles.slot[entries], :sub][..., inside] * tiles.weight[t, inside]
        entry, s, p = np.nonzero(shares)
        rows.append(number[tiles.place[t, inside]][p])
        columns.append(tiles.pixel[entries][entry] * sub + s)
        values.append(shares[entry, s, p])
    triplets = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
    return coo_array(triplets, shape=(imaging.n_pixels, imaging.theta.size)).tocsr()
