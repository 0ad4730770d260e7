"""Images of a lens model for the figure, and the quantities that identify a wrong solution."""

from __future__ import annotations

from typing import NamedTuple

from lenssbi.arrays import FloatArray
from lenssbi.refinement.basins import Basin
from lenssbi.refinement.result import SourceImage
from lenssbi.systems import LensSystem

SOURCE_SIDE = 150  # pixels of the source's image


class Look(NamedTuple):
    """One model.

    Parameters
    ----------
    lens
        Deflectors of the lens.
    image, lens_light
        Blurred light of the source and, if it was fitted, of the lens [flux/pixel], shape (y, x), NaN outside the mask.
    source
        Source of the image.
    chi2
        Mean square of residual over noise.
    basin
        Size of the source relative to that of its image.
    """

    lens: LensSystem
    image: FloatArray
    lens_light: FloatArray | None
    source: SourceImage
    chi2: float
    basin: Basin


def square(x: float, y: float, half: float) -> tuple[float, float, float, float]:
    """Left, right, bottom and top of a square."""
    return x - half, x + half, y - half, y + half
