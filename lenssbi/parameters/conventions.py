"""Definition of each parameter in one sentence: the table that every export contains.

Codes agree on names and differ in definitions. The most frequent causes of confusion:

    Einstein radius   some take the major axis, some the circle of the same area (we do), some the critical curve
    angle             from +x (we do) or from +y, as East of North is
    ellipticity       (1 - q^2) / (1 + q^2), "distortion" (we do), or (1 - q) / (1 + q), "reduced shear"
    slope             of the density in three dimensions (we do), or of the projected one, smaller by 1

The mass is the elliptical power law of Tessore & Metcalf (2015, A&A 580, A79), the ellipticity eq. 1 of Pearson et al. (2021).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

COORDINATES = (
    "x to the right, y up along the pixels of the stamp, 0 in its centre, in arcsec; angles are anticlockwise from +x. "
    "Where the stamp has North up and East to the left, the position angle East of North is phi - 90 deg"
)
"""The coordinate system of all parameters."""

CONVENTIONS: dict[str, str] = {
    "einstein_radius": (
        "radius [arcsec] of the circle with the area of the ellipse inside which the mean convergence is 1 (intermediate axis): "
        "kappa = (3 - slope)/2 (einstein_radius / sqrt(q x^2 + y^2/q))^(slope - 1) with x along the major axis, without shear"
    ),
    "q": "axis ratio of the convergence, minor over major axis",
    "phi": "position angle [deg] of the major axis of the convergence, anticlockwise from +x, 0 to 180",
    "e1": "ellipticity (1 - q^2)/(1 + q^2) cos(2 phi) of the convergence",
    "e2": "ellipticity (1 - q^2)/(1 + q^2) sin(2 phi) of the convergence",
    "slope": "negative logarithmic slope of the density in three dimensions; 2 is isothermal, the projected slope is 1 less",
    "shear1": "external shear gamma cos(2 angle), angle the direction in which it stretches images: deflection gamma conj(theta)",
    "shear2": "external shear gamma sin(2 angle)",
    "centre_x": "centre of the mass [arcsec], to the right of the stamp's centre",
    "centre_y": "centre of the mass [arcsec], above the stamp's centre",
}
"""Name of a parameter to its definition."""

MOST_COMPANIONS = 4
COMPANION = re.compile(r"companion[1-9]_(einstein_radius|x|y)")
COMPANIONS = {
    "einstein_radius": "Einstein radius [arcsec] of a further lens galaxy, an isothermal sphere",
    "x": "its centre [arcsec], to the right of the stamp's centre",
    "y": "its centre [arcsec], above the stamp's centre",
}
"""Parameters of further lens galaxies, and the ends of their names with definitions."""


def has_companions(names: Iterable[str]) -> bool:
    """Whether some of the parameters are those of further lens galaxies."""
    return any(map(COMPANION.fullmatch, names))


def convention(name: str) -> str:
    """Definition of the parameter `name`; empty for one that is not of the mass.

    Examples
    --------
    >>> convention("q")
    'axis ratio of the convergence, minor over major axis'
    >>> convention("log10_strength")
    ''
    """
    of_companion = COMPANION.fullmatch(name)
    return COMPANIONS[of_companion[1]] if of_companion else CONVENTIONS.get(name, "")
