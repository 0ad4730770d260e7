"""Sources of light cones: a sky with lines of sight and a mean mass."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.populations.light_cones.haloes import Haloes


class Sight(NamedTuple):
    """A line of sight."""

    z_lens: float
    haloes: Haloes
    """Haloes within the aperture around theta = 0 and in front of the source, without that of the lens."""
    name: str


class Sky(Protocol):
    """A source of light cones."""

    def draw(self, rng: np.random.Generator, z_lens: tuple[float, float], z_source: float) -> Sight:
        """A line of sight to a lens with a redshift in the range `z_lens`, in front of a source at `z_source`."""
        ...

    def mean_mass(self) -> tuple[FloatArray, FloatArray]:
        """Ascending redshifts, and in front of each the mean projected mass [Msun / arcsec^2] in the middle of the aperture."""
        ...
