"""The effective Einstein radius of a posterior: the radius of the circle with the area of the tangential critical curve.

It is a property of the whole deflector, shear included, and has the same definition in every code. The centre of the mass moves the curve
but does not change its area, so it is ignored.

The deflection of a power law is homogeneous. Along the direction phi from its centre, with u = r^-(slope - 1),

    kappa = F(phi) u,   gamma = G(phi) u + shear

and det A = (1 - kappa)^2 - |gamma|^2 (Schneider, Ehlers & Falco 1992, eq. 5.25) is a quadratic in u, whose smallest positive root, where
the outermost, tangential curve is,

    u = (1 - |shear|^2) / (b + sqrt(b^2 - (F^2 - |G|^2)(1 - |shear|^2))),   b = F + Re(G conj(shear))

makes 1 - kappa = |gamma| for |shear| < 1. For an isothermal mass, |G| = F, and with w = exp(2 i phi)

    r^2 = einstein_radius^2 2 q / (1 + q^2) (1 - Re(w conj(shear)))^2 / (1 - |shear|^2)^2 / (1 - Re(w conj(e)))

The area is the integral of r^2 / 2 over phi, and the curve is symmetric about its centre: sums over half of a circle converge as
((1 - q) / (1 + q))^n with the number n of their terms. Without shear the radius of an isothermal lens is `einstein_radius` itself.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lenssbi.arrays import ComplexArray, FloatArray
from lenssbi.lensing import EllipticalPowerLaw
from lenssbi.lensing.curves import critical_curves, equivalent_einstein_radius
from lenssbi.parameters.conventions import has_companions
from lenssbi.parameters.conversions import ISOTHERMAL, complete
from lenssbi.posteriors.samples import Samples
from lenssbi.systems import deflectors

FIELD, CELLS = 2.5, 120  # of all Einstein radii, and grid points along the side, in which curves are traced
ANGLES = 2 * np.pi * np.arange(32) / 32  # 2 phi over half of a circle: areas are right to 1e-5 for q = 0.2


def effective_radii(samples: Samples) -> FloatArray:
    """Effective radii [arcsec] of all draws, shape (draw,); NaN for draws that are not lenses.

    Parameters
    ----------
    samples
        Posterior of einstein_radius [arcsec], e1, e2 and, if they were inferred, slope, shear1 and shear2.
    """
    return effective_radius({name: samples.column(name) for name in samples.names})


def effective_radius(lens: Mapping[str, FloatArray | float]) -> FloatArray:
    """Effective radius [arcsec] of lenses by the names of their parameters, numbers or arrays of one shape; NaN for parameters that are not
    those of a lens. With companions it is that of the largest critical curve, which is traced.

    Examples
    --------
    >>> round(float(effective_radius({"einstein_radius": 1.2, "e1": 0.3, "e2": -0.1})), 6)
    1.2
    """
    ours = complete(lens)
    radius, slope = ours["einstein_radius"], ours["slope"]
    e = ours["e1"] + 1j * ours["e2"]
    shear = np.asarray(ours.get("shear1", 0.0) + 1j * ours.get("shear2", 0.0))
    good = (radius > 0) & (np.abs(e) < 1) & (np.abs(shear) < 1) & (slope > 1) & (slope < 3)
    found = np.full(radius.shape, np.nan)
    if has_companions(lens):
        return _traced(lens, good)
    shear = np.broadcast_to(shear, radius.shape)
    for which, of_unit_lens in (
        (good & (slope == ISOTHERMAL), _isothermal),
        (good & (slope != ISOTHERMAL), _power_law),
    ):
        if which.any():
            found[which] = radius[which] * of_unit_lens(e[which][:, None], shear[which][:, None], slope[which][:, None])
    return found


def _isothermal(e: ComplexArray, shear: ComplexArray, slope: FloatArray) -> FloatArray:
    """Effective radii, shape (n,), over the Einstein radii of isothermal lenses, whose parameters have shape (n, 1)."""
    x, y = np.cos(ANGLES), np.sin(ANGLES)
    # 2 q / (1 + q^2) is sqrt(1 - |e|^2)
    squares = np.sqrt(1 - np.abs(e) ** 2) * (1 - shear.real * x - shear.imag * y) ** 2 / (1 - e.real * x - e.imag * y)
    return np.asarray(np.sqrt(np.mean(squares, axis=1)) / (1 - np.abs(shear[:, 0]) ** 2))


def _power_law(e: ComplexArray, shear: ComplexArray, slope: FloatArray) -> FloatArray:
    """The same for lenses of any slope."""
    kappa, gamma = EllipticalPowerLaw(1.0, e.real, e.imag, slope).derivatives(np.exp(0.5j * ANGLES))
    c, b = 1 - np.abs(shear) ** 2, kappa.real + (gamma * np.conj(shear)).real
    u = c / (b + np.sqrt(np.maximum(b**2 - (kappa.real**2 - np.abs(gamma) ** 2) * c, 0.0)))
    return np.asarray(np.sqrt(np.mean(u ** (-2 / (slope - 1)), axis=1)))


def _traced(lens: Mapping[str, FloatArray | float], good: NDArray[np.bool_]) -> FloatArray:
    """Effective radii of lenses with companions; NaN where `good` is false."""
    columns = dict(zip(lens, np.broadcast_arrays(*lens.values()), strict=True))
    found = np.full(good.shape, np.nan)
    for place in np.argwhere(good):
        params = {name: float(column[tuple(place)]) for name, column in columns.items()}
        params = {"centre_x": 0.0, "centre_y": 0.0} | params
        radii = sum(value for name, value in params.items() if name.endswith("einstein_radius"))
        reach = max(abs(params[name]) for name in params if name.endswith(("_x", "_y")))
        curves = critical_curves(deflectors(params), FIELD * radii + reach, CELLS)
        if curves:
            found[tuple(place)] = equivalent_einstein_radius(curves)
    return found
