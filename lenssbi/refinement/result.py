"""The result of a fit: posterior, best model and flags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lenssbi.arrays import ComplexArray, FloatArray
from lenssbi.dataset.stamp import Stamp
from lenssbi.posteriors import DiagonalMixture, Samples, Summary
from lenssbi.reconstruction.imaging import TILE
from lenssbi.status import Status


class SourceImage(NamedTuple):
    """The reconstructed source on a regular grid, row 0 at the bottom, NaN outside the mesh [unit/arcsec^2]."""

    image: FloatArray
    extent: tuple[float, float, float, float]  # left, right, bottom, top [arcsec]


@dataclass(frozen=True)
class BestModel:
    """The model of the highest likelihood.

    Parameters
    ----------
    params
        Parameters of the model.
    log_likelihood
        Natural log of its evidence over sources.
    image
        Image of the source [unit of the stamp], shape (y, x), NaN outside the mask.
    lens_light
        Lens light that was fitted with the source [unit of the stamp], shape (y, x); None if none was.
    source
        Source of the image.
    critical_curves, caustics
        Closed curves [arcsec] in the image and in the source plane.
    magnification, compactness, counter
        Flux of the image over that of the source, size of the source over that of the image, and share of the light in images of the
        rarer parity (:mod:`lenssbi.refinement.basins`).
    chi2
        Mean square of residual over noise in the mask.
    worst
        Mean square of residual over noise in the square of 7 pixels in which it is largest, over that of the typical square.
    """

    params: Mapping[str, float]
    log_likelihood: float
    image: FloatArray
    lens_light: FloatArray | None
    source: SourceImage
    critical_curves: tuple[ComplexArray, ...]
    caustics: tuple[ComplexArray, ...]
    magnification: float
    compactness: float
    counter: float
    chi2: float
    worst: float


def arcs_of(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A fit's mask without the scattered squares around the arcs, shape (y, x)."""
    whole = ndimage.binary_opening(mask, np.ones((TILE + 2, TILE + 2)))
    return np.asarray(whole if whole.any() else mask)


@dataclass(frozen=True)
class FitResult:
    """A fitted lens.

    Parameters
    ----------
    status
        ``DONE``; ``TIMED_OUT`` or ``NOT_EXPLAINED`` if a limit ended the sampling (the draws are those found so far); ``WRONG`` if the
        best model is recognised as a wrong solution.
    stamp
        Image without the lens light; noise as it was used.
    mask
        True for fitted pixels, shape (y, x).
    lens_light
        Lens light [unit of the stamp] that `stamp.image` no longer contains, subtracted or fitted, shape (y, x); None if there was none.
    best
        Model of the highest likelihood.
    samples
        Posterior under the broad prior; a learned prior is divided out.
    samples_with_prior
        Posterior under the network's prior, which comes from the same image; None without a network.
    learned
        Posterior of the network, if it was used.
    mode
        Prior: broad, blind, cnn-uniform, cnn-gaussian or cnn-joint.
    flags
        Flags of the fit (:mod:`lenssbi.refinement.flags`).
    evaluations, seconds
        Likelihood evaluations and processor time of the sampling, earlier, interrupted runs included.
    info
        Numbers for the posterior file: noise scale, circle estimate, chi^2 per pixel and others.
    network
        Posterior of the network, whether or not it was used; None if no network was used or it is not applicable to such stamps.
    """

    status: Status
    stamp: Stamp
    mask: np.ndarray
    lens_light: FloatArray | None
    best: BestModel
    samples: Samples
    samples_with_prior: Samples | None
    learned: DiagonalMixture | None
    mode: str
    flags: tuple[str, ...]
    evaluations: int
    seconds: float
    info: Mapping[str, Any] = field(default_factory=dict)
    network: DiagonalMixture | None = None

    @property
    def name(self) -> str:
        """Name of the stamp."""
        return self.stamp.name

    @property
    def model_image(self) -> FloatArray:
        """Best model image [unit], shape (y, x), NaN outside the mask."""
        return self.best.image

    @property
    def residual(self) -> FloatArray:
        """(image - model) / noise, shape (y, x), NaN outside the mask."""
        noise = np.where(self.mask, self.stamp.noise, 1.0)
        return np.where(self.mask, (self.stamp.image - self.best.image) / noise, np.nan)

    @property
    def arcs_mask(self) -> np.ndarray:
        """True where the arcs are fitted, shape (y, x): the mask without the scattered squares around them."""
        return arcs_of(self.mask)

    @property
    def source(self) -> SourceImage:
        """The reconstructed source."""
        return self.best.source

    @property
    def critical_curves(self) -> tuple[ComplexArray, ...]:
        """Closed curves [arcsec] in the image plane."""
        return self.best.critical_curves

    @property
    def caustics(self) -> tuple[ComplexArray, ...]:
        """Closed curves [arcsec] in the source plane."""
        return self.best.caustics

    def params(self) -> dict[str, Summary]:
        """Summary of every parameter, q and phi [deg] among them."""
        return self.samples.derived().summary()

    def params_with_prior(self) -> dict[str, Summary] | None:
        """The same under the learned prior."""
        return None if self.samples_with_prior is None else self.samples_with_prior.derived().summary()
