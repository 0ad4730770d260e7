"""Names of the alterations (`alterations.py` says what they are)."""

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
