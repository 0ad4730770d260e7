"""`Lensed` as an object type of galsim.config.

    gal:
      type: Lensed
      source: {type: Sersic, n: 2, half_light_radius: 0.2, flux: 100, shift: {type: XY, x: 0.1, y: 0}}
      mass: {einstein_radius: 1.2, q: 0.7, phi: {type: Random}, slope: 2, shear1: 0.02, shear2: 0}
      pixel_scale: 0.1      # and, where wanted: size: 100, oversampling: 3

Numbers may be anything that galsim.config can draw; angles are galsim angles, lengths arcsec. Call `register()` once.
"""

from __future__ import annotations

from typing import Any

import galsim
import numpy as np

from lenssbi.lensing import EllipticalPowerLaw, ExternalShear
from lenssbi.light import Gaussian, LightProfile, Sersic
from lenssbi.parameters import ellipticity
from lenssbi.rendering.brightness import Field
from lenssbi.rendering.lensed import Lensed
from lenssbi.systems import LensSystem


def register() -> None:
    """Make `type: Lensed` known to galsim.config."""
    galsim.config.RegisterObjectType("Lensed", build_lensed)


def build_lensed(
    config: dict[str, Any], base: dict[str, Any], ignore: list[str], gsparams: dict[str, Any], logger: Any
) -> tuple[galsim.GSObject, bool]:
    """Builder that galsim.config calls (see galsim.config.RegisterObjectType)."""
    options: dict[str, Any] = {"size": int, "oversampling": int}
    known = ["source", "mass", *ignore]
    params, safe = galsim.config.GetAllParams(config, base, req={"pixel_scale": float}, opt=options, ignore=known)
    source, source_safe = galsim.config.BuildGSObject(config, "source", base, gsparams=gsparams, logger=logger)
    mass, mass_safe = _build_mass(config["mass"], base)
    size = params.get("size", 100)
    field = Field((size, size), params["pixel_scale"], params.get("oversampling", 3))
    lensed = Lensed(components_of(source), mass, field, gsparams=galsim.GSParams(**gsparams) if gsparams else None)
    return lensed, safe and source_safe and mass_safe


def components_of(
    obj: galsim.GSObject, jacobian: np.ndarray | None = None, offset: complex = 0j, flux_ratio: float = 1.0
) -> tuple[LightProfile, ...]:
    """The GalSim object as profiles of `light/`, whose surface brightness is known in closed form.

    Parameters
    ----------
    obj
        Sersic, Exponential, DeVaucouleurs, Gaussian; shifted, sheared, scaled; sums of these.
    jacobian, offset, flux_ratio
        The transformation around `obj`.

    Raises
    ------
    galsim.GalSimConfigError
        For any other object.
    """
    matrix = np.eye(2) if jacobian is None else jacobian
    if isinstance(obj, galsim.Transformation):
        shift = matrix @ np.array([obj.offset.x, obj.offset.y])
        # GalSim's flux_ratio is a ratio of fluxes after the area has changed by the determinant
        return components_of(
            obj.original, matrix @ obj.jac, offset + complex(*shift), flux_ratio * obj.flux / obj.original.flux
        )
    if isinstance(obj, galsim.Sum):
        return tuple(c for part in obj.obj_list for c in components_of(part, matrix, offset, flux_ratio))
    axes, (major, minor), _ = np.linalg.svd(matrix)
    shape = {"q": minor / major, "phi": float(np.arctan2(axes[1, 0], axes[0, 0])), "centre": offset}
    size, flux = np.sqrt(major * minor), obj.flux * flux_ratio
    if isinstance(obj, galsim.Gaussian):
        return (Gaussian(flux, obj.sigma * size, **shape),)
    index = {galsim.Exponential: 1.0, galsim.DeVaucouleurs: 4.0}.get(type(obj), getattr(obj, "n", None))
    if index is None:
        raise galsim.GalSimConfigError(
            f"Lensed needs Sersic, Exponential, DeVaucouleurs or Gaussian sources, got {obj}"
        )
    return (Sersic(flux, obj.half_light_radius * size, index, **shape),)


def _build_mass(config: dict[str, Any], base: dict[str, Any]) -> tuple[LensSystem, bool]:
    optional = {"slope": float, "shear1": float, "shear2": float, "x": float, "y": float}
    required = {"einstein_radius": float, "q": float, "phi": galsim.Angle}
    values, safe = galsim.config.GetAllParams(config, base, req=required, opt=optional)
    centre = complex(values.get("x", 0.0), values.get("y", 0.0))
    e = complex(ellipticity(np.asarray(values["q"]), np.asarray(values["phi"].rad)))
    epl = EllipticalPowerLaw(values["einstein_radius"], e.real, e.imag, values.get("slope", 2.0), centre)
    shear = ExternalShear(complex(values.get("shear1", 0.0), values.get("shear2", 0.0)), centre)
    return LensSystem((epl, shear), ()), safe
