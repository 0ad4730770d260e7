"""Whether a reconstruction is one of the wrong solutions that a free-form source allows (Maresca, Dye & Li 2021).

With too little mass, or far too much of it, a source that is a copy of the image, upright or turned over, fits the image as well:
nothing is multiply imaged, nothing is magnified. Such a source is nearly as large as the image. Counted is what is bright in the source
(the rest is noise of either sign and tells nothing), without hand-made positions of images:

    magnification = flux in the image / flux in the source plane,
    compactness = rms distance of the light from its centre in the source plane / the same in the image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lenssbi.arrays import ComplexArray, FloatArray
from lenssbi.reconstruction.imaging import Imaging
from lenssbi.reconstruction.inversion import Reconstruction

BRIGHT = 0.15  # of the peak
SIDE = 160  # pixels of the grid on which the source is integrated


@dataclass(frozen=True)
class Basin:
    """What a reconstruction says about its basin.

    Parameters
    ----------
    magnification
        Flux of the image over that of the source; NaN where there is no source.
    compactness
        Root mean square size of the source over that of its image.
    """

    magnification: float
    compactness: float


def basin(found: Reconstruction, imaging: Imaging, beta: ComplexArray) -> Basin:
    """Measure a reconstruction.

    Parameters
    ----------
    found
        A source on a mesh.
    imaging
        The stamp it was found on.
    beta
        `imaging.theta` traced [arcsec], shape (n_sub,).
    """
    if found.mesh is None or not found.source.max() > 0:
        return Basin(float("nan"), float("nan"))
    least = BRIGHT * found.source.max()
    sub = imaging.subgrid**2
    rows = (imaging.fitted[:, None] * sub + np.arange(sub)).ravel()
    seen = _above(found.brightness(beta[rows]), least)
    places, cell = _grid(found.mesh.vertices[found.source > least])
    light = _above(found.brightness(places), least)
    in_image = float(seen.sum()) * imaging.pixel_scale**2 / sub
    return Basin(in_image / (float(light.sum()) * cell), size(places, light) / size(imaging.theta[rows], seen))


def _above(light: FloatArray, least: float) -> FloatArray:
    return np.where(light > least, light, 0.0)


def _grid(shining: ComplexArray) -> tuple[ComplexArray, float]:
    """Places [arcsec] around those that shine, and the area of a cell [arcsec^2]."""
    low, high = shining.real.min() + 1j * shining.imag.min(), shining.real.max() + 1j * shining.imag.max()
    half = 0.55 * max((high - low).real, (high - low).imag, 1e-2)
    step = (np.arange(SIDE) + 0.5) / SIDE * 2 * half - half
    return (0.5 * (low + high) + step[None, :] + 1j * step[:, None]).ravel(), (2 * half / SIDE) ** 2


def size(places: ComplexArray, weights: FloatArray) -> float:
    """Root mean square distance of light from its centre [arcsec]; places and weights of one shape."""
    centre = np.sum(weights * places) / weights.sum()
    return float(np.sqrt(np.sum(weights * np.abs(places - centre) ** 2) / weights.sum()))
