"""The effective Einstein radius of a posterior: the radius of the circle with the area of the tangential critical curve.

It is a property of the whole deflector, shear included, and has one meaning in every code. The centre of the mass moves the curve and
leaves its area, so that it is left out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lenssbi.lensing import EllipticalPowerLaw, ExternalShear, Together, critical_curves, equivalent_einstein_radius
from lenssbi.parameters import axis_ratio
from lenssbi.posteriors import Samples

MARGIN = (
    2.0  # half the side of the field that is searched, over the longest radius of an isothermal ellipse in such a shear
)
GRID = 160  # points along the field's side: areas are right to 1e-4
ISOTHERMAL = 2.0


def effective_radii(samples: Samples, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Effective radii [arcsec] of `count` draws in proportion to their weights, shape (count,); NaN for one that is no lens.

    Parameters
    ----------
    samples
        Posterior of einstein_radius [arcsec], e1, e2 and, if they were inferred, slope, shear1 and shear2.
    count
        Number of draws.
    rng
        Source of the choice of draws.
    """
    drawn = samples.resample(count, rng)
    columns = {name: drawn.column(name) for name in drawn.names}
    return np.array(
        [effective_radius({name: float(column[i]) for name, column in columns.items()}) for i in range(count)]
    )


def effective_radius(lens: dict[str, float]) -> float:
    """Effective radius [arcsec] of one lens, by the names of its parameters; NaN if it is no lens."""
    e = complex(lens["e1"], lens["e2"])
    shear = complex(lens.get("shear1", 0.0), lens.get("shear2", 0.0))
    if not (lens["einstein_radius"] > 0 and abs(e) < 1 and abs(shear) < 1):
        return float("nan")
    mass = EllipticalPowerLaw(lens["einstein_radius"], e.real, e.imag, lens.get("slope", ISOTHERMAL))
    reach = lens["einstein_radius"] / np.sqrt(float(axis_ratio(np.asarray(e)))) / (1 - abs(shear))
    curves = critical_curves(Together((mass, ExternalShear(shear))), MARGIN * reach, GRID)
    return equivalent_einstein_radius(curves) if curves else float("nan")
