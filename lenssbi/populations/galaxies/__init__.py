"""Sources that are images of real galaxies."""

from lenssbi.populations.galaxies.catalogue import Galaxies
from lenssbi.populations.galaxies.source import GalaxySource

__all__ = ["GalaxySource", "Galaxies"]
