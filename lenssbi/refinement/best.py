"""The model of one parameter vector, with everything a figure shows."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from scipy import ndimage

from lenssbi.arrays import FloatArray
from lenssbi.lensing.curves import caustics, critical_curves
from lenssbi.reconstruction.imaging import Imaging
from lenssbi.refinement.look import Look
from lenssbi.refinement.result import BestModel

PATCH = 7  # [pixels]
LEAST_SHARE = 0.6  # of a square, in the mask


class Likelihood(Protocol):
    """Log likelihood of lens models, the source marginalised or solved for."""

    @property
    def imaging(self) -> Imaging:
        """The stamp as it is fitted."""
        ...

    def __call__(self, values: FloatArray) -> FloatArray:
        """Log likelihoods (n,) of parameter vectors (n, parameter)."""
        ...

    def params(self, row: FloatArray) -> dict[str, float]:
        """Name to value of one parameter vector (parameter,)."""
        ...

    def look(self, row: FloatArray) -> Look:
        """The model of one parameter vector (parameter,)."""
        ...


def best_model(likelihood: Likelihood, values: np.ndarray, log_likelihood: float) -> BestModel:
    """The model of one parameter vector.

    Parameters
    ----------
    likelihood
        Likelihood of the stamp.
    values
        Parameters of the model, shape (parameter,).
    log_likelihood
        Log likelihood of the model.
    """
    look, params, imaging = likelihood.look(values), likelihood.params(values), likelihood.imaging
    half_width = max(0.5 * max(imaging.mask.shape) * imaging.pixel_scale, 2.0 * params["einstein_radius"])
    curves = critical_curves(look.lens, half_width, n=400)
    return BestModel(
        params=params,
        log_likelihood=log_likelihood,
        image=look.image,
        lens_light=look.lens_light,
        source=look.source,
        critical_curves=tuple(curves),
        caustics=tuple(caustics(look.lens, curves)),
        magnification=look.basin.magnification,
        compactness=look.basin.compactness,
        counter=look.basin.counter,
        chi2=look.chi2,
        worst=_worst(imaging, look.image if look.lens_light is None else look.image + look.lens_light),
    )


def _worst(imaging: Imaging, model: FloatArray) -> float:
    """Largest mean of squared residuals over noise in squares of `PATCH` pixels, over that of the typical one."""
    z = np.where(imaging.mask, (imaging.data - np.where(imaging.mask, model, 0.0)) / imaging.noise, 0.0)
    share = ndimage.uniform_filter(imaging.mask.astype(float), PATCH, mode="constant")
    squares = ndimage.uniform_filter(z**2, PATCH, mode="constant")
    whole = imaging.mask & (share > LEAST_SHARE)
    if not whole.any():
        return 1.0
    means = squares[whole] / share[whole]
    return float(means.max() / max(float(np.median(means)), 1e-30))
