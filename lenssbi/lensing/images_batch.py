"""Image positions of a batch of lenses, one source point each: the search of `lensing/images.py` on flat lists.

Every tile of cells and every Newton iterate belongs to one of the lenses and carries its parameters, so that a thousand lenses are
searched at once: the same triangles, the same finer tiles around folds and tears, the same tolerances.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lenssbi.arrays import ComplexArray, FloatArray
from lenssbi.batching import take
from lenssbi.lensing.deflector import Deflector
from lenssbi.lensing.images import FINER, LEVELS, RESIDUAL, hits, unresolved
from lenssbi.lensing.jacobian import derivatives, determinant
from lenssbi.lensing.prepared import prepared

CHUNK = 64
MOST = 5  # images whose positions are kept
STEPS = 40
Integers = NDArray[np.int64]


class ImageTable(NamedTuple):
    """The images of one point behind each of n lenses, brightest first; central images (maxima of the arrival time) are left out."""

    multiplicity: Integers
    """Number of images, shape (n,)."""
    theta: ComplexArray
    """Positions [arcsec] of the brightest MOST, complex, NaN if there are fewer, shape (n, MOST)."""
    magnification: FloatArray
    """Signed magnifications, shape (n, MOST)."""

    def info(self, i: int) -> dict[str, Any]:
        """The entries of a catalogue for lens i."""
        places = {"image_x": self.theta[i].real, "image_y": self.theta[i].imag}
        return {"multiplicity": self.multiplicity[i], **places, "image_magnification": self.magnification[i]}


def image_tables(
    lens: Deflector, beta: ComplexArray, half_width: FloatArray, n: int = 24, faintest: float = 1e-3
) -> ImageTable:
    """All images of one source-plane point behind each lens.

    Parameters
    ----------
    lens
        Deflectors of NumPy arrays of shape (count, 1, 1), or numbers that all share.
    beta
        Source-plane angles [arcsec], shape (count,).
    half_width
        Half the sides of the squares searched, centred on 0 [arcsec], shape (count,).
    n
        Number of cells along the side.
    faintest
        Least |magnification| that counts as an image.
    """
    lens = prepared(lens)
    parts = []
    for first in range(0, len(beta), CHUNK):
        rows = np.arange(first, min(first + CHUNK, len(beta)))
        parts.append(_search(take(lens, rows), beta[rows], half_width[rows], n, faintest))
    return ImageTable(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _search(lens: Deflector, beta: ComplexArray, half_width: FloatArray, n: int, faintest: float) -> ImageTable:
    count = len(beta)
    corner = half_width * (-1 - 1j)
    width = 2 * half_width / n
    owner, start, along = np.arange(count), np.zeros(count, complex), np.arange(n + 1.0)
    seeds, owners = [], []
    for level in range(LEVELS):
        cell = (width / FINER**level)[owner, None, None]
        theta = corner[owner, None, None] + cell * (start[:, None, None] + along + 1j * along[:, None])
        offset = theta - take(lens, owner).deflection(theta) - beta[owner, None, None]
        for mask, inward in zip(hits(offset), ((2 + 1j) / 3, (1 + 2j) / 3), strict=True):
            tile, y, x = mask.nonzero()
            seeds.append(theta[tile, y, x] + cell[tile, 0, 0] * inward)
            owners.append(owner[tile])
        tile, y, x = unresolved(offset, cell).nonzero()
        if not len(tile) or level == LEVELS - 1:
            break
        # in cells of the next level; neighbouring tiles overlap and name a cell twice
        places = FINER * (start[tile] + along[x] + 1j * along[y])
        keys = np.unique(np.stack([owner[tile], places.imag.astype(int), places.real.astype(int)], axis=1), axis=0)
        owner, start = keys[:, 0], keys[:, 2] + 1j * keys[:, 1]
        along = np.arange(-1.0, FINER + 2)  # one cell more on each side: folds between tiles
    owner, theta = _refine(lens, beta, np.concatenate(owners), np.concatenate(seeds), width)
    return _distinct(lens, owner, theta, count, faintest)


def _refine(
    lens: Deflector, beta: ComplexArray, owner: Integers, theta: ComplexArray, longest: FloatArray
) -> tuple[Integers, ComplexArray]:
    """Damped Newton iterations, each point on its own; the converged points are returned with the lenses that they belong to."""

    def misses(owner: Integers, theta: ComplexArray) -> ComplexArray:
        return beta[owner] - theta + take(lens, owner).deflection(theta[:, None, None])[:, 0, 0]

    residual, damping = misses(owner, theta), np.ones(theta.shape)
    found, owners = [], []
    for _ in range(STEPS):
        done = np.abs(residual) < RESIDUAL * 1e-3
        found.append(theta[done])
        owners.append(owner[done])
        alive = ~done & (damping > 1e-3)
        if not alive.any():
            break
        owner, theta, residual, damping = owner[alive], theta[alive], residual[alive], damping[alive]
        along, shear = (d[:, 0, 0] for d in derivatives(take(lens, owner), theta[:, None, None]))
        area = determinant(along, shear)
        step = np.conj(1 - along) * residual + shear * np.conj(residual)
        step /= np.where(area == 0, 1e-30, area)
        step *= damping * np.minimum(1, longest[owner] / np.maximum(np.abs(step), 1e-300))
        trial = misses(owner, theta + step)
        better = np.abs(trial) < np.abs(residual)
        theta, residual = np.where(better, theta + step, theta), np.where(better, trial, residual)
        damping = np.where(better, np.minimum(1, 2 * damping), damping / 4)
    return np.concatenate(owners), np.concatenate(found)


def _distinct(lens: Deflector, owner: Integers, theta: ComplexArray, count: int, faintest: float) -> ImageTable:
    """The solutions `theta`, each once, those of each lens brightest first."""
    along, shear = (d[:, 0, 0] for d in derivatives(take(lens, owner), theta[:, None, None]))
    mu = 1 / determinant(along, shear)
    order = np.lexsort((-np.abs(mu), owner))
    owner, theta, mu, along = owner[order], theta[order], mu[order], along[order]
    rank = np.arange(len(owner)) - np.searchsorted(owner, owner)
    most = max(int(rank.max(initial=-1)) + 1, MOST)
    places, magnification = np.full((count, most), np.nan + 0j), np.full((count, most), np.nan)
    counts = np.zeros((count, most), dtype=bool)
    places[owner, rank], magnification[owner, rank] = theta, mu
    counts[owner, rank] = (np.abs(mu) >= faintest) & ~((mu > 0) & (along.real > 1))
    # A residual grows into an error of the position by at most about |mu|.
    close = np.abs(places[:, :, None] - places[:, None, :]) < 1e-8 + RESIDUAL * np.abs(magnification[:, None, :])
    counts &= ~np.tril(close, -1).any(axis=2)
    first = np.argsort(~counts, axis=1, kind="stable")[:, :MOST]
    kept = np.take_along_axis(counts, first, axis=1)
    return ImageTable(
        counts.sum(axis=1),
        np.where(kept, np.take_along_axis(places, first, axis=1), np.nan),
        np.where(kept, np.take_along_axis(magnification, first, axis=1), np.nan),
    )
