"""Anomalies made from training-like stamps, as examples of stamps to flag.

Each kind removes light from a lens or adds light that lensing does not explain:

    torn        the light on one side of a line is removed, and the rest is moved: a lens without its counter-images, or no lens
    crowded     part of the light of another lens is added, brighter or fainter than it was
    stitched    one side is replaced by that of another lens
    smeared     the residual of a badly subtracted galaxy is added in the centre (difference of two Sersic profiles)

They are far cruder than the suites that a network is judged on (`configs/populations/misspecified/`), and share no population with them.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lenssbi.arrays import FloatArray

KINDS = ("torn", "crowded", "stitched", "smeared")
BRIGHT = 1.0  # smoothed light above this level [sigma of a pixel] belongs to a source
MOVED, ASIDE = 0.12, 0.2  # largest shifts [side of the stamp]
RADIUS = (0.04, 0.15)  # radius of the galaxy in the centre [side of the stamp]
FLUX = (5.0, 200.0)  # flux of the galaxy [sigma of a pixel times the side of the stamp in pixels]
ERRORS = (0.03, 0.3)  # relative errors of its subtraction


def anomalies(images: NDArray[np.floating], noise: NDArray[np.floating], rng: np.random.Generator) -> FloatArray:
    """Anomalies of every kind in turn.

    Parameters
    ----------
    images, noise
        Training-like stamps and their noise (one sigma per pixel), shape (n, y, x), in one unit.
    rng
        Source of randomness.

    Returns
    -------
    Shape (n, y, x), in units of the noise; stamp i is of kind i modulo the number of kinds.
    """
    level = np.median(noise.reshape(len(noise), -1), axis=1)
    stamps = np.asarray(images, dtype=float) / level[:, None, None]
    made = np.empty_like(stamps)
    for i, kind in enumerate((_torn, _crowded, _stitched, _smeared)):
        rows = slice(i, None, len(KINDS))
        flip, mirror = rng.choice([-1, 1], 2)
        others = stamps[rng.integers(len(stamps), size=len(stamps[rows])), ::flip, ::mirror]
        made[rows] = kind(stamps[rows], others, rng)
    return made


def _torn(stamps: FloatArray, others: FloatArray, rng: np.random.Generator) -> FloatArray:
    kept = np.where(_side(stamps.shape, rng) & (_light(stamps) != 0), rng.standard_normal(stamps.shape), stamps)
    return _moved(kept, MOVED, rng)


def _crowded(stamps: FloatArray, others: FloatArray, rng: np.random.Generator) -> FloatArray:
    brightness = np.exp(rng.uniform(-1.0, 1.5, (len(stamps), 1, 1)))
    return stamps + brightness * _moved(np.where(_side(stamps.shape, rng), _light(others), 0), ASIDE, rng)


def _stitched(stamps: FloatArray, others: FloatArray, rng: np.random.Generator) -> FloatArray:
    return np.where(_side(stamps.shape, rng), stamps, others)


def _smeared(stamps: FloatArray, others: FloatArray, rng: np.random.Generator) -> FloatArray:
    n, side = len(stamps), stamps.shape[1]
    radius, q, phi = (rng.uniform(*span, (n, 1, 1)) for span in (RADIUS, (0.4, 1.0), (0.0, np.pi)))
    flux, size = (np.exp(rng.uniform(np.log(low), np.log(high), (n, 1, 1))) for low, high in (FLUX, ERRORS))
    radius *= side
    error = np.exp(size * rng.standard_normal((4, n, 1, 1)))
    off = 0.3 * (rng.standard_normal((n, 1, 1)) + 1j * rng.standard_normal((n, 1, 1)))
    true = _galaxy(stamps.shape, radius, q, phi, 4.0, 0j)
    wrong = _galaxy(stamps.shape, radius * error[1], np.clip(q * error[2], 0.2, 1), phi, 4.0 * error[3], off)
    return stamps + flux * side * (true - error[0] * wrong)


def _galaxy(
    shape: tuple[int, ...],
    radius: FloatArray,
    q: FloatArray,
    phi: FloatArray,
    index: FloatArray | float,
    centre: Any,
) -> FloatArray:
    """Sersic profiles of total flux 1; lengths in pixels."""
    z = (_plane(shape) - centre) * np.exp(-1j * phi)
    r = np.sqrt(q * z.real**2 + z.imag**2 / q + 0.5)
    light = np.exp(-(2 * index - 1 / 3) * (r / radius) ** (1 / index))
    return light / light.sum(axis=(1, 2), keepdims=True)


def _light(stamps: FloatArray) -> FloatArray:
    """Stamps with the pixels that show no source set to 0."""
    bright = ndimage.gaussian_filter(stamps, (0, 1, 1)) > BRIGHT
    return np.where(ndimage.binary_dilation(bright, np.ones((1, 3, 3))), stamps, 0)


def _side(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Pixels on one side of a line near the centre of each stamp, shape (n, y, x)."""
    direction = np.exp(2j * np.pi * rng.uniform(size=(shape[0], 1, 1)))
    return (_plane(shape) * direction).real > rng.uniform(-0.05, 0.05, (shape[0], 1, 1)) * shape[1]


def _moved(stamps: FloatArray, reach: float, rng: np.random.Generator) -> FloatArray:
    most = int(reach * stamps.shape[1])
    steps = rng.integers(-most, most + 1, (len(stamps), 2)).tolist()
    return np.stack([np.roll(stamp, step, (0, 1)) for stamp, step in zip(stamps, steps, strict=True)])


def _plane(shape: tuple[int, ...]) -> NDArray[np.complex128]:
    """x + iy of the pixels from the centre [pixels], shape (y, x)."""
    y, x = (np.arange(n) - (n - 1) / 2 for n in shape[1:])
    return x + 1j * y[:, None]
