"""`lenssbi cutout`: stamps from the tiles of a mosaic, at given positions.

    cutouts.json            the options, and whether the run has ended
    NAME.fits               a stamp, for every other command
    cutouts.ecsv            one row for each target, in their order, with `path` and `status`; a list of stamps for other commands

A stamp is read before it gets its name, so that the stamp of a row that is done can be used. Existing stamps are kept; their headers
identify their origin, and a run with other options is refused. Targets are processed tile by tile. Memory holds one stamp, a row for each
target, and the file cache of the system.
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
    """Result of a run.

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
    """Cut out stamps, or continue a stopped run.

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
    footprints = [_footprint(tile, options) for tile in tiles]
    described = options.told(tiles)
    work = Work(options, tiles, footprints, out, digest(json.dumps(described, sort_keys=True)))
    with locked(out):
        _refuse_another(out, described, found)
        remove_unfinished(out)
        rows = {place: row for place, target in enumerate(found) if (row := _kept(target, work)) is not None}
        kept = sum(row["status"] == DONE for row in rows.values())
        _write_card(out, described, finished=False)
        todo = {place: target for place, target in enumerate(found) if place not in rows}
        progress(len(rows), len(found), "cutting out")
        for place, row in cut_all(todo, work):
            rows[place] = row
            progress(len(rows), len(found), "cutting out")
        ordered = tuple(rows[place] for place in range(len(found)))
        if len(ordered) == 1 and ordered[0]["status"] != DONE:
            raise InputError(f"{targets}: {ordered[0]['reason']}")
        table = write_table(ordered, out, described)
        _write_card(out, described, finished=True)
    return CutoutResult(ordered, table, kept, time.perf_counter() - start)


def _footprint(tile: Tile, options: CutoutOptions) -> Footprint:
    """Footprint of a tile. All of its layers are opened, so that errors are found before anything is cut out."""
    opened = OpenTile.open(tile, options.flag_bits)
    opened.files.close()
    options.side(opened.footprint)
    return opened.footprint


def _refuse_another(out: Path, described: Mapping[str, Any], targets: Sequence[CutoutTarget]) -> None:
    """Refuse a folder with stamps of other options, or with stamps of other targets, which its table would no longer list."""
    if not any(out.glob("*.fits")):
        return  # there is nothing to lose
    remedy = "choose another --out, or remove the folder"
    try:
        card = json.loads((out / CARD).read_text())
        earlier = card["options"] if card["schema"] == SCHEMA else described
    except (OSError, ValueError, KeyError, TypeError):
        earlier = described
    if earlier != described:
        raise InputError(f"{out}: holds cut-outs with other options ({_difference(earlier, described)}): {remedy}")
    if (out / TABLE).is_file():
        (table,) = read_texts(out / TABLE)
        lost = set(table.column("path") or ()) - {stamp_file(target) for target in targets} - {""}
        if lost:
            raise InputError(f"{out}: holds cut-outs of other targets ({min(lost)} is not among them): {remedy}")


def _difference(earlier: Mapping[str, Any], described: Mapping[str, Any]) -> str:
    name = next(name for name in described if earlier.get(name) != described[name])
    if name in ("size", "flag_bits"):
        return f"{name} {earlier.get(name)}, now {described[name]}"
    if name == "tiles":
        return "of other files"
    changed = next(file for file, version in described["files"].items() if earlier["files"].get(file) != version)
    return f"{changed} has changed since"


def _kept(target: CutoutTarget, work: Work) -> Row | None:
    """Row of a target that needs no work, because its stamp exists or it has no position; None for the others.

    Raises
    ------
    InputError
        If a file with the name of the stamp exists and is not this stamp.
    """
    if target.status is not None:
        return failed_row(target, target.status, target.detail)
    path = work.out / stamp_file(target)
    if not path.exists():
        return None
    header = read_provenance(path)
    if header is None or header["CUTKEY"] != work.key(target):
        what = "no cut-out" if header is None else "a cut-out of another position or with other options"
        raise InputError(f"{path}: exists already and is {what}: choose another --out, or remove the file")
    return done_row(target, header)


def _write_card(out: Path, described: Mapping[str, Any], finished: bool) -> None:
    card = {"schema": SCHEMA, "version": __version__, "command": "cutout", "options": described, "finished": finished}
    with atomic(out / CARD) as temporary:
        temporary.write_text(json.dumps(card, indent=1))
