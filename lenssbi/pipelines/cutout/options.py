"""Options of a run that cuts stamps out, and the identity of its stamps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lenssbi.dataset.cutouts.footprint import Footprint
from lenssbi.dataset.cutouts.tiles import Layers, Tile
from lenssbi.pipelines.catalogue.job import file_version
from lenssbi.status import InputError

LEAST, MOST = 3, 4000  # pixels of a side


@dataclass(frozen=True)
class CutoutOptions:
    """Files of the mosaic, and size and mask of the stamps.

    Parameters
    ----------
    layers
        Files of the tiles.
    size
        Side of a stamp [arcsec].
    flag_bits
        Bits of the masks that make a pixel bad; None for all but those that mark objects in Euclid's and Rubin's flags.

    Raises
    ------
    InputError
        If the size is not valid.
    """

    layers: Layers
    size: float = 10.0
    flag_bits: int | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.size) and self.size > 0):
            raise InputError(f"--size {self.size:g}: the side of a stamp must be above 0 arcsec")

    def side(self, footprint: Footprint) -> int:
        """Side of a stamp of a tile [pixels].

        Raises
        ------
        InputError
            If it is too small for an image, or too large for a stamp.
        """
        side = round(self.size / footprint.pixel_scale)
        if not LEAST <= side <= MOST:
            scale = f"{footprint.pixel_scale:g} arcsec"
            raise InputError(f"--size {self.size:g}: is {side} pixels of {scale}: give the side of a stamp in arcsec")
        return side

    def told(self, tiles: Sequence[Tile]) -> dict[str, Any]:
        """Description, for JSON, of everything except the targets that determines the stamps of these tiles."""
        files = {file: file_version(file) for tile in tiles for file in tile.files}
        return {
            "size": self.size,
            "flag_bits": self.flag_bits,
            "tiles": [{name: value for name, value in asdict(tile).items() if value} for tile in tiles],
            "files": files,
        }
