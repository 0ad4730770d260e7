"""Images that are fitted together with the source: the light of the lens as Gaussians of free, non-negative amplitude.

With m columns G behind the unknowns (s, a), the normal equations are

    | L^T C^-1 L + H   L^T C^-1 G | |s|   |L^T C^-1 d|
    | G^T C^-1 L       G^T C^-1 G | |a| = |G^T C^-1 d|.

The columns carry no smoothness, and their amplitudes are profiled, not marginalised: ln det runs over the source's block alone,
as in PyAutoLens (Nightingale et al. 2021). An amplitude at its bound of 0 contributes no Gaussian integral, and neighbouring
Gaussians are so similar that a determinant over them would depend on the list of widths, not on the data. The block of the columns
is the same for all lens models.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.reconstruction.imaging import Imaging, Tiles

RIDGE = 1e-12  # relative to a column's square, penalty for its square: neighbouring Gaussians are equal up to rounding


class ScaledColumns(NamedTuple):
    """Columns over the noise, each scaled to a sum of squares of 1.

    Parameters
    ----------
    rows
        Value in the pixels of each tile, shape (n_tiles, 16, m), 0 outside the mask.
    product
        G^T C^-1 G, shape (m, m).
    vector
        G^T C^-1 d, shape (m,).
    norm
        Divisor of the columns, shape (m,); infinite for a column without light inside the mask.
    ridge
        Penalty for the square of each scaled amplitude, included in `product`, shape (m,).
    """

    rows: FloatArray
    product: FloatArray
    vector: FloatArray
    norm: FloatArray
    ridge: FloatArray


def prepare(images: FloatArray | None, imaging: Imaging) -> ScaledColumns:
    """Columns of images (m, ny, nx), which may have any values outside the mask; None for no columns.

    Raises
    ------
    ValueError
        If images have another shape than the stamp, or are not finite inside the mask.
    """
    shape = imaging.mask.shape
    images = np.empty((0, *shape)) if images is None else np.asarray(images, dtype=float)
    if images.ndim != 3 or images.shape[1:] != shape:
        raise ValueError(f"columns are images of the stamp's shape (m, {shape[0]}, {shape[1]}), got {images.shape}")
    if not np.isfinite(images[:, imaging.mask]).all():
        raise ValueError("columns are finite inside the mask")
    tiles = imaging.tiles
    inside = tiles.place >= 0
    flat = np.where(imaging.mask, images, 0.0).reshape(len(images), imaging.mask.size)
    rows = np.where(inside, flat[:, tiles.place.clip(0)] * tiles.weight / imaging.flux_scale, 0.0)
    return of_rows(np.moveaxis(rows, 0, -1), tiles, RIDGE)


def of_rows(rows: FloatArray, tiles: Tiles, ridge: float) -> ScaledColumns:
    """Columns of images over the noise in the pixels of each tile, 0 outside the mask, shape (n_tiles, 16, m), and their ridge."""
    norm = np.sqrt((rows**2).sum(axis=(0, 1)))
    norm[norm == 0] = np.inf
    rows = np.ascontiguousarray(rows / norm)
    matrix = rows.reshape(tiles.place.size, norm.size)
    ridges = np.where(np.isinf(norm), 1.0, ridge)
    return ScaledColumns(rows, matrix.T @ matrix + np.diag(ridges), matrix.T @ tiles.data.ravel(), norm, ridges)


def joined(first: ScaledColumns, second: ScaledColumns) -> ScaledColumns:
    """Both side by side."""
    if second.norm.size == 0:
        return first
    m = first.norm.size
    shape = first.rows.shape[:2]
    cross = first.rows.reshape(-1, m).T @ second.rows.reshape(-1, second.norm.size)
    return ScaledColumns(
        np.concatenate([first.rows, second.rows], axis=-1).reshape(*shape, -1),
        np.block([[first.product, cross], [cross.T, second.product]]),
        np.append(first.vector, second.vector),
        np.append(first.norm, second.norm),
        np.append(first.ridge, second.ridge),
    )
