"""Instruments: camera, PSF and noise; Euclid VIS with the sources of its numbers."""

from lenssbi.instrument.camera import EUCLID_VIS, Camera
from lenssbi.instrument.psf import PSF
from lenssbi.instrument.variation import Variation

__all__ = ["EUCLID_VIS", "PSF", "Camera", "Variation"]
