"""Monotone map of the credibility level, from the level wanted to the level of the network's interval with that coverage.

For stamp i let c_i = |2 F(truth) - 1| be the credibility of the smallest central interval that contains the truth. The network's
interval of credibility c contains a share P(c_i < c) of the truths. This empirical coverage rises with c, and its inverse,
the quantile of the c_i at the wanted credibility, is the level to use (`estimators/recalibration.py` applies it). The map is
linear in normal quantiles between the levels, and is extrapolated beyond the last one.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from lenssbi.estimators.recalibration import Levels, used_quantile

WANTED = (0.1, 0.3, 0.5, 0.683, 0.8, 0.9, 0.955, 0.99, 0.997)
FEWEST_OUTSIDE = 5  # smallest number of stamps outside an interval for a measurement of its level
CERTAIN = 1 - 1e-9  # largest credibility that can be measured


def fit_levels(claimed: NDArray[np.floating]) -> Levels:
    """Fit the map of one parameter.

    Parameters
    ----------
    claimed
        c_i of stamps that the network has not seen, shape (stamp,), between 0 and 1.

    Returns
    -------
    Pairs (level wanted, level to use), both rising; empty if there are too few stamps to measure a level.
    """
    found: list[tuple[float, float]] = []
    for wanted in WANTED:
        use = float(np.quantile(claimed, wanted))
        last = found[-1][1] if found else 0.0
        if len(claimed) * (1 - wanted) >= FEWEST_OUTSIDE and last < use < CERTAIN:
            found.append((wanted, use))
    return tuple(found)


def mapped(claimed: NDArray[np.floating], levels: Levels) -> NDArray[np.float64]:
    """The c_i of the posteriors after this map, shape (stamp,): the inverse of `used_quantile`."""
    z = ndtri((1 + np.minimum(claimed, 1 - 1e-15)) / 2)
    swapped = tuple((use, wanted) for wanted, use in levels)
    return 2 * ndtr(used_quantile(z, swapped)) - 1
