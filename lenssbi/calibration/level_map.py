"""The monotone map of the credibility level: which of the network's intervals hold as many truths as they should.

For stamp i let c_i = |2 F(truth) - 1| be the credibility of the smallest central interval that holds the truth. The network's
interval of credibility c holds a share P(c_i < c) of the truths; that empirical coverage rises with c, and its inverse,
the quantile of the c_i at the credibility that is wanted, is the level to use (`estimators/recalibration.py` applies it). Between
the levels the map is linear in normal quantiles, beyond the last one it goes on so.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from lenssbi.estimators.recalibration import Levels, used_quantile

WANTED = (0.1, 0.3, 0.5, 0.683, 0.8, 0.9, 0.955, 0.99, 0.997)
FEWEST_OUTSIDE = 5  # stamps outside an interval that its level is measured with
CERTAIN = 1 - 1e-9  # a network that claims more says nothing that can be measured


def fit_levels(claimed: NDArray[np.floating]) -> Levels:
    """Fit the map of one parameter.

    Parameters
    ----------
    claimed
        c_i of stamps that the network has not seen, shape (stamp,), between 0 and 1.

    Returns
    -------
    (level wanted, level to use), both rising; of so few stamps that no level can be measured, none.
    """
    found: list[tuple[float, float]] = []
    for wanted in WANTED:
        use = float(np.quantile(claimed, wanted))
        last = found[-1][1] if found else 0.0
        if len(claimed) * (1 - wanted) >= FEWEST_OUTSIDE and last < use < CERTAIN:
            found.append((wanted, use))
    return tuple(found)


def mapped(claimed: NDArray[np.floating], levels: Levels) -> NDArray[np.float64]:
    """The c_i, shape (stamp,), that the posteriors with this map claim: the inverse of `used_quantile`."""
    z = ndtri((1 + np.minimum(claimed, 1 - 1e-15)) / 2)
    swapped = tuple((use, wanted) for wanted, use in levels)
    return 2 * ndtr(used_quantile(z, swapped)) - 1
