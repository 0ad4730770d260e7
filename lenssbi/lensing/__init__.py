"""Gravitational deflection: deflectors, and what follows from them (magnification, critical curves, images)."""

from lenssbi.lensing.curves import caustics, critical_curves, cut, equivalent_einstein_radius
from lenssbi.lensing.deflector import Deflector
from lenssbi.lensing.epl import EllipticalPowerLaw
from lenssbi.lensing.external import ExternalShear
from lenssbi.lensing.field import DeflectionField
from lenssbi.lensing.hernquist import Hernquist
from lenssbi.lensing.images import Images, image_positions
from lenssbi.lensing.jacobian import derivatives, inverse_magnification, magnification
from lenssbi.lensing.nfw import NFW
from lenssbi.lensing.planes import MultiPlane, Together

__all__ = [
    "DeflectionField",
    "Deflector",
    "EllipticalPowerLaw",
    "ExternalShear",
    "Hernquist",
    "Images",
    "MultiPlane",
    "NFW",
    "Together",
    "caustics",
    "critical_curves",
    "cut",
    "derivatives",
    "equivalent_einstein_radius",
    "image_positions",
    "inverse_magnification",
    "magnification",
]
