"""Image positions: all theta with theta - alpha(theta) = beta.

The image plane is tiled with triangles; each triangle whose image in the source plane contains `beta` holds a solution,
which damped Newton iterations refine. Two kinds of cells are tiled again, finer, where `beta` is near: cells that fold
over when they are mapped (two images close to a critical curve hide there), and cells that the map tears apart (a faint
image close to a singular centre).

The formal image at the centre of a singular mass has magnification 0; images below `faintest` are not counted. A mass without a
singularity has a central image too, a maximum of the arrival time, as faint as the mass is concentrated; `Images.outer` leaves it out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lenssbi.arrays import ComplexArray, FloatArray
from lenssbi.lensing.deflector import Deflector
from lenssbi.lensing.jacobian import derivatives, determinant

RESIDUAL = 1e-9  # largest residual of the lens equation at an image [arcsec]
FINER = 8  # cells of the next level along the side of a cell
LEVELS = 4
TORN = 4.0  # stretching by the map beyond which a cell counts as torn


class Images(NamedTuple):
    """The images of a point, brightest first."""

    theta: ComplexArray
    """Positions [arcsec], complex, shape (n,)."""
    magnification: FloatArray
    """Signed magnifications, shape (n,)."""
    maximum: NDArray[np.bool_]
    """Whether they are maxima of the arrival time (positive parity, Re dalpha/dz > 1): central images, shape (n,)."""

    @property
    def outer(self) -> Images:
        """The minima and saddle points alone: the images that a survey counts."""
        kept = ~self.maximum
        return Images(self.theta[kept], self.magnification[kept], self.maximum[kept])


def image_positions(lens: Deflector, beta: complex, half_width: float, n: int = 64, faintest: float = 1e-3) -> Images:
    """All images of the source-plane point `beta`.

    Parameters
    ----------
    lens
        Deflector with scalar parameters.
    beta
        Source-plane angle [arcsec].
    half_width
        Half the side of the square searched, centred on 0 [arcsec].
    n
        Number of cells along the side.
    faintest
        Least |magnification| that counts as an image.

    Examples
    --------
    >>> from lenssbi.lensing import EllipticalPowerLaw
    >>> sis = EllipticalPowerLaw(1.0, 0.0, 0.0)
    >>> image_positions(sis, 0.25, half_width=2.0).theta.real.round(6)
    array([ 1.25, -0.75])
    """
    cell = 2 * half_width / n
    lower_left = complex(-half_width, -half_width)
    along = cell * np.arange(n + 1)
    theta = lower_left + (along[None, :] + 1j * along[:, None])[None]
    seeds = []
    for _ in range(LEVELS):
        offset = theta - lens.deflection(theta) - beta
        seeds.append(_centres_of_hits(theta, offset))
        corners = theta[:, :-1, :-1][unresolved(offset, cell)]
        if not corners.size:
            break
        corners = cell * np.unique(np.round(corners / cell - lower_left / cell)) + lower_left
        cell /= FINER
        along = cell * np.arange(-1, FINER + 2)  # one cell more on each side: folds between tiles
        theta = corners[:, None, None] + along[None, :] + 1j * along[:, None]
    found = _refine(lens, beta, np.concatenate(seeds), 2 * half_width / n)
    return _distinct(lens, found, faintest)


def _centres_of_hits(theta: ComplexArray, offset: ComplexArray) -> ComplexArray:
    """Centroids of the triangles whose mapped corners enclose 0; both arrays have shape (tile, y, x)."""
    lower, upper = hits(offset)
    corner = theta[:, :-1, :-1]
    across, up = theta[0, 0, 1] - theta[0, 0, 0], theta[0, 1, 0] - theta[0, 0, 0]
    return np.concatenate([corner[lower] + (2 * across + up) / 3, corner[upper] + (across + 2 * up) / 3])


def hits(offset: ComplexArray) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Cells whose lower, and whose upper triangle encloses 0 when mapped; of corners of shape (tile, y, x), one less along y and x."""
    along_x = _left_of(offset[:, :, :-1], offset[:, :, 1:])
    along_y = _left_of(offset[:, :-1, :], offset[:, 1:, :])
    diagonal = _left_of(offset[:, :-1, :-1], offset[:, 1:, 1:])
    # The two triangles of an edge traverse it in opposite directions, so a point on it belongs to exactly one of them.
    bottom, right, top, left = along_x[:, :-1], along_y[:, :, 1:], ~along_x[:, 1:], ~along_y[:, :, :-1]
    lower = (bottom == right) & (right == ~diagonal)
    upper = (top == left) & (left == diagonal)
    return lower, upper


def _left_of(start: ComplexArray, end: ComplexArray) -> NDArray[np.bool_]:
    """Whether 0 lies to the left of the directed edge."""
    return start.real * end.imag > start.imag * end.real


def unresolved(offset: ComplexArray, cell: float | FloatArray) -> NDArray[np.bool_]:
    """Cells near 0 that fold, border on a fold, or are torn; shape (tile, y, x)."""
    corner = offset[:, :-1, :-1]
    across, up = offset[:, :-1, 1:] - corner, offset[:, 1:, :-1] - corner
    size = np.abs(across) + np.abs(up)
    mirrored = across.real * up.imag < across.imag * up.real
    suspect = size > 2 * TORN * cell
    flips = mirrored[:, 1:] != mirrored[:, :-1]
    suspect[:, 1:] |= flips
    suspect[:, :-1] |= flips
    flips = mirrored[:, :, 1:] != mirrored[:, :, :-1]
    suspect[:, :, 1:] |= flips
    suspect[:, :, :-1] |= flips
    return suspect & (np.abs(corner) < size)


def _refine(lens: Deflector, beta: complex, theta: ComplexArray, longest: float) -> ComplexArray:
    """Damped Newton iterations, each point on its own; the converged points are returned."""
    residual = beta - theta + lens.deflection(theta)
    damping = np.ones(theta.shape)
    found = []
    for _ in range(40):
        found.append(theta[np.abs(residual) < RESIDUAL * 1e-3])
        alive = (np.abs(residual) >= RESIDUAL * 1e-3) & (damping > 1e-3)
        if not alive.any():
            break
        theta, residual, damping = theta[alive], residual[alive], damping[alive]
        along, shear = derivatives(lens, theta)
        area = determinant(along, shear)
        step = np.conj(1 - along) * residual + shear * np.conj(residual)
        step /= np.where(area == 0, 1e-30, area)
        step *= damping * np.minimum(1, longest / np.maximum(np.abs(step), 1e-300))
        trial = beta - theta - step + lens.deflection(theta + step)
        better = np.abs(trial) < np.abs(residual)
        theta, residual = np.where(better, theta + step, theta), np.where(better, trial, residual)
        damping = np.where(better, np.minimum(1, 2 * damping), damping / 4)
    return np.concatenate(found)


def _distinct(lens: Deflector, theta: ComplexArray, faintest: float) -> Images:
    """The solutions `theta`, each once, brightest first."""
    along, shear = derivatives(lens, theta)
    mu = 1 / determinant(along, shear)
    order = np.argsort(-np.abs(mu))
    theta, mu, along = theta[order], mu[order], along[order]
    # A residual grows into an error of the position by at most about |mu|.
    same = np.abs(theta[:, None] - theta[None, :]) < 1e-8 + RESIDUAL * np.abs(mu)
    first = ~np.any(np.tril(same, -1), axis=1)
    keep = first & (np.abs(mu) >= faintest)
    return Images(theta[keep], mu[keep], ((mu > 0) & (along.real > 1))[keep])
