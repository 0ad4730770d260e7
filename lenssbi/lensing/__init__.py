"""How light bends: deflectors, and what follows from them (magnification, critical curves, images)."""

from lenssbi.lensing.curves import caustics, critical_curves, cut, equivalent_einstein_radius
from lenssbi.lensing.deflector import Deflector
from lenssbi.lensing.epl import EllipticalPowerLaw
from lenssbi.lensing.external import ExternalShear
from lenssbi.lensing.images import Images, image_positions
from lenssbi.lensing.jacobian import inverse_magnification, magnification

__all__ = [
    "Deflector",
    "EllipticalPowerLaw",
    "ExternalShear",
    "Images",
    "caustics",
    "critical_curves",
    "cut",
    "equivalent_einstein_radius",
    "image_positions",
    "inverse_magnification",
    "magnification",
]
