"""WHAT SEES THEM: camera, PSF, noise; Euclid VIS as numbers with sources."""

from lenssbi.instrument.camera import EUCLID_VIS, Camera
from lenssbi.instrument.psf import PSF
from lenssbi.instrument.variation import Variation

__all__ = ["EUCLID_VIS", "PSF", "Camera", "Variation"]
