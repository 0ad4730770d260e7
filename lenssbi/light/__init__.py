"""Light profiles of sources and lenses."""

from lenssbi.light.cutout import Cutout
from lenssbi.light.gaussian import Gaussian
from lenssbi.light.profile import LightProfile
from lenssbi.light.sersic import Sersic

__all__ = ["LightProfile", "Cutout", "Gaussian", "Sersic"]
