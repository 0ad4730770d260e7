"""`lenssbi cutout`: positions on the sky and the tiles of a mosaic in, a stamp of each out.

    cutouts.json            the options, and whether the run has ended
    NAME.fits               a stamp, which every other command reads
    cutouts.ecsv            one row for each target, in their order, with `path` and `status`: it lists the stamps for other commands

A stamp is read back before it gets its name, so that a row that is done is a stamp that can be used. Stamps that are there already are
kept: their headers say what they were cut from, and a run with other options is refused. Targets are taken tile by tile; memory holds one
stamp, a row for each target, and what the system keeps of the tiles' files.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lenssbi import __version__
from lenssbi.dataset.cutouts.cut import OpenTile
from lenssbi.dataset.cutouts.footprint import Footprint
from lenssbi.dataset.cutouts.stamp_file import read_provenance
from lenssbi.dataset.cutouts.targets import CutoutTarget, read_targets
from lenssbi.dataset.cutouts.tiles import Tile, find_tiles
from lenssbi.dataset.tables import read_texts
from lenssbi.files import atomic, remove_unfinished
from lenssbi.pipelines.catalogue.job import digest
from lenssbi.pipelines.catalogue.lock import locked
from lenssbi.pipelines.cutout.options import CutoutOptions
from lenssbi.pipelines.cutout.rows import DONE, SCHEMA, TABLE, Row, done_row, failed_row, stamp_file, write_table
from lenssbi.pipelines.cutout.work import Work, cut_all
from lenssbi.pipelines.results import Progress, silent
from lenssbi.status import InputError

CARD = "cutouts.json"


@dataclass(frozen=True)
class CutoutResult:
    """What was cut out.

    Parameters
    ----------
    rows
        Rows of the table, one for each target, in the order of the targets.
    table
        Path of the table.
    kept
        Number of stamps that existed already.
    seconds
        Wall-clock time of the run [s].
    """

    rows: tuple[Row, ...]
    table: Path
    kept: int
    seconds: float

    @property
    def count(self) -> int:
        """Number of targets."""
        return len(self.rows)

    @property
    def failed(self) -> int:
        """Number of targets without a stamp."""
        return sum(row["status"] != DONE for row in self.rows)

    def as_json(self) -> dict[str, Any]:
        """The object that ``--json`` prints."""
        counts = {"count": self.count, "failed": self.failed, "kept": self.kept, "seconds": round(self.seconds, 3)}
        return {"folder": str(self.table.parent), "table": str(self.table), **counts, "items": list(self.rows)}


def run(targets: str, *, options: CutoutOptions, out: Path, progress: Progress = silent) -> CutoutResult:
    """Cut stamps out, or continue a run that was stopped.

    Parameters
    ----------
    targets
        Table of positions, or one position: see :func:`~lenssbi.dataset.cutouts.targets.read_targets`.
    options
        Files and size.
    out
        Folder of the stamps and the table.
    progress
        Function that is called with (targets done, targets in all, text).

    Raises
    ------
    InputError
        If there are no targets, tiles cannot be used, the folder has stamps of another run or cannot be written, or a single target
        cannot be cut out.
    """
    start = time.perf_counter()
    found, out = read_targets(targets), Path(out)
    tiles = find_tiles(options.layers)
    footprints = [_looked_at(tile, options) for tile in tiles]
    told = options.told(tiles)
    work = Work(options, tiles, footprints, out, digest(json.dumps(told, sort_keys=True)))
    with locked(out):
        _refuse_another(out, told, found)
        remove_unfinished(out)
        rows = {place: row for place, target in enumerate(found) if (row := _kept(target, work)) is not None}
        kept = sum(row["status"] == DONE for row in rows.values())
        _write_card(out, told, finished=False)
        todo = {place: target for place, target in enumerate(found) if place not in rows}
        progress(len(rows), len(found), "cutting out")
        for place, row in cut_all(todo, work):
            rows[place] = row
            progress(len(rows), len(found), "cutting out")
        ordered = tuple(rows[place] for place in range(len(found)))
        if len(ordered) == 1 and ordered[0]["status"] != DONE:
            raise InputError(f"{targets}: {ordered[0]['reason']}")
        table = write_table(ordered, out, told)
        _write_card(out, told, finished=True)
    return CutoutResult(ordered, table, kept, time.perf_counter() - start)


def _looked_at(tile: Tile, options: CutoutOptions) -> Footprint:
    """The place of a tile. All of its layers are opened, so that what is wrong with one is known before anything is cut out."""
    opened = OpenTile.open(tile, options.flag_bits)
    opened.files.close()
    options.side(opened.footprint)
    return opened.footprint


def _refuse_another(out: Path, told: Mapping[str, Any], targets: Sequence[CutoutTarget]) -> None:
    """A folder's stamps go on, or become more; they are neither mixed with those of other options nor dropped from its table."""
    if not any(out.glob("*.fits")):
        return  # there is nothing to lose
    remedy = "choose another --out, or remove the folder"
    try:
        card = json.loads((out / CARD).read_text())
        earlier = card["options"] if card["schema"] == SCHEMA else told
    except (OSError, ValueError, KeyError, TypeError):
        earlier = told
    if earlier != told:
        raise InputError(f"{out}: holds cut-outs with other options ({_difference(earlier, told)}): {remedy}")
    if (out / TABLE).is_file():
        (table,) = read_texts(out / TABLE)
        lost = set(table.column("path") or ()) - {stamp_file(target) for target in targets} - {""}
        if lost:
            raise InputError(f"{out}: holds cut-outs of other targets ({min(lost)} is not among them): {remedy}")


def _difference(earlier: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    name = next(name for name in told if earlier.get(name) != told[name])
    if name in ("size", "flag_bits"):
        return f"{name} {earlier.get(name)}, now {told[name]}"
    if name == "tiles":
        return "of other files"
    changed = next(file for file, version in told["files"].items() if earlier["files"].get(file) != version)
    return f"{changed} has changed since"


def _kept(target: CutoutTarget, work: Work) -> Row | None:
    """The row of a target that needs no work: its stamp is there, or it has no position; None for the others.

    Raises
    ------
    InputError
        The stamp's name is that of another file.
    """
    if target.status is not None:
        return failed_row(target, target.status, target.detail)
    path = work.out / stamp_file(target)
    if not path.exists():
        return None
    said = read_provenance(path)
    if said is None or said["CUTKEY"] != work.key(target):
        what = "no cut-out" if said is None else "a cut-out of another position or with other options"
        raise InputError(f"{path}: is there already and is {what}: choose another --out, or remove the file")
    return done_row(target, said)


def _write_card(out: Path, told: Mapping[str, Any], finished: bool) -> None:
    card = {"schema": SCHEMA, "version": __version__, "command": "cutout", "options": told, "finished": finished}
    with atomic(out / CARD) as temporary:
        temporary.write_text(json.dumps(card, indent=1))
