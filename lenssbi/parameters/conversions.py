"""The mass model in the parameters of other codes.

lenssbi has, with q the axis ratio, phi the position angle of the major axis from +x, and gamma the modulus of the shear,

    kappa = (3 - slope)/2 (einstein_radius / sqrt(q x^2 + y^2/q))^(slope - 1)      x along the major axis
    e1 + i e2 = (1 - q^2)/(1 + q^2) exp(2 i phi)
    shear1 + i shear2 = gamma exp(2 i phi_gamma),   deflection (shear1 + i shear2) conj(theta)

lenstronomy (Birrer & Amara 2018, Phys. Dark Universe 22, 189; its profiles EPL and SHEAR) has the same radius and slope, and

    e1 + i e2 = f exp(2 i phi),   f = (1 - q)/(1 + q),   gamma1 + i gamma2 = shear1 + i shear2

PyAutoLens (Nightingale et al. 2021, JOSS 6, 2825; profiles PowerLaw, Isothermal and ExternalShear, and `convert.py` of PyAutoGalaxy) has

    kappa = (3 - slope)/(1 + q) (theta_E / sqrt(x^2 + y^2/q^2))^(slope - 1)
    ell_comps = f (sin 2 phi, cos 2 phi),   gamma_1 + i gamma_2 = shear1 + i shear2,   centre = (y, x)

so that its theta_E = einstein_radius / sqrt(q) ((1 + q)/2)^(1/(slope - 1)), which is einstein_radius / sqrt(1 - f^2) if it is isothermal.

COOLEST (Galan et al. 2023, JOSS 8, 5567; profiles PEMD and ExternalShear) has the same radius and slope, and angles from +y:

    phi_COOLEST = phi - 90 deg,   gamma_ext = gamma,   phi_ext = phi_gamma - 90 deg,   both in (-90, 90] deg

Every function takes and returns a mapping from names to numbers or arrays of one shape. Parameters that a model lacks are those of an
unsheared isothermal lens in the middle of the stamp.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.parameters.transforms import axis_ratio, position_angle

ISOTHERMAL = 2.0
NOT_INFERRED = {"slope": ISOTHERMAL, "centre_x": 0.0, "centre_y": 0.0}
"""Parameters that a model may lack, and their default values."""
NORTH = 90.0  # [deg]: zero of COOLEST's angles relative to ours
Values = Mapping[str, Any]
Angle = TypeVar("Angle", float, FloatArray)


def complete(params: Values) -> dict[str, FloatArray]:
    """The parameters of a mass model as arrays of one shape, with defaults for those that it lacks."""
    like = np.asarray(params["einstein_radius"], dtype=float)
    found = {name: np.full_like(like, value) for name, value in NOT_INFERRED.items()}
    return found | {name: np.asarray(value, dtype=float) for name, value in params.items()}


def flattening(params: Values) -> FloatArray:
    """Complex ellipticity (1 - q)/(1 + q) exp(2 i phi), as lenstronomy and PyAutoLens have it.

    Examples
    --------
    >>> complex(flattening({"e1": 0.6, "e2": 0.0}))  # q = 1/2
    (0.3333333333333333+0j)
    """
    e = np.asarray(params["e1"], dtype=float) + 1j * np.asarray(params["e2"], dtype=float)
    # f = e / (1 + sqrt(1 - |e|^2)), the inverse of e = 2 f / (1 + |f|^2)
    return np.asarray(e / (1 + np.sqrt(1 - np.abs(e) ** 2)))


def distortion(f: Any) -> Any:
    """Complex ellipticity (1 - q^2)/(1 + q^2) exp(2 i phi) of (1 - q)/(1 + q) exp(2 i phi)."""
    return 2 * f / (1 + abs(f) ** 2)


def to_lenstronomy(params: Values) -> dict[str, dict[str, Any]]:
    """The keyword arguments of lenstronomy's profiles, by their names: EPL, and SHEAR if the model has a shear.

    Parameters
    ----------
    params
        einstein_radius [arcsec], e1, e2, and possibly slope, centre_x, centre_y [arcsec], shear1, shear2.
    """
    ours, f = complete(params), flattening(params)
    mass: dict[str, Any] = {"theta_E": ours["einstein_radius"], "gamma": ours["slope"], "e1": f.real, "e2": f.imag}
    found = {"EPL": mass | {"center_x": ours["centre_x"], "center_y": ours["centre_y"]}}
    if "shear1" in params:
        found["SHEAR"] = {"gamma1": ours["shear1"], "gamma2": ours["shear2"], "ra_0": 0.0, "dec_0": 0.0}
    return found


def from_lenstronomy(mass: Values, shear: Values | None = None) -> dict[str, Any]:
    """The parameters of lenssbi of the keyword arguments of lenstronomy's EPL and, if it has one, SHEAR."""
    e = distortion(np.asarray(mass["e1"]) + 1j * np.asarray(mass["e2"]))
    found = {"einstein_radius": mass["theta_E"], "e1": e.real, "e2": e.imag, "slope": mass["gamma"]}
    found |= {"centre_x": mass["center_x"], "centre_y": mass["center_y"]}
    return found if shear is None else found | {"shear1": shear["gamma1"], "shear2": shear["gamma2"]}


def to_autolens(params: Values) -> dict[str, Any]:
    """PyAutoLens's parameters: einstein_radius, ell_comps_0 (the sine), ell_comps_1, slope, centre_0 (y), centre_1 (x), gamma_1, gamma_2.

    Parameters
    ----------
    params
        As for :func:`to_lenstronomy`.
    """
    ours, f = complete(params), flattening(params)
    radius = ours["einstein_radius"] * autolens_radius(abs(f), ours["slope"])
    found = {"einstein_radius": radius, "ell_comps_0": f.imag, "ell_comps_1": f.real, "slope": ours["slope"]}
    found |= {"centre_0": ours["centre_y"], "centre_1": ours["centre_x"]}
    return found if "shear1" not in params else found | {"gamma_1": ours["shear1"], "gamma_2": ours["shear2"]}


def from_autolens(theirs: Values) -> dict[str, Any]:
    """The parameters of lenssbi of PyAutoLens's, named as in :func:`to_autolens`; missing ones are left out.

    Raises
    ------
    ValueError
        If the ellipticity is not that of an ellipse.
    """
    f = np.asarray(theirs["ell_comps_1"], dtype=float) + 1j * np.asarray(theirs["ell_comps_0"], dtype=float)
    if not (np.abs(f) < 1).all():
        raise ValueError(f"an ellipticity of modulus {np.abs(f).max():g} belongs to no ellipse")
    e = distortion(f)
    radius = theirs["einstein_radius"] / autolens_radius(np.abs(f), theirs.get("slope", ISOTHERMAL))
    names = {"slope": "slope", "centre_0": "centre_y", "centre_1": "centre_x", "gamma_1": "shear1", "gamma_2": "shear2"}
    others = {ours: theirs[name] for name, ours in names.items() if name in theirs}
    return {"einstein_radius": radius, "e1": e.real, "e2": e.imag, **others}


def autolens_radius(f: Any, slope: Any = ISOTHERMAL) -> Any:
    """PyAutoLens's Einstein radius over ours, of the modulus f = (1 - q)/(1 + q) and the slope.

    Examples
    --------
    >>> round(float(autolens_radius(0.6)), 6)  # isothermal: 1 / sqrt(1 - f^2)
    1.25
    """
    q = (1 - f) / (1 + f)
    return ((1 + q) / 2) ** (1 / (slope - 1)) / np.sqrt(q)


def to_coolest(params: Values) -> dict[str, Any]:
    """COOLEST's parameters: theta_E, gamma, q, phi, center_x, center_y, and gamma_ext, phi_ext if the model has a shear.

    Parameters
    ----------
    params
        As for :func:`to_lenstronomy`.
    """
    ours = complete(params)
    e = ours["e1"] + 1j * ours["e2"]
    found = {"theta_E": ours["einstein_radius"], "gamma": ours["slope"], "q": axis_ratio(e)}
    found |= {"phi": from_north(np.degrees(position_angle(e)))}
    found |= {"center_x": ours["centre_x"], "center_y": ours["centre_y"]}
    if "shear1" in params:
        shear = ours["shear1"] + 1j * ours["shear2"]
        found |= {"gamma_ext": np.abs(shear), "phi_ext": from_north(np.degrees(position_angle(shear)))}
    return found


def from_coolest(theirs: Values) -> dict[str, Any]:
    """The parameters of lenssbi of COOLEST's, named as in :func:`to_coolest`."""
    q, angle = np.asarray(theirs["q"], dtype=float), np.radians(np.asarray(theirs["phi"], dtype=float) + NORTH)
    e = (1 - q**2) / (1 + q**2) * np.exp(2j * angle)
    found = {"einstein_radius": theirs["theta_E"], "e1": e.real, "e2": e.imag, "slope": theirs["gamma"]}
    found |= {"centre_x": theirs["center_x"], "centre_y": theirs["center_y"]}
    if "gamma_ext" in theirs:
        shear = theirs["gamma_ext"] * np.exp(2j * np.radians(np.asarray(theirs["phi_ext"], dtype=float) + NORTH))
        found |= {"shear1": shear.real, "shear2": shear.imag}
    return found


def from_north(angle: Angle) -> Angle:
    """Angles from +x [deg] in COOLEST's convention: from +y, in (-90, 90] deg.

    Examples
    --------
    >>> from_north(20.0), from_north(0.0)
    (-70.0, 90.0)
    """
    return 90.0 - (90.0 - (angle - NORTH)) % 180.0
