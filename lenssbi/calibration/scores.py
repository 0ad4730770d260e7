"""Scores of predictions against truths, for benchmark, report, calibration and notebooks.

half_width  half of the central 68.3 per cent interval of the errors (Pearson et al. 2021, section 4); `errors`: of every parameter
rms, nmad   root mean square, and 1.4826 times the median absolute deviation from the median
gross       errors of an Einstein radius beyond a fraction of the truth
claimed     credibility of the smallest central interval that contains the truth: coverage is the share of those below a level
wilson      interval of a share (Wilson 1927); `binomial_error`: scatter of a share with a known expectation
resampled   rows of a bootstrap over lenses (Efron & Tibshirani 1993, section 13.3), `interval`: ends of the central interval of its draws
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from lenssbi.estimators.scores import CENTRAL, errors, half_width, half_widths

__all__ = [
    "CENTRAL",
    "GROSS",
    "LEVELS",
    "binomial_error",
    "claimed",
    "errors",
    "gross",
    "half_width",
    "half_widths",
    "interval",
    "nmad",
    "resampled",
    "rms",
    "wilson",
]

Floats = NDArray[np.float64]
LEVELS = {"0.683": float(erf(1 / np.sqrt(2))), "0.955": float(erf(2 / np.sqrt(2))), "0.997": float(erf(3 / np.sqrt(2)))}
"""One, two and three sigma."""
GROSS = 0.15
"""Fraction of the true Einstein radius above which an error is gross."""
NORMAL = 1.4826  # standard deviation of a Gaussian over its median absolute deviation


def rms(differences: NDArray[np.floating]) -> Floats:
    """Root mean square over the last axis."""
    return np.asarray(np.sqrt(np.mean(differences**2, axis=-1)))


def nmad(differences: NDArray[np.floating]) -> Floats:
    """Normalised median absolute deviation over the last axis."""
    middle = np.median(differences, axis=-1, keepdims=True)
    return np.asarray(NORMAL * np.median(np.abs(differences - middle), axis=-1))


def gross(
    differences: NDArray[np.floating], truths: NDArray[np.floating], fraction: float = GROSS
) -> NDArray[np.bool_]:
    """True for each error that exceeds a fraction of the truth, of the shape of `differences`."""
    return np.abs(differences) > fraction * truths


def claimed(below: NDArray[np.floating]) -> Floats:
    """Credibility of the smallest central interval that contains the truth.

    Parameters
    ----------
    below
        Mass of the posterior below the truth, any shape.
    """
    return np.asarray(2 * np.abs(below - 0.5))


def binomial_error(level: float, count: int) -> float:
    """Scatter of the coverage of a perfect estimator on `count` stamps."""
    return float(np.sqrt(level * (1 - level) / count))


def wilson(share: float, count: int) -> tuple[float, float]:
    """Ends of the 68.3 per cent interval of a share of `count` (Wilson 1927)."""
    from scipy.stats import binomtest

    ends = binomtest(round(share * count), count).proportion_ci(LEVELS["0.683"], method="wilson")
    return float(ends.low), float(ends.high)


@lru_cache(maxsize=4)  # up to 8 MB each
def resampled(count: int, resamples: int, seed: int) -> NDArray[np.int_]:
    """Indices of the lenses of each bootstrap draw, shape (resamples, count); the same for the same arguments."""
    return np.random.default_rng((seed, count)).integers(count, size=(resamples, count))


def interval(draws: NDArray[np.floating]) -> tuple[float, float]:
    """Ends of the central 68.3 per cent interval of bootstrap draws, shape (draw,)."""
    low, high = np.percentile(draws, CENTRAL)
    return float(low), float(high)
