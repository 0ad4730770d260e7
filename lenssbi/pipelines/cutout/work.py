"""The work on targets: the tile that covers each best, its stamp, and its row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lenssbi.dataset.cutouts.cut import Cut, OpenTile, cut
from lenssbi.dataset.cutouts.footprint import Footprint
from lenssbi.dataset.cutouts.stamp_file import write_stamp
from lenssbi.dataset.cutouts.targets import CutoutTarget
from lenssbi.dataset.cutouts.tiles import Tile
from lenssbi.dataset.fits import read_stamp
from lenssbi.files import atomic
from lenssbi.pipelines.catalogue.job import digest
from lenssbi.pipelines.cutout.options import CutoutOptions
from lenssbi.pipelines.cutout.rows import Row, done_row, failed_row, stamp_file
from lenssbi.status import ItemError, Status

OPEN = 4  # tiles at a time


@dataclass(frozen=True)
class Work:
    """What a run cuts out of.

    Parameters
    ----------
    options
        Options of the run.
    tiles, footprints
        Tiles, and their positions on the sky.
    out
        Folder of the stamps.
    identity
        Identity of options and files.
    """

    options: CutoutOptions
    tiles: Sequence[Tile]
    footprints: Sequence[Footprint]
    out: Path
    identity: str

    def key(self, target: CutoutTarget) -> str:
        """Identity of a target's stamp."""
        return digest(self.identity, target.name, f"{target.ra:.9f} {target.dec:.9f}")


class Candidate(NamedTuple):
    """A tile that holds a target, and where in it [pixels, 0 in the middle of the first]."""

    tile: int
    x: float
    y: float


class OpenTiles:
    """The tiles of a run, the last few of them open."""

    def __init__(self, work: Work) -> None:
        self.work, self._open = work, dict[int, OpenTile]()

    def __enter__(self) -> OpenTiles:
        return self

    def __exit__(self, *error: object) -> None:
        for opened in self._open.values():
            opened.files.close()

    def __getitem__(self, number: int) -> OpenTile:
        opened = self._open.pop(number, None) or OpenTile.open(self.work.tiles[number], self.work.options.flag_bits)
        self._open[number] = opened  # the one that was used last is the last
        while len(self._open) > OPEN:
            self._open.pop(next(iter(self._open))).files.close()
        return opened


def cut_all(targets: Mapping[int, CutoutTarget], work: Work) -> Iterator[tuple[int, Row]]:
    """Cut targets out, tile by tile, and write their stamps.

    Parameters
    ----------
    targets
        Targets, by their indices in the order of the user.
    work
        Work of the run.

    Yields
    ------
    Index of a target and its row, as soon as its stamp is written.
    """
    order = list(targets)
    ra, dec = (np.array([getattr(targets[i], axis) for i in order]) for axis in ("ra", "dec"))
    pixels = [footprint.pixels(ra, dec) for footprint in work.footprints]
    ranked = {place: _candidates([(x[i], y[i]) for x, y in pixels], work) for i, place in enumerate(order)}
    last = len(work.tiles)
    with OpenTiles(work) as tiles:
        for place in sorted(order, key=lambda place: (ranked[place][0].tile if ranked[place] else last, place)):
            yield place, _row(targets[place], ranked[place], tiles, work)


def _candidates(places: Sequence[tuple[float, float]], work: Work) -> list[Candidate]:
    """The tiles that hold a target: the one that covers most of its stamp first, then the one whose edge is farthest."""
    shares = {
        Candidate(n, *place): footprint.share(*place, work.options.side(footprint))
        for n, (place, footprint) in enumerate(zip(places, work.footprints, strict=True))
        if np.isfinite(place).all()
    }
    return sorted(shares, key=lambda one: (-round(shares[one][0], 9), -shares[one][1], one.tile))


def _row(target: CutoutTarget, candidates: Sequence[Candidate], tiles: OpenTiles, work: Work) -> Row:
    try:
        number, best = _best(target, candidates, tiles, work)
        with atomic(work.out / stamp_file(target)) as temporary:
            said = write_stamp(temporary, best, tiles[number], target, work.key(target))
            read_stamp(temporary)  # what no command can read is no stamp
    except ItemError as error:
        return failed_row(target, error.status, error.detail)
    return done_row(target, said)


def _best(target: CutoutTarget, candidates: Sequence[Candidate], tiles: OpenTiles, work: Work) -> tuple[int, Cut]:
    """The cut with most usable pixels, the first of equal ones, and the number of its tile.

    Raises
    ------
    ItemError
        NO_COVERAGE, or what is wrong with the cuts of all tiles.
    """
    found: tuple[int, Cut] | None = None
    wrong = ItemError(Status.NO_COVERAGE, target.name, f"ra {target.ra:.6f}, dec {target.dec:.6f}")
    for number, x, y in candidates:
        opened: Any = tiles[number]
        try:
            one = cut(opened, (x, y), (target.ra, target.dec), work.options.side(opened.footprint))
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
