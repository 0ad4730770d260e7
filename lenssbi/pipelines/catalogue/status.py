"""`lenssbi status`: progress of a run, from its files. Nothing is changed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lenssbi.catalogue.shard import read_rows
from lenssbi.pipelines.catalogue.folder import CatalogueFolder
from lenssbi.pipelines.catalogue.job import LENSES, NETWORK
from lenssbi.pipelines.catalogue.lock import holder
from lenssbi.status import Status

RECENT = 600.0  # [s] interval of a rate


@dataclass(frozen=True)
class RunStatus:
    """Progress of a run.

    Parameters
    ----------
    path
        Folder of the run.
    stamps, asked, failed
        Number of all stamps, of those with a result of the network or a reason for its absence, and of the latter.
    to_refine, refined
        Number of stamps to be fitted (None until the network has predicted all), and of fits that have ended.
    asked_per_second, refined_per_second
        Rates over the last ten minutes [1/s]; 0 if nothing happened.
    seconds_left
        Time to the end of the present step at that rate [s]; None if unknown.
    finished
        Whether the table is written.
    holder
        Process that works on it (process, host, since); None if there is none.
    """

    path: Path
    stamps: int
    asked: int
    failed: int
    to_refine: int | None
    refined: int
    asked_per_second: float
    refined_per_second: float
    seconds_left: float | None
    finished: bool
    holder: dict[str, Any] | None

    def as_json(self) -> dict[str, Any]:
        """The object that ``--json`` prints."""
        return {**vars(self), "path": str(self.path)}


def status_of(path: Path, now: float | None = None) -> RunStatus:
    """Read the progress of a run from its folder.

    Parameters
    ----------
    path
        Folder of the run.
    now
        Present time [s since 1970]; None for the time of the clock.

    Raises
    ------
    InputError
        If it is not the folder of a run.
    """
    now = time.time() if now is None else now
    folder = CatalogueFolder.open(path)
    card = folder.card
    shards = [file for file in sorted((path / NETWORK).glob("[0-9]*.h5")) if int(file.stem) < card["shards"]]
    predicted: list[float] = []
    failed = 0
    for file in shards:
        rows = read_rows(file, card["asked"]) or []
        predicted += [file.stat().st_mtime] * len(rows)
        failed += sum(row["status"] != Status.DONE.value for row in rows)
    counts = card["counts"]
    fits = [file.stat().st_mtime for file in (path / LENSES).glob("*.json") if card["fitted"] in file.read_text()]
    rates = _rate(predicted, now), _rate(fits, now)
    return RunStatus(
        path=path,
        stamps=counts["stamps"],
        asked=len(predicted),
        failed=failed,
        to_refine=counts.get("to_refine"),
        refined=min(len(fits), counts.get("to_refine") or 0),
        asked_per_second=rates[0],
        refined_per_second=rates[1],
        seconds_left=_left(counts, len(predicted), len(fits), *rates),
        finished=bool(card["finished"]),
        holder=holder(path),
    )


def _rate(times: Sequence[float], now: float) -> float:
    """Items per second since the first of the recent ones."""
    recent = [one for one in times if now - one < RECENT]
    return len(recent) / max(now - min(recent), 1.0) if recent else 0.0


def _left(counts: dict[str, int], predicted: int, fitted: int, predicting: float, fitting: float) -> float | None:
    if predicted < counts["stamps"]:
        return (counts["stamps"] - predicted) / predicting if predicting else None
    missing = max(counts.get("to_refine", 0) - fitted, 0)
    if not missing:
        return 0.0
    return missing / fitting if fitting else None
