"""The paper's measure of error: half the width of the central 68 per cent of (predicted - true).

Orientations differ by at most a quarter turn: 179 deg and 1 deg are 2 deg apart. e1 and e2 are scored as q and phi too.
"""

import numpy as np
from numpy.typing import NDArray

from lenssbi.parameters.transforms import axis_ratio, position_angle, wrap_angle

CENTRAL = (15.865, 84.135)
"""Percentiles: the ends of the central 68.3 per cent."""


def errors(names: tuple[str, ...], predicted: NDArray[np.floating], true: NDArray[np.floating]) -> dict[str, float]:
    """Return the 68 per cent error of each parameter.

    Parameters
    ----------
    names
        Names of the columns.
    predicted, true
        Physical values, shape (stamp, parameter).

    Returns
    -------
    Mapping of name to error in the parameter's unit; with e1 and e2 also `q` and `phi` [deg].
    """
    scores = {name: half_width(predicted[:, i] - true[:, i]) for i, name in enumerate(names)}
    if "e1" in names and "e2" in names:
        one, other = names.index("e1"), names.index("e2")
        e, e_true = (values[:, one] + 1j * values[:, other] for values in (predicted, true))
        scores["q"] = half_width(axis_ratio(e) - axis_ratio(e_true))
        scores["phi"] = half_width(np.degrees(wrap_angle(position_angle(e) - position_angle(e_true))))
    return scores


def half_width(differences: NDArray[np.floating]) -> float:
    """Half the distance of the 15.87th and 84.13th percentiles."""
    return float(half_widths(np.ravel(differences)))


def half_widths(differences: NDArray[np.floating]) -> NDArray[np.float64]:
    """The same over the last axis."""
    low, high = np.percentile(differences, CENTRAL, axis=-1)
    return np.asarray((high - low) / 2)
