"""Quantities of a lens that follow from its posterior: radii, and with redshifts lengths, mass and velocity dispersion.

With the effective Einstein radius theta (:mod:`lenssbi.posteriors.effective`) and angular diameter distances D,

    mass within it         M = pi Sigma_cr (D_l theta)^2 = c^2 / (4 G) D_l D_s / D_ls theta^2
    velocity dispersion    einstein_radius = 4 pi (sigma / c)^2 D_ls / D_s

with Sigma_cr of Schneider, Ehlers & Falco (1992, eq. 5.4); see Wambsganss (1998, Living Rev. Relativity 1, 12, sections 3.2 and 3.5). The
mass is exact for a circle and the usual definition for any other lens. The second is the definition of the dispersion of the singular
isothermal ellipsoid of Kormann, Schneider & Bartelmann (1994, A&A 284, 285), whose length scale xi_0 is the Einstein radius along the
intermediate axis, as ours is. A lens of another slope has no such number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.parameters.conventions import has_companions
from lenssbi.posteriors.cosmology import DEFAULT, distances, kpc_per_arcsec
from lenssbi.posteriors.effective import effective_radii
from lenssbi.posteriors.samples import Samples, Summary, systematic

C_KM_S = 299792.458  # speed of light [km/s]
DRAWS = 500  # used for a lens of any slope or with companions, which take longer than an isothermal one
EFFECTIVE, LENGTH = "effective_einstein_radius", "effective_einstein_radius_kpc"
MASS, DISPERSION = "einstein_mass", "velocity_dispersion"
QUANTITIES: dict[str, tuple[str, str]] = {
    EFFECTIVE: ("arcsec", "radius of the circle with the area within the tangential critical curve, shear included"),
    LENGTH: ("kpc", "the effective Einstein radius in the lens plane; needs z_lens"),
    MASS: ("Msun", "projected mass within the effective Einstein radius; needs z_lens and z_source"),
    DISPERSION: ("km/s", "of the isothermal ellipsoid of this einstein_radius; needs z_lens and z_source"),
}
"""Name to unit and description."""


def quantities(samples: Samples, known: Mapping[str, Any] | None = None) -> dict[str, Summary]:
    """Median, 16th and 84th percentile of each of `QUANTITIES` that can be computed.

    Parameters
    ----------
    samples
        Posterior of einstein_radius [arcsec], e1, e2 and, if they were inferred, slope, shear1 and shear2.
    known
        ``z_lens``, ``z_source`` and ``cosmology``, each of which may be missing or None.
    """
    if not {"einstein_radius", "e1", "e2"} <= set(samples.names):
        return {}
    if len(samples) > DRAWS and ("slope" in samples.names or has_companions(samples.names)):
        rows = systematic(samples.weights, DRAWS, seed=0)
        samples = replace(samples, values=samples.values[rows], log_weights=None)
    columns = columns_of(samples, known or {})
    return {name: summary for name, column in columns.items() if (summary := _summary(samples, name, column))}


def columns_of(samples: Samples, known: Mapping[str, Any]) -> dict[str, FloatArray]:
    """The quantities of each draw, shape (draw,); NaN for a draw that is not a lens. Parameters as for :func:`quantities`."""
    from lenssbi.populations.cosmology import ARCSEC, C2_PER_4_PI_G  # imports astropy

    radius = effective_radii(samples)
    found = {EFFECTIVE: radius}
    cosmology, z_lens, z_source = known.get("cosmology") or DEFAULT, known.get("z_lens"), known.get("z_source")
    if z_lens is None:
        return found
    found[LENGTH] = radius * kpc_per_arcsec(z_lens, cosmology)
    if z_source is None:
        return found
    to_lens, to_source, between = distances(z_lens, z_source, cosmology)
    found[MASS] = np.pi * C2_PER_4_PI_G * to_lens * to_source / between * (radius * ARCSEC) ** 2
    if "slope" not in samples.names:
        theta = np.where(np.isfinite(radius), samples.column("einstein_radius"), np.nan) * ARCSEC
        found[DISPERSION] = C_KM_S * np.sqrt(theta / (4 * np.pi) * to_source / between)
    return found


def _summary(samples: Samples, name: str, column: FloatArray) -> Summary | None:
    """Summary of the draws that are lenses; None if there is none."""
    lenses = np.isfinite(column) & (samples.weights > 0)
    if not lenses.any():
        return None
    log_weights = None if samples.log_weights is None else samples.log_weights[lenses]
    return Samples(column[lenses][:, None], (name,), (QUANTITIES[name][0],), log_weights).summary()[name]
