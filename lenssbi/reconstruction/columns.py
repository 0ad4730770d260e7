"""Images that are fitted beside the source: the light of the lens as Gaussians of free, non-negative amplitude.

With m columns G behind the unknowns (s, a), the normal equations are

    | L^T C^-1 L + H   L^T C^-1 G | |s|   |L^T C^-1 d|
    | G^T C^-1 L       G^T C^-1 G | |a| = |G^T C^-1 d|.

The columns carry no smoothness, and their amplitudes are profiled, not marginalised: ln det runs over the source's block alone,
as in PyAutoLens (Nightingale et al. 2021). An amplitude held at its bound of 0 has no Gaussian integral to contribute, and neighbouring
Gaussians are so alike that a determinant over them would measure the list of widths, not the data. The block of the columns
is the same for all lens models.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.reconstruction.imaging import Imaging, Tiles

RIDGE = 1e-12  # of a column's own square, charged for its square: neighbouring Gaussians are alike to rounding


class Columns(NamedTuple):
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
        What the columns were divided by, shape (m,); infinite for a column that has no light inside the mask.
    ridge
        Charge for the square of each scaled amplitude, in `product` already, shape (m,).
    """

    rows: FloatArray
    product: FloatArray
    vector: FloatArray
    norm: FloatArray
    ridge: FloatArray


def prepare(images: FloatArray | None, imaging: Imaging) -> Columns:
    """Columns of images (m, ny, nx), which may hold anything outside the mask; None is no column.

    Raises
    ------
    ValueError
        Images of another shape than the stamp, or not finite inside the mask.
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


def of_rows(rows: FloatArray, tiles: Tiles, ridge: float) -> Columns:
    """Columns of images over the noise in the pixels of each tile, 0 outside the mask, shape (n_tiles, 16, m), and their ridge."""
    norm = np.sqrt((rows**2).sum(axis=(0, 1)))
    norm[norm == 0] = np.inf
    rows = np.ascontiguousarray(rows / norm)
    matrix = rows.reshape(tiles.place.size, norm.size)
    ridges = np.where(np.isinf(norm), 1.0, ridge)
    return Columns(rows, matrix.T @ matrix + np.diag(ridges), matrix.T @ tiles.data.ravel(), norm, ridges)


def joined(first: Columns, second: Columns) -> Columns:
    """Both side by side."""
    if second.norm.size == 0:
        return first
    m = first.norm.size
    shape = first.rows.shape[:2]
    cross = first.rows.reshape(-1, m).T @ second.rows.reshape(-1, second.norm.size)
    return Columns(
        np.concatenate([first.rows, second.rows], axis=-1).reshape(*shape, -1),
        np.block([[first.product, cross], [cross.T, second.product]]),
        np.append(first.vector, second.vector),
        np.append(first.norm, second.norm),
        np.append(first.ridge, second.ridge),
    )
