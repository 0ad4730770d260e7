"""Whether a reconstruction is one of the wrong solutions that a free-form source allows (Maresca, Dye & Li 2021).

With too little mass, or far too much of it, a source that is a copy of the image, upright or turned over, fits the image as well:
nothing is multiply imaged, nothing is magnified. Such a source is nearly as large as the image. Counted is what is bright in the source
(the rest is noise of either sign and tells nothing), without hand-made positions of images:

    magnification = flux in the image / flux in the source plane,
    compactness = rms distance of the light from its centre in the source plane / the same in the image,
    counter = share of the image's flux in images of one parity, the lesser of the two.

A source that is seen several times has images of both parities. A copy has one: upright where the mass is too small, turned over where
it is too large.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lenssbi.arrays import ComplexArray, FloatArray
from lenssbi.reconstruction.imaging import Imaging
from lenssbi.reconstruction.inversion import Reconstruction

BRIGHT = 0.15  # of the peak
LEAST_RADIUS = 0.05  # [arcsec]
SIDE = 160  # pixels of the grid on which the source is integrated


@dataclass(frozen=True)
class Basin:
    """What a reconstruction says about its basin.

    Parameters
    ----------
    magnification
        Flux of the image over that of the source; NaN if there is no source.
    compactness
        Root mean square size of the source over that of its image.
    counter
        Share of the light in images of the rarer parity.
    """

    magnification: float
    compactness: float
    counter: float = float("nan")


def basin(found: Reconstruction, imaging: Imaging, beta: ComplexArray) -> Basin:
    """Measure a reconstruction.

    Parameters
    ----------
    found
        Source on a mesh.
    imaging
        Stamp on which it was found.
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
    small = _ratio(size(places, light), size(imaging.theta[rows], seen))
    return Basin(_ratio(in_image, float(light.sum()) * cell), small, counter(beta[rows], seen, imaging.subgrid))


def _ratio(one: float, other: float) -> float:
    """One over the other; NaN if that is zero, as of light in one point or of a source that is dark on the grid."""
    return one / other if other else float("nan")


def counter(beta: ComplexArray, light: FloatArray, subgrid: int) -> float:
    """Share of light in images of the rarer parity.

    Parameters
    ----------
    beta
        Traced sub-pixels [arcsec], in groups of subgrid^2, shape (n_sub,).
    light
        Brightness at these sub-pixels, shape (n_sub,).
    subgrid
        Sub-pixels along the side of a pixel; with one the parities are not known, and half of the light is assigned to either.
    """
    if subgrid == 1 or not light.any():
        return 0.5 if light.any() else 0.0
    turned = _turned(beta, subgrid)
    share = float(light.reshape(turned.size, -1)[turned].sum() / light.sum())
    return min(share, 1 - share)


@dataclass(frozen=True, eq=False)
class SeveralImages:
    """What a detected lens has to show: its source in images of both parities.

    Parameters
    ----------
    shares
        Squared light of the source in the pixels of the mask, sum 1, shape (n_pixels,): the mean of the traced angles is its place.
    radius
        How near to it an image of either parity has to lead [arcsec].
    """

    shares: FloatArray
    radius: float

    @classmethod
    def of(cls, light: FloatArray, radius: float) -> SeveralImages:
        """From the light of a source in the pixels of the mask and its half-light radius [arcsec]."""
        shares = np.maximum(light, 0.0) ** 2
        return cls(shares / shares.sum(), max(radius, LEAST_RADIUS))

    def shown(self, beta: ComplexArray, imaging: Imaging) -> bool:
        """Whether a lens model that traces `imaging.theta` to `beta` [arcsec] shows both."""
        if imaging.subgrid == 1:
            return True
        traced = beta.reshape(-1, imaging.subgrid**2).mean(axis=1)
        near = np.abs(traced - np.sum(self.shares * traced[imaging.fitted])) < self.radius
        turned = _turned(beta, imaging.subgrid)
        return bool((near & turned).any() and (near & ~turned).any())


def _turned(beta: ComplexArray, subgrid: int) -> NDArray[np.bool_]:
    """Whether an image is turned over there, for each group of subgrid^2 traced angles: (right x up) < 0 in the source plane."""
    sides = beta.reshape(-1, subgrid, subgrid)
    right, up = sides[:, 0, -1] - sides[:, 0, 0], sides[:, -1, 0] - sides[:, 0, 0]
    return np.asarray((right * np.conj(up)).imag > 0)


def _above(light: FloatArray, least: float) -> FloatArray:
    return np.where(light > least, light, 0.0)


def _grid(shining: ComplexArray) -> tuple[ComplexArray, float]:
    """Places [arcsec] around those that shine, and the area of a cell [arcsec^2]."""
    low, high = shining.real.min() + 1j * shining.imag.min(), shining.real.max() + 1j * shining.imag.max()
    half = 0.55 * max((high - low).real, (high - low).imag, 1e-2)
    step = (np.arange(SIDE) + 0.5) / SIDE * 2 * half - half
    return (0.5 * (low + high) + step[None, :] + 1j * step[:, None]).ravel(), (2 * half / SIDE) ** 2


def size(places: ComplexArray, weights: FloatArray) -> float:
    """Root mean square distance of light from its centre [arcsec], NaN if there is none; places and weights of one shape."""
    if not weights.any():
        return float("nan")
    centre = np.sum(weights * places) / weights.sum()
    return float(np.sqrt(np.sum(weights * np.abs(places - centre) ** 2) / weights.sum()))
