"""Line-of-sight structure: cones of dark haloes with a galaxy each, from mocks or catalogues, for multi-plane ray tracing."""

from lenssbi.populations.light_cones.cone import Cone, LightCone
from lenssbi.populations.light_cones.haloes import Haloes

__all__ = ["Cone", "Haloes", "LightCone"]
