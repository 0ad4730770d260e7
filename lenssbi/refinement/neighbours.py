"""Which of the light around a lens galaxy is the source's, and which that of other galaxies.

What stands out of the stamp without the lens galaxy is cut into pieces, one for each peak. Galaxies within 1.5 arcsec of a lens
that outshine the noise are rare (0.08 to 25 mag), so all pieces within are taken for images of the source; if there is none that is
bright, the innermost one is. From there outwards a piece is one of the source's if it lies at about the distance of those before it, if it
is not much farther out and about as bright, as outer images are, or if it may be their counter-image: on the other side, and brighter than
they are by about as much as it is farther out, as images behind an isothermal sphere are. All the rest are neighbours, which are no part of
a fit. If something is known of the lens, such as a network's answer, a piece is an image if a source behind it is seen more than once
(:mod:`lenssbi.refinement.multiply_imaged`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lenssbi.arrays import ComplexArray, FloatArray, pixel_grid
from lenssbi.dataset.stamp import Stamp

PEAK, EDGE = 4.0, 1.8  # of the smoothed image, in its own scatter: what makes a piece, and where it ends
SMOOTHING = 1.0  # [pixels]
APART = 5  # [pixels]: side of the square in which a peak is the highest
FEWEST = 6  # pixels
CLOSE = 1.5  # [arcsec]
SIMILAR = 1.35  # times the mean distance of the images so far
OPPOSITE, FARTHEST = 100.0, 4.0  # [deg], times the distance
BRIGHTER = 1.0, 2.5  # of the flux that an isothermal sphere gives a counter-image: at least and at most
AS_BRIGHT, NEAR = 0.6, 2.6  # of the signal to noise of the brightest image so far; [arcsec]
LARGEST = 4.0  # [arcsec]
SLIGHT = 0.15  # of the brightest piece's signal to noise: fainter ones within `CLOSE` may be rests of the lens galaxy
RIM, WIDE_RIM = 2, 5  # [pixels] around a neighbour, and around one with wings
BRIGHT = 60.0  # signal to noise of such a one
IMAGE = 0.5  # least probability of an image, if it is known

ImageProbability = Callable[[ComplexArray], FloatArray]


class Pieces(NamedTuple):
    """Pieces of an image: their labels from 1, shape (y, x), and of each flux, flux over noise, mean place and distance [arcsec]."""

    labels: NDArray[np.integer]
    flux: FloatArray
    snr: FloatArray
    places: ComplexArray
    radii: FloatArray


def find_pieces(stamp: Stamp, centre: complex) -> Pieces:
    """Everything that stands out.

    Parameters
    ----------
    stamp
        Image without the lens light; the scale of its noise does not matter.
    centre
        Centre of the lens galaxy [arcsec].
    """
    usable = stamp.mask
    z = np.where(usable, stamp.image / np.where(usable, stamp.noise, 1.0), 0.0)
    smooth = ndimage.gaussian_filter(z, SMOOTHING)
    level = np.median(smooth[usable])
    smooth = (smooth - level) / (1.4826 * np.median(np.abs(smooth[usable] - level)) + 1e-30)
    area = ndimage.binary_propagation(smooth > PEAK, mask=smooth > EDGE) & usable
    peaks = (smooth == ndimage.maximum_filter(smooth, APART)) & (smooth > PEAK) & area
    markers, count = ndimage.label(peaks, np.ones((3, 3)))
    labels = np.where(area, _climbed(smooth, markers), 0)
    theta = pixel_grid(stamp.shape, stamp.pixel_scale) - centre
    every = np.arange(1, count + 1)
    light = np.where(area, np.maximum(stamp.image, 0.0), 0.0)
    flux = np.maximum(ndimage.sum(light, labels, every), 1e-30)
    error = np.sqrt(ndimage.sum(np.where(area, stamp.noise, 0.0) ** 2, labels, every)) + 1e-30
    x, y, r = (ndimage.sum(light * part, labels, every) / flux for part in (theta.real, theta.imag, np.abs(theta)))
    sizes = ndimage.sum(area, labels, every)
    keep = sizes >= FEWEST
    numbers = np.zeros(count + 1, int)
    numbers[1:][keep] = np.arange(1, keep.sum() + 1)
    return Pieces(numbers[labels], flux[keep], (flux / error)[keep], (x + 1j * y)[keep], r[keep])


def _climbed(image: FloatArray, markers: NDArray[np.integer]) -> NDArray[np.integer]:
    """Label of the peak to which the steepest ascent leads from each pixel, the nearest one where that has none, shape (y, x)."""
    if not markers.any():
        return markers
    ny, nx = image.shape
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(image, 1, constant_values=-np.inf), (3, 3))
    step = windows.reshape(ny, nx, 9).argmax(axis=2)
    y, x = np.indices(image.shape)
    upwards = ((y + step // 3 - 1) * nx + x + step % 3 - 1).ravel()
    while not np.array_equal(upwards, further := upwards[upwards]):
        upwards = further
    _, (rows, columns) = ndimage.distance_transform_edt(markers == 0, return_indices=True)
    return np.asarray(markers[rows, columns].ravel()[upwards].reshape(ny, nx))


def of_the_source(pieces: Pieces) -> NDArray[np.bool_]:
    """Which pieces may be images of the source, shape (piece,), none of them farther out than `LARGEST`."""
    chosen = pieces.radii < CLOSE
    inside = pieces.radii < LARGEST
    bright = inside & (pieces.snr > SLIGHT * pieces.snr[inside].max(initial=0.0))
    if not bright.any():
        return np.ones(len(pieces.radii), bool)
    if not (chosen & bright).any():
        chosen = bright & (pieces.radii <= pieces.radii[bright].min())
    while chosen.any():
        weights = pieces.flux * chosen
        distance = float(weights @ pieces.radii / weights.sum())
        middle = complex(weights @ pieces.places / weights.sum())
        turn = np.abs(np.angle(pieces.places * np.conj(middle), deg=True))
        share = pieces.flux / weights.sum() * distance / pieces.radii
        bright = (share > BRIGHTER[0]) & (share < BRIGHTER[1])
        counter = (turn > OPPOSITE) & bright & (pieces.radii < FARTHEST * distance)
        outer = (pieces.snr > AS_BRIGHT * pieces.snr[chosen].max()) & (pieces.radii < NEAR)
        more = ~chosen & inside & ((pieces.radii < SIMILAR * distance) | counter | outer)
        if not more.any():
            break
        chosen = chosen | more
    return chosen


class Field(NamedTuple):
    """Pixels of the source's images and of other galaxies, shape (y, x) both, how far out the former are [arcsec], 0 without any, and
    whether they are known to be images.
    """

    images: NDArray[np.bool_]
    others: NDArray[np.bool_]
    reach: float
    known: bool = False


def sort_field(stamp: Stamp, centre: complex = 0j, probability: ImageProbability | None = None) -> Field:
    """Tell the source's images from other galaxies.

    Parameters
    ----------
    stamp
        Image without the lens light; the scale of its noise does not matter.
    centre
        Centre of the lens galaxy [arcsec].
    probability
        Probability that what is seen at places [arcsec from the centre], shape (n,), is multiply imaged; None if nothing is known of
        the lens.
    """
    pieces = find_pieces(stamp, centre)
    likely = np.zeros(0, bool) if probability is None else probability(pieces.places) > IMAGE
    known = bool(likely.any())
    chosen = np.append(False, likely if known else of_the_source(pieces))
    images, others = chosen[pieces.labels], (pieces.labels > 0) & ~chosen[pieces.labels]
    bright = others & (np.append(0.0, pieces.snr)[pieces.labels] > BRIGHT)
    wide = ndimage.binary_dilation(others, iterations=RIM)
    if bright.any():
        wide |= ndimage.binary_dilation(bright, iterations=WIDE_RIM)
    distance = np.abs(pixel_grid(stamp.shape, stamp.pixel_scale) - centre)
    return Field(images, wide & ~images, float(distance[images].max(initial=0.0)), known)
