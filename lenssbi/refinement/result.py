"""The result of a fit: one lens model and its source, and the posterior with the best of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lenssbi.arrays import ComplexArray, FloatArray
from lenssbi.dataset.stamp import Stamp
from lenssbi.lensing.curves import caustics, critical_curves
from lenssbi.posteriors import DiagonalMixture, Samples, Summary
from lenssbi.reconstruction.imaging import TILE, Imaging
from lenssbi.status import Status
from lenssbi.systems import LensSystem

SOURCE_SIDE = 150  # pixels of the source's image
PATCH = 7  # [pixels]
LEAST_SHARE = 0.6  # of a square, in the mask


class SourceImage(NamedTuple):
    """The reconstructed source on a regular grid, row 0 at the bottom, NaN outside the mesh [unit/arcsec^2]."""

    image: FloatArray
    extent: tuple[float, float, float, float]  # left, right, bottom, top [arcsec]


@dataclass(frozen=True)
class LensModel:
    """A lens model and the source behind it, evaluated on a stamp.

    Parameters
    ----------
    params
        Parameters of the model.
    lens
        Deflectors of the lens.
    image
        Blurred image of the source [unit of the stamp], shape (y, x), NaN outside the mask.
    lens_light
        Lens light that was fitted with the source [unit of the stamp], shape (y, x); None if none was.
    source
        Source of the image.
    pixel_scale
        Side of a pixel of the stamp [arcsec].
    magnification, compactness, counter
        Flux of the image over that of the source, size of the source over that of the image, and share of the light in images of the
        rarer parity (:mod:`lenssbi.refinement.basins`).
    chi2
        Mean square of residual over noise in the mask.
    worst
        Mean square of residual over noise in the square of 7 pixels in which it is largest, over that of the typical square.
    log_likelihood
        Natural log of its evidence over sources; NaN if it was not computed.
    """

    params: Mapping[str, float]
    lens: LensSystem
    image: FloatArray
    lens_light: FloatArray | None
    source: SourceImage
    pixel_scale: float
    magnification: float
    compactness: float
    counter: float
    chi2: float
    worst: float
    log_likelihood: float = float("nan")

    @cached_property
    def critical_curves(self) -> tuple[ComplexArray, ...]:
        """Closed curves [arcsec] in the image plane."""
        half_width = max(0.5 * max(self.image.shape) * self.pixel_scale, 2.0 * self.params["einstein_radius"])
        return tuple(critical_curves(self.lens, half_width, n=400))

    @cached_property
    def caustics(self) -> tuple[ComplexArray, ...]:
        """Closed curves [arcsec] in the source plane."""
        return tuple(caustics(self.lens, self.critical_curves))


def square(x: float, y: float, half: float) -> tuple[float, float, float, float]:
    """Left, right, bottom and top of a square."""
    return x - half, x + half, y - half, y + half


def worst_residual(imaging: Imaging, model: FloatArray, lens_light: FloatArray | None) -> float:
    """Largest mean of squared residuals over noise in squares of `PATCH` pixels, over that of the typical one.

    Parameters
    ----------
    imaging
        Stamp as it is fitted.
    model, lens_light
        Images of the source and, if it was fitted, of the lens light [unit of the stamp], shape (y, x), NaN outside the mask.
    """
    model = model if lens_light is None else model + lens_light
    z = np.where(imaging.mask, (imaging.data - np.where(imaging.mask, model, 0.0)) / imaging.noise, 0.0)
    share = ndimage.uniform_filter(imaging.mask.astype(float), PATCH, mode="constant")
    squares = ndimage.uniform_filter(z**2, PATCH, mode="constant")
    whole = imaging.mask & (share > LEAST_SHARE)
    if not whole.any():
        return 1.0
    means = squares[whole] / share[whole]
    return float(means.max() / max(float(np.median(means)), 1e-30))


def arcs_of(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A fit's mask without the scattered squares around the arcs, shape (y, x)."""
    whole = ndimage.binary_opening(mask, np.ones((TILE + 2, TILE + 2)))
    return np.asarray(whole if whole.any() else mask)


@dataclass(frozen=True)
class FitResult:
    """A fitted lens.

    Parameters
    ----------
    stamp
        Image without the lens light; noise as it was used.
    lens_light
        Light of all lens galaxies [unit of the stamp] that `stamp.image` no longer contains, subtracted or fitted, shape (y, x); None if
        there was none.
    best
        Model of the highest likelihood.
    samples
        Posterior under the broad prior; a learned prior is divided out. Its `info` is the record of the fit in the posterior file.
    samples_with_prior
        Posterior under the network's prior, which comes from the same image; None without a network.
    learned
        Posterior of the network, if it was used.
    network
        Posterior of the network, whether or not it was used; None if no network was used or it is not applicable to such stamps.
    """

    stamp: Stamp
    lens_light: FloatArray | None
    best: LensModel
    samples: Samples
    samples_with_prior: Samples | None = None
    learned: DiagonalMixture | None = None
    network: DiagonalMixture | None = None

    @property
    def info(self) -> Mapping[str, Any]:
        """Numbers of the posterior file: noise scale, circle estimate, chi^2 per pixel and others."""
        return self.samples.info

    @property
    def status(self) -> Status:
        """``DONE``; ``TIMED_OUT`` or ``NOT_EXPLAINED`` if a limit ended the sampling; ``WRONG`` if the best model is a wrong solution."""
        return Status[self.info["status"]]

    @property
    def mode(self) -> str:
        """Prior: broad, blind, cnn-uniform, cnn-gaussian or cnn-joint."""
        return str(self.info["prior"])

    @property
    def flags(self) -> tuple[str, ...]:
        """Flags of the fit (:mod:`lenssbi.refinement.flags`)."""
        return tuple(self.info["flags"])

    @property
    def evaluations(self) -> int:
        """Number of likelihood evaluations of the sampling, earlier, interrupted runs included."""
        return int(self.info["evaluations"])

    @property
    def seconds(self) -> float:
        """Processor time of the sampling [s], earlier, interrupted runs included."""
        return float(self.info["seconds"])

    @property
    def mask(self) -> NDArray[np.bool_]:
        """True for fitted pixels, shape (y, x)."""
        return np.isfinite(self.best.image)

    @property
    def arcs_mask(self) -> NDArray[np.bool_]:
        """True where the arcs are fitted, shape (y, x): the mask without the scattered squares around them."""
        return arcs_of(self.mask)

    @property
    def residual(self) -> FloatArray:
        """(image - model) / noise, shape (y, x), NaN outside the mask."""
        noise = np.where(self.mask, self.stamp.noise, 1.0)
        return np.where(self.mask, (self.stamp.image - self.best.image) / noise, np.nan)

    def params(self) -> dict[str, Summary]:
        """Summary of every parameter, q and phi [deg] among them."""
        return self.samples.derived().summary()

    def params_with_prior(self) -> dict[str, Summary] | None:
        """The same under the learned prior."""
        return None if self.samples_with_prior is None else self.samples_with_prior.derived().summary()
