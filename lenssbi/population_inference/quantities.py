"""The quantity that a population distributes: a parameter on the scale on which it is taken to be Gaussian.

q                 between 0 and 1
slope             between 1 and 3
einstein_radius   its logarithm to base 10 [dex]
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.status import InputError


@dataclass(frozen=True)
class Quantity:
    """A parameter and its scale.

    Parameters
    ----------
    parameter
        Name of the column of a posterior.
    name, unit
        Name and unit of the quantity.
    limits
        Smallest and largest possible value, on the scale.
    logarithmic
        Whether the scale is the logarithm to base 10.
    """

    parameter: str
    name: str
    unit: str
    limits: tuple[float, float]
    logarithmic: bool = False

    def of(self, values: FloatArray) -> FloatArray:
        """Values of the parameter, any shape, on the scale."""
        if not self.logarithmic:
            return np.asarray(values, dtype=float)
        values = np.asarray(values, dtype=float)
        return np.log10(values, where=values > 0, out=np.full_like(values, -np.inf))

    def undo(self, x: FloatArray) -> FloatArray:
        """The parameter, from its value on the scale."""
        return 10.0 ** np.asarray(x) if self.logarithmic else np.asarray(x, dtype=float)

    def log_stretch(self, x: FloatArray) -> FloatArray:
        """Natural log of d(parameter) / d(scale) at `x`, the factor of a density over the parameter."""
        x = np.asarray(x, dtype=float)
        return np.log(np.log(10.0)) + np.log(10.0) * x if self.logarithmic else np.zeros_like(x)


QUANTITIES = {
    "q": Quantity("q", "q", "", (0.0, 1.0)),
    "slope": Quantity("slope", "slope", "", (1.0, 3.0)),
    "einstein_radius": Quantity("einstein_radius", "log10_einstein_radius", "dex", (-np.inf, np.inf), True),
}
"""Quantities by the name of the parameter."""


def quantity(parameter: str) -> Quantity:
    """The quantity of a parameter.

    Raises
    ------
    InputError
        If the parameter has no population model.
    """
    if parameter not in QUANTITIES:
        raise InputError(f"{parameter}: populations are known for {', '.join(QUANTITIES)}: choose one of them")
    return QUANTITIES[parameter]
