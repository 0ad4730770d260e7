"""What is believed of place and shape of a source of smooth profiles."""

from __future__ import annotations

from lenssbi.parameters import Marginal, Normal, Uniform
from lenssbi.refinement.priors.blocks import Single

SOURCE_NAMES = ("source_x", "source_y", "source_stretch1", "source_stretch2")
"""Centre [arcsec], and (1/q - q)/2 exp(2 i phi) of the ellipse."""
MAX_STRETCH = 1.5  # q = 0.3
STRETCH_SIGMA = 0.6
SOURCE_FIELD = 1.5  # [arcsec] from the middle of the stamp


def source_blocks() -> list[Single]:
    """The priors, in the order of `SOURCE_NAMES`."""
    place: Marginal = Uniform(-SOURCE_FIELD, SOURCE_FIELD)
    shape: Marginal = Normal(0.0, STRETCH_SIGMA, -MAX_STRETCH, MAX_STRETCH)
    return [Single(name, marginal) for name, marginal in zip(SOURCE_NAMES, (place, place, shape, shape), strict=True)]
