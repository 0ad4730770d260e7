"""Names of the alterations, which are described in `alterations.py`."""

from typing import Literal, TypeAlias, get_args

Alteration: TypeAlias = Literal[
    "alone",
    "companions",
    "ring",
    "spiral",
    "torn",
    "stitched",
    "points",
    "several",
    "aside",
    "cosmic_ray",
    "spike",
    "edge",
]
ALTERATIONS: tuple[Alteration, ...] = get_args(Alteration)
