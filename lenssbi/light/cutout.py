"""The image of a galaxy as a light profile.

A cubic B-spline through the pixels (`lenssbi.splines`) is scaled, mirrored, turned and shifted:

    I(theta) = flux (cells / R_e)^2 f(u, v),   u + iv = M[exp(-i turn) (theta - centre) cells / R_e] + middle of the grid

with M the mirror u -> -u, R_e the half-light radius wanted [arcsec] and `cells` the image's own half-light radius [pixels].

A spline through a sharp core oscillates below zero around it. Light is never negative, so the spline's coefficients c are not those that
pass through the pixels d, but non-negative ones that approximate them: Richardson-Lucy steps (Richardson 1972; Lucy 1974) from c = d,

    c <- c * B(d / B c),   B = [1/6, 2/3, 1/6] along both axes, the B-spline at its neighbours' middles

which keep the flux. B-splines are nowhere negative, hence neither is their sum; it is twice differentiable, and its integral is the sum
of the coefficients, 1. Smooth images are reproduced to a thousandth of their peak; variations from pixel to pixel, noise most of all, are
partly smoothed away.

The profile contains everything that is in the image: the PSF and the noise of its telescope are treated as part of the galaxy and are
scaled and magnified with it. A galaxy whose half-light radius spans only a few pixels is therefore smoother than in nature.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy import ndimage

from lenssbi.arrays import Array, FloatArray, array_namespace, every
from lenssbi.splines import PAD, SplineTable

STEPS = 20  # of Richardson and Lucy
FINE = 4  # sub-cells along a cell when an image's half-light radius is measured
BINS = 4000  # rings of equal width, ditto
ROUNDEST = 0.05  # smallest axis ratio of the ellipse in which it is measured


@dataclass(frozen=True)
class Cutout:
    """Surface brightness from an image.

    Parameters
    ----------
    table
        Images of unit flux per cell, and the index of the one in use (`SplineTable.row`); see `light_table`.
    cells
        Circularised half-light radius of that image [cells of the table].
    flux
        Total flux.
    effective_radius
        Circularised half-light radius of the galaxy on the sky [arcsec].
    turn
        Anticlockwise rotation [rad].
    mirror
        Sign: 1, or -1 for the image with left and right exchanged (before it is turned).
    centre
        Position of the middle of the image [arcsec], complex.

    The table is an array of `theta`'s own library and precision; the others are numbers, or such arrays of shape (*batch, 1, 1).

    Raises
    ------
    ValueError
        For a radius that is not positive, or a mirror other than 1 and -1.
    """

    table: SplineTable
    cells: Array
    flux: Array
    effective_radius: Array
    turn: Array = 0.0
    mirror: Array = 1.0
    centre: Array = 0j

    def __post_init__(self) -> None:
        if not (every(self.effective_radius > 0) and every(self.cells > 0)):
            raise ValueError(f"Cutout needs radii > 0, got {self.effective_radius} arcsec and {self.cells} cells")
        if not every(self.mirror * self.mirror == 1):
            raise ValueError(f"Cutout needs a mirror of 1 or -1, got {self.mirror}")

    @staticmethod
    def of_image(image: Any, flux: float, effective_radius: float) -> Cutout:
        """A cut-out of one image, shape (y, x), in any unit of brightness; see `light_table` for its requirements."""
        lights = light_table([image])
        return Cutout(lights.table, float(lights.cells[0]), flux, effective_radius)

    @property
    def pixel_scale(self) -> Array:
        """Side of a pixel of the image on the sky [arcsec]."""
        return self.effective_radius / self.cells

    def surface_brightness(self, theta: Array) -> Array:
        """Flux per arcsec^2 at complex `theta` [arcsec], shape (*batch, y, x); 0 outside the image."""
        xp = array_namespace(theta)
        cell = self.pixel_scale
        z = (theta - self.centre) * array_namespace(self.turn).exp(-1j * self.turn) / cell
        ny, nx = self.table.shape
        u = self.mirror * xp.real(z) + (nx - 1) / 2
        v = xp.imag(z) + (ny - 1) / 2
        return self.flux / cell**2 * self.table.value(u, v)


class SplineImages(NamedTuple):
    """Images as splines of unit flux, and their half-light radii [cells], shape (row,)."""

    table: SplineTable
    cells: FloatArray


def light_table(images: Sequence[Any]) -> SplineImages:
    """Splines of unit flux through images, nowhere negative.

    Parameters
    ----------
    images
        Surface brightnesses in any unit, each of shape (y, x), dark at their edges. Negative values are set to zero. If all
        sides are odd, or all even, the middle of a smaller image stays the middle.

    Raises
    ------
    ValueError
        For an image that is not finite or has no light.
    """
    for image in images:
        if not np.isfinite(image).all() or np.sum(image) <= 0:
            raise ValueError("an image of a galaxy has to be finite and to hold light")
    ny, nx = (max(np.shape(image)[axis] for image in images) for axis in (0, 1))
    coefficients = np.zeros((len(images), ny + 2 * PAD, nx + 2 * PAD))
    for whole, image in zip(coefficients, images, strict=True):
        y, x = (PAD + (full - n) // 2 for full, n in zip((ny, nx), np.shape(image), strict=True))
        whole[y : y + np.shape(image)[0], x : x + np.shape(image)[1]] = _coefficients(np.asarray(image, dtype=float))
    table = SplineTable(coefficients)
    radii = [_half_light_radius(table.of_row(row), np.shape(image)) for row, image in enumerate(images)]
    return SplineImages(table, np.array(radii))


def _coefficients(image: FloatArray) -> FloatArray:
    """Non-negative spline coefficients near an image, their sum 1."""
    data = np.maximum(image, 0.0)
    coefficients = data = data / data.sum()
    for _ in range(STEPS):
        near = _at_the_pixels(coefficients)
        ratio = np.divide(data, near, out=np.zeros_like(data), where=near > 0)
        coefficients = coefficients * _at_the_pixels(ratio)
    return coefficients / coefficients.sum()


def _at_the_pixels(coefficients: FloatArray) -> FloatArray:
    """The spline at the middles of its cells."""
    for axis in (0, 1):
        coefficients = ndimage.correlate1d(coefficients, [1 / 6, 2 / 3, 1 / 6], axis, mode="constant")
    return coefficients


def _half_light_radius(table: SplineTable, shape: tuple[int, ...]) -> float:
    """Circularised radius [cells] of the ellipse, of the light's centroid and second moments, that holds half of it.

    An ellipse keeps its size with the inclination of a disc, as the Sersic profile's effective radius does, and counts the gaps between
    clumps of light, which an isophote would not.
    """
    v, u = ((np.arange(-FINE, (n + 1) * FINE) + 0.5) / FINE - 0.5 for n in shape)
    u, v = (
        axis + (whole - n) // 2 for axis, whole, n in zip((u, v), reversed(table.shape), reversed(shape), strict=True)
    )
    light = table.value(u[None, :] + np.zeros_like(v)[:, None], v[:, None] + np.zeros_like(u))
    light /= light.sum()
    along_u, along_v = light.sum(axis=0), light.sum(axis=1)
    u, v = u - along_u @ u, v - along_v @ v
    spread, twist = along_u @ u**2 + along_v @ v**2, along_u @ u**2 - along_v @ v**2 + 2j * (v @ light @ u)
    q = np.sqrt(max((spread - abs(twist)) / (spread + abs(twist)), ROUNDEST**2))
    z = (u + 1j * v[:, None]) * np.exp(-0.5j * np.angle(twist))
    radius = np.sqrt(q * z.real**2 + z.imag**2 / q)
    step = radius.max() / BINS
    rings = np.bincount((radius / step).astype(int).ravel(), light.ravel(), BINS + 1)
    # a sub-cell is spread over all rings within its width: otherwise the radius would jump at every circle of sub-cells
    inside = np.cumsum(ndimage.uniform_filter1d(rings, 2 * round(1 / (2 * FINE * step)) + 1, mode="constant"))
    return float(np.interp(0.5, inside, step * np.arange(1, BINS + 2)))
