"""The true parameters of a lens that is not a power law: those of an SIE or power law fitted to its convergence.

As in section 2.2 of Pearson et al. (2021), a least-squares fit weighted by the square root of the convergence:

    minimise   int sqrt(kappa) (kappa - kappa_model)^2 d^2 theta,   sqrt(kappa) = 0 where kappa < 0,

over the ring 0.2 < |theta - centre| / einstein_radius < 2, where images form. Closer to the centre a singular model cannot
be compared with a softened simulated galaxy, and would dominate the fit; farther out are noise and neighbours.
The ring has the centre and the Einstein radius of the result, not those of the guess, so that the guess does not matter.

Light cones with mean-subtracted planes have negative convergence in places: these get no weight.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from scipy.optimize import least_squares

from lenssbi.arrays import FloatArray
from lenssbi.lensing.deflector import Deflector
from lenssbi.lensing.epl import EllipticalPowerLaw
from lenssbi.populations.draws import PopulationDraws

RING = (0.2, 2.0)
"""Edges of the ring, in Einstein radii."""
RINGS, SPOKES = 28, 48
"""Number of samples in radius and in angle."""
PASSES = 4
SETTLED = 0.01
"""Change of the Einstein radius and of the centre, relative to the ring, below which the ring is not updated."""
LOWEST = np.array([0.4, -3.0, -3.0, -0.5, -0.5, 1.05])
HIGHEST = np.array([2.5, 3.0, 3.0, 0.5, 0.5, 2.95])
"""Bounds of `_power_law`'s numbers."""


def fit_convergence(
    lens: Deflector, model: Literal["sie", "power_law"], einstein_radius: float, centre: complex = 0j
) -> dict[str, float]:
    """Fit a model to the convergence of `lens`.

    Parameters
    ----------
    lens
        One lens with scalar parameters; for several planes the effective convergence is used.
    model
        Model: "sie", of slope 2, or "power_law".
    einstein_radius
        Initial guess [arcsec].
    centre
        Initial guess, x + iy [arcsec].

    Returns
    -------
    einstein_radius, centre_x, centre_y [arcsec], e1, e2 and slope of the fit.

    Raises
    ------
    ValueError
        For an unknown model, a guess that is not positive, or a lens without any positive convergence around `centre`.
    """
    if model not in ("sie", "power_law"):
        raise ValueError(f"the model is sie or power_law, not {model}")
    if not einstein_radius > 0:
        raise ValueError(f"the guess of the Einstein radius is above 0, got {einstein_radius}")
    best = EllipticalPowerLaw(float(einstein_radius), 0.0, 0.0, 2.0, complex(centre))
    for _ in range(PASSES):
        ring, last = best.einstein_radius, best.centre
        best = _fit_ring(lens, model, best)
        if abs(best.einstein_radius - ring) + abs(best.centre - last) < SETTLED * ring:
            break
    return {
        "einstein_radius": float(best.einstein_radius),
        "e1": float(best.e1),
        "e2": float(best.e2),
        "slope": float(best.slope),
        "centre_x": float(np.real(best.centre)),
        "centre_y": float(np.imag(best.centre)),
    }


def _fit_ring(lens: Deflector, model: str, start: EllipticalPowerLaw) -> EllipticalPowerLaw:
    """The fit within the ring of `start`, in units of its Einstein radius."""
    r = RING[0] + (RING[1] - RING[0]) * (np.arange(RINGS) + 0.5)[:, None] / RINGS
    z = r * np.exp(2j * np.pi * np.arange(SPOKES) / SPOKES)
    kappa = lens.convergence(start.centre + start.einstein_radius * z)
    weight = r * np.sqrt(np.maximum(kappa, 0))  # the area of a sample is proportional to r
    if not weight.any():
        raise ValueError(f"there is no mass around {start.centre} to fit: the convergence is nowhere positive")

    def residual(free: FloatArray) -> FloatArray:
        return (np.sqrt(weight) * (kappa - _power_law(free).convergence(z))).ravel()

    e = start.e1 + 1j * start.e2
    if e == 0:  # kappa of an isothermal ellipse goes as (1 - |e| cos(2 phi))^-1/2
        e = 4 * np.sum(weight * kappa * z**2) / np.sum(weight * np.abs(kappa) * r**2)
        e /= max(1.0, abs(e) / 0.8)
    shape = e / np.sqrt(1 - abs(e) ** 2)
    n = 6 if model == "power_law" else 5
    free = np.array([1.0, shape.real, shape.imag, 0.0, 0.0, start.slope])[:n]
    free = np.clip(free, LOWEST[:n], HIGHEST[:n])
    free = least_squares(residual, free, bounds=(LOWEST[:n], HIGHEST[:n]), xtol=1e-9, ftol=1e-12, gtol=1e-12).x
    best = _power_law(free)
    return replace(
        best,
        einstein_radius=start.einstein_radius * best.einstein_radius,
        centre=start.centre + start.einstein_radius * best.centre,
    )


def _power_law(free: FloatArray) -> EllipticalPowerLaw:
    """Einstein radius, ellipticity as e / sqrt(1 - |e|^2), centre and, unless it is 2, slope."""
    e1, e2 = (float(part) for part in free[1:3] / np.sqrt(1 + free[1] ** 2 + free[2] ** 2))
    slope = float(free[5]) if len(free) > 5 else 2.0
    return EllipticalPowerLaw(float(free[0]), e1, e2, slope, complex(free[3], free[4]))


def true_params(draws: PopulationDraws, row: int) -> dict[str, float]:
    """True parameters of one draw: its own, or those of the fit to its total convergence if it requires one."""
    params = {name: float(values[row]) for name, values in draws.params.items()}
    if draws.fit is None:
        return params
    centre = complex(params["centre_x"], params["centre_y"])
    return fit_convergence(draws[row].system, draws.fit, params["einstein_radius"], centre)
