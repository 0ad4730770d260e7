"""The tile that a stamp is cut from, of those that overlap at the target: the one with most usable pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lenssbi.dataset.cutouts.cut import Cut, OpenTile, cut
from lenssbi.dataset.cutouts.footprint import Footprint
from lenssbi.dataset.cutouts.targets import CutoutTarget
from lenssbi.dataset.cutouts.tiles import Tile
from lenssbi.status import ItemError, Status

OPEN = 4  # tiles at a time


class Candidate(NamedTuple):
    """A tile that holds a target, and where in it [pixels, 0 in the middle of the first]."""

    tile: int
    x: float
    y: float


class OpenTiles:
    """Tiles by their numbers, the last few of them open.

    Parameters
    ----------
    tiles
        Tiles.
    bits
        Bits of their flags that make a pixel bad; None for the usual ones.
    """

    def __init__(self, tiles: Sequence[Tile], bits: int | None = None) -> None:
        self.tiles, self.bits, self._open = tiles, bits, dict[int, OpenTile]()

    def __enter__(self) -> OpenTiles:
        return self

    def __exit__(self, *error: object) -> None:
        for opened in self._open.values():
            opened.files.close()

    def __getitem__(self, number: int) -> OpenTile:
        opened = self._open.pop(number, None) or OpenTile.open(self.tiles[number], self.bits)
        self._open[number] = opened  # the one that was used last is the last
        while len(self._open) > OPEN:
            self._open.pop(next(iter(self._open))).files.close()
        return opened


def candidates(
    places: Sequence[tuple[float, float]], footprints: Sequence[Footprint], sides: Sequence[int]
) -> list[Candidate]:
    """The tiles that hold a target: the one that covers most of its stamp first, then the one whose edge is farthest.

    Parameters
    ----------
    places
        Position of the target in each tile [pixels], NaN where it has none.
    footprints
        Positions of the tiles on the sky.
    sides
        Side of a stamp of each tile [pixels].
    """
    shares = {
        Candidate(number, *place): footprint.share(*place, side)
        for number, (place, footprint, side) in enumerate(zip(places, footprints, sides, strict=True))
        if np.isfinite(place).all()
    }
    return sorted(shares, key=lambda one: (-round(shares[one][0], 9), -shares[one][1], one.tile))


def best_cut(
    target: CutoutTarget, candidates: Sequence[Candidate], tiles: OpenTiles, sides: Sequence[int]
) -> tuple[int, Cut]:
    """The cut with most usable pixels, the first of equal ones, and the number of its tile.

    Raises
    ------
    ItemError
        NO_COVERAGE, or what is wrong with the cuts of all tiles.
    """
    found: tuple[int, Cut] | None = None
    wrong = ItemError(Status.NO_COVERAGE, target.name, f"ra {target.ra:.6f}, dec {target.dec:.6f}")
    for number, x, y in candidates:
        opened = tiles[number]
        try:
            one = cut(opened, (x, y), (target.ra, target.dec), sides[number])
        except ItemError as error:
            wrong = error
            continue
        if found is None or one.usable > found[1].usable:
            found = number, one
        if one.usable == 1:
            break
    if found is None:
        raise wrong
    return found
