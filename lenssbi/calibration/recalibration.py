"""Fit the stretch that makes intervals of every credibility right (`estimators/recalibration.py` says what it does).

For stamp i let u_i be the mass of the stretched posterior that lies nearer to its mean than the truth does. If the
posteriors are right, the u_i are uniform. Scale and tail of each parameter minimise the distance of the u_i from uniform by
Anderson & Darling (1952), which weighs the ends, and hence the 99.7 per cent intervals, as much as the middle:

    A^2 = -n - 1/n sum_i (2i - 1) [ln u_(i) + ln(1 - u_(n+1-i))].
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import ndtr

from lenssbi.calibration.coverage import Passes
from lenssbi.estimators.recalibration import Recalibration, stretch

SCALE_RANGE = (0.05, 20.0)
TAIL_RANGE = (0.0, 1.5)
TINY = 1e-9  # a truth beyond the posterior's numbers counts as this far out


def fit_recalibration(posteriors: Passes, truths: NDArray[np.floating]) -> Recalibration:
    """Fit scale and tail of each parameter on stamps that the network has not seen.

    Parameters
    ----------
    posteriors
        As the network gives them.
    truths
        True values, shape (stamp, parameter), in the unit of the posteriors.

    Raises
    ------
    ValueError
        Where the shapes do not fit.
    """
    if truths.shape != (len(posteriors.means), len(posteriors.names)):
        raise ValueError(f"truths of shape {truths.shape} do not go with {posteriors.means.shape} posteriors")
    fits = [
        _fit(posteriors.means[..., i], posteriors.sigmas[..., i], truths[:, i]) for i in range(len(posteriors.names))
    ]
    return Recalibration(posteriors.names, tuple(f[0] for f in fits), tuple(f[1] for f in fits))


def recalibrate(posteriors: Passes, recalibration: Recalibration) -> Passes:
    """Apply a calibration to many posteriors at once."""
    parts = [
        stretch(posteriors.means[..., i], posteriors.sigmas[..., i], recalibration.scale[i], recalibration.tail[i])
        for i in range(len(posteriors.names))
    ]
    means, sigmas = (np.stack(values, axis=-1) for values in zip(*parts, strict=True))
    return Passes(means, sigmas, posteriors.names)


def anderson_darling(u: NDArray[np.floating]) -> float:
    """Distance A^2 of numbers in (0, 1) from the uniform distribution; its mean over uniform samples is 1.

    Examples
    --------
    >>> anderson_darling((np.arange(1000) + 0.5) / 1000) < 0.1
    True
    """
    u = np.sort(np.clip(u, TINY, 1 - TINY))
    odd = 2 * np.arange(len(u)) + 1
    return float(-len(u) - np.mean(odd * (np.log(u) + np.log1p(-u[::-1]))))


def _fit(means: NDArray[np.float64], sigmas: NDArray[np.float64], truths: NDArray[np.floating]) -> tuple[float, float]:
    middle = means.mean(axis=1, keepdims=True)
    away = np.abs(truths[:, None] - middle)

    def misfit(point: NDArray[np.float64]) -> float:
        mu, sigma = stretch(means, sigmas, float(np.exp(point[0])), float(point[1]))
        nearer = ndtr((middle + away - mu) / sigma) - ndtr((middle - away - mu) / sigma)
        return anderson_darling(nearer.mean(axis=1))

    bounds = [tuple(np.log(SCALE_RANGE)), TAIL_RANGE]
    start = np.array([[0.0, 0.1], [0.3, 0.1], [0.0, 0.4]])
    options = {"initial_simplex": start, "xatol": 1e-3, "fatol": 1e-3, "maxfev": 300}
    best = minimize(misfit, start[0], method="Nelder-Mead", bounds=bounds, options=options)
    return float(np.exp(best.x[0])), float(best.x[1])
