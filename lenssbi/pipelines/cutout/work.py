"""Processing of the targets: best tile, stamp and row of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from lenssbi.dataset.cutouts.choice import Candidate, OpenTiles, best_cut, candidates
from lenssbi.dataset.cutouts.footprint import Footprint
from lenssbi.dataset.cutouts.stamp_file import write_stamp
from lenssbi.dataset.cutouts.targets import CutoutTarget
from lenssbi.dataset.cutouts.tiles import Tile
from lenssbi.dataset.fits import read_stamp
from lenssbi.files import atomic
from lenssbi.pipelines.catalogue.job import digest
from lenssbi.pipelines.cutout.options import CutoutOptions
from lenssbi.pipelines.cutout.rows import Row, done_row, failed_row, stamp_file
from lenssbi.status import ItemError


@dataclass(frozen=True)
class Work:
    """Tiles and options of a run.

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

    @cached_property
    def sides(self) -> list[int]:
        """Side of a stamp of each tile [pixels]."""
        return [self.options.side(footprint) for footprint in self.footprints]

    def key(self, target: CutoutTarget) -> str:
        """Identity of a target's stamp."""
        return digest(self.identity, target.name, f"{target.ra:.9f} {target.dec:.9f}")


def cut_all(targets: Mapping[int, CutoutTarget], work: Work) -> Iterator[tuple[int, Row]]:
    """Cut out targets, tile by tile, and write their stamps.

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
    ranked = {
        place: candidates([(x[i], y[i]) for x, y in pixels], work.footprints, work.sides)
        for i, place in enumerate(order)
    }
    last = len(work.tiles)
    with OpenTiles(work.tiles, work.options.flag_bits) as tiles:
        for place in sorted(order, key=lambda place: (ranked[place][0].tile if ranked[place] else last, place)):
            yield place, _row(targets[place], ranked[place], tiles, work)


def _row(target: CutoutTarget, ranked: Sequence[Candidate], tiles: OpenTiles, work: Work) -> Row:
    try:
        number, best = best_cut(target, ranked, tiles, work.sides)
        with atomic(work.out / stamp_file(target)) as temporary:
            header = write_stamp(temporary, best, tiles[number], target, work.key(target))
            read_stamp(temporary)  # a file that cannot be read is refused
    except ItemError as error:
        return failed_row(target, error.status, error.detail)
    return done_row(target, header)
