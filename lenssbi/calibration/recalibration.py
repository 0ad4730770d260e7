"""Fit of a recalibration, so that intervals of every credibility have nominal coverage (applied by `estimators/recalibration.py`).

`scale`: for stamp i let u_i be the mass of the stretched posterior that lies nearer to its mean than the truth does. If the
posteriors are right, the u_i are uniform. Scale and tail of each parameter minimise the distance of the u_i from uniform by
Anderson & Darling (1952), which gives the ends, and hence the 99.7 per cent intervals, as much weight as the middle:

    A^2 = -n - 1/n sum_i (2i - 1) [ln u_(i) + ln(1 - u_(n+1-i))].

`level`: the map of `calibration/level_map.py`. `both`: that map on top of the scale. The best of them is chosen by two-fold
cross-validation: by the A^2 of the credibilities on stamps that it was not fitted to.
"""

from dataclasses import replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import ndtr

from lenssbi.calibration.coverage import Passes, claimed_levels
from lenssbi.calibration.level_map import fit_levels, mapped
from lenssbi.estimators.recalibration import Recalibration, relevel, stretch

Method = Literal["scale", "level", "both"]
METHODS: tuple[Method, ...] = get_args(Method)
BETTER = 0.5  # gain in A^2 that a less simple method needs; A^2 has mean 1 and scatter 0.8 for right posteriors
SCALE_RANGE = (0.05, 20.0)
TAIL_RANGE = (0.0, 1.5)
TINY = 1e-9  # limit of the distance of a number from 0 and 1


def fit_recalibration(posteriors: Passes, truths: NDArray[np.floating], method: Method = "scale") -> Recalibration:
    """Fit the recalibration of each parameter on stamps that the network was not trained on.

    Parameters
    ----------
    posteriors
        Posteriors of the network.
    truths
        True values, shape (stamp, parameter), in the unit of the posteriors.
    method
        Correction to fit.

    Raises
    ------
    ValueError
        If the shapes do not match.
    """
    if truths.shape != (len(posteriors.means), len(posteriors.names)):
        raise ValueError(f"truths of shape {truths.shape} do not match {posteriors.means.shape} posteriors")
    return _candidates(posteriors, truths)[method]


def choose_method(posteriors: Passes, truths: NDArray[np.floating]) -> Method:
    """The simplest method that is as good as the best on stamps that it was not fitted to; arguments as above."""
    halves = slice(0, None, 2), slice(1, None, 2)
    misfits = dict.fromkeys(METHODS, 0.0)
    for fit, judge in (halves, halves[::-1]):
        for method, found in _candidates(posteriors.take(fit), truths[fit]).items():
            stretched = recalibrate(posteriors.take(judge), replace(found, levels=()))
            claimed = claimed_levels(stretched, truths[judge]).T
            levels = found.levels or ((),) * len(claimed)
            misfits[method] += sum(anderson_darling(mapped(*pair)) for pair in zip(claimed, levels, strict=True))
    best = min(misfits.values())
    return next(m for m in METHODS if misfits[m] <= best + BETTER * 2 * len(posteriors.names))


def recalibrate(posteriors: Passes, recalibration: Recalibration) -> Passes:
    """Apply a recalibration to many posteriors at once."""
    parts = [
        stretch(posteriors.means[..., i], posteriors.sigmas[..., i], recalibration.scale[i], recalibration.tail[i])
        for i in range(len(posteriors.names))
    ]
    means, sigmas = (np.stack(values, axis=-1) for values in zip(*parts, strict=True))
    if any(recalibration.levels):
        moved = [relevel(*one, recalibration.levels) for one in zip(means, sigmas, strict=True)]
        means, sigmas = (np.stack(values) for values in zip(*moved, strict=True))
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


def _candidates(posteriors: Passes, truths: NDArray[np.floating]) -> dict[Method, Recalibration]:
    names, columns = posteriors.names, range(len(posteriors.names))
    fits = [_fit(posteriors.means[..., i], posteriors.sigmas[..., i], truths[:, i]) for i in columns]
    scale = Recalibration(names, tuple(f[0] for f in fits), tuple(f[1] for f in fits))
    alone = Recalibration(names, (1.0,) * len(names), (0.0,) * len(names))
    found: dict[Method, Recalibration] = {"scale": scale}
    for method, start in (("level", alone), ("both", scale)):
        claimed = claimed_levels(recalibrate(posteriors, start), truths)
        found[method] = replace(start, levels=tuple(fit_levels(c) for c in claimed.T))  # type: ignore[index]
    return found


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
