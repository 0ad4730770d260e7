"""`lenssbi catalogue --redo VERDICT`: lenses with a verdict of reviewers are fitted again, with other options.

The new fit replaces the old one. Its row contains the identity of the old fit (`instead`), so that the options of the catalogue and all
other rows do not change. The verdict was on the old fit and no longer counts. A run that was stopped is continued by the same command:
lenses that are done no longer have the verdict.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path

from lenssbi import batch
from lenssbi.catalogue.shard import Row
from lenssbi.catalogue.verdicts import VERDICTS, consensus, of_lenses, read_kept
from lenssbi.dataset.inputs import StampSource
from lenssbi.dataset.reading import AS_FILES_SAY, ReadOptions
from lenssbi.pipelines.catalogue.config import CatalogueConfig
from lenssbi.pipelines.catalogue.fit import fit, keep_failure, read_row
from lenssbi.pipelines.catalogue.folder import CatalogueFolder
from lenssbi.pipelines.catalogue.job import REVIEW, RUN, Job, key_of
from lenssbi.pipelines.catalogue.lock import locked
from lenssbi.pipelines.catalogue.output import write_card, write_tables
from lenssbi.pipelines.catalogue.result import CatalogueResult
from lenssbi.pipelines.repeat import said_in
from lenssbi.pipelines.results import Progress, silent
from lenssbi.status import InputError, Status

Item = tuple[StampSource, Row]
"""A stamp to be fitted, and the description of the fit to be replaced."""


def redo(
    folder: Path,
    verdicts: Collection[str],
    *,
    config: CatalogueConfig,
    inputs: Sequence[str] = (),
    read: ReadOptions = AS_FILES_SAY,
    workers: int = 1,
    scheduler: str | None = None,
    cluster: batch.ClusterConfig | None = None,
    progress: Progress = silent,
) -> CatalogueResult:
    """Fit the lenses with one of the verdicts again.

    Parameters
    ----------
    folder
        Folder of a catalogue that has been reviewed.
    verdicts
        Verdicts, from :data:`lenssbi.catalogue.verdicts.VERDICTS`.
    config
        Configuration of the new fits; settings that do not concern a fit are not used.
    inputs, read
        Stamps, and options of reading them; without inputs, those of `run.json`.
    workers, scheduler, cluster, progress
        As for :func:`~lenssbi.pipelines.catalogue.run.run`.

    Raises
    ------
    InputError
        If it is not the folder of a catalogue, has no review or is of an unfinished run; if no lens has such a verdict, or one that has it
        is not among the inputs; if the fits have these options already; and as for `run`.
    """
    start = time.perf_counter()
    for verdict in verdicts:
        if verdict not in VERDICTS:
            raise InputError(f"--redo {verdict}: not a verdict: use one of {', '.join(VERDICTS)}")
    found = CatalogueFolder.open(folder)
    names, was_stopped = _reviewed_as(found, verdicts), bool(found.card.get("redoing"))
    if not found.card["finished"] and not was_stopped:
        raise InputError(f"{folder}: the catalogue is not finished: run its command again before any --redo")
    if not names and not was_stopped:
        listed = " or ".join(verdict.replace("_", " ") for verdict in verdicts)
        raise InputError(
            f"{folder}: no lens has the verdict {listed}: merge the verdicts with `lenssbi review {folder}`"
        )
    job = Job.of(config, folder)
    items = _items(found, names, _sources(found, inputs, read), job)
    card = found.card | {"finished": False, "redoing": True}
    with locked(job.out):
        if items:
            entry = {
                "verdicts": sorted(verdicts),
                "lenses": sorted(names),
                "config": job.config.model_dump(mode="json"),
            }
            card["redone"] = [*card.get("redone", []), entry]
        write_card(job.out, card)
        with batch.worker_pool(workers=workers, scheduler=scheduler, cluster=cluster) as spread:
            for done, (index, outcome) in enumerate(spread(partial(_fit, job=job), items), 1):
                source, instead = items[index]
                if isinstance(outcome, Exception):
                    keep_failure(source, outcome, job, instead)
                progress(done, len(items), f"fitting again: {source.name} is done")
        again = CatalogueFolder(Path(folder), card)
        card["counts"] |= write_tables(again)
        card |= {"finished": True, "redoing": False}
        write_card(job.out, card)
    return CatalogueResult(again, time.perf_counter() - start)


def _reviewed_as(folder: CatalogueFolder, verdicts: Collection[str]) -> dict[str, Row]:
    """Rows of the lenses with one of the verdicts, with the verdict added, by name."""
    rows = {row["name"]: row for row in folder.rows()}
    kept = read_kept(folder.path / REVIEW, folder.identity, rows)
    counted = of_lenses(kept, {name: row["fit"] for name, row in rows.items()})
    found = {name: consensus(several).verdict for name, several in counted.items()}
    return {name: rows[name] | {"verdict": verdict} for name, verdict in found.items() if verdict in verdicts}


def _sources(folder: CatalogueFolder, inputs: Sequence[str], read: ReadOptions) -> dict[str, StampSource]:
    """Stamps, by name."""
    if not inputs:
        earlier = said_in(folder.card, folder.path / RUN)
        inputs, read = earlier.inputs, earlier.read.updated(read)
    return {source.name: source.absolute() for source in read.sources(inputs)}


def _items(
    folder: CatalogueFolder, names: Mapping[str, Row], sources: Mapping[str, StampSource], job: Job
) -> list[Item]:
    if lost := sorted(names.keys() - sources.keys()):
        raise InputError(f"{folder.path}: {lost[0]} is not among the inputs: give all of them, or none")
    own = {name: {"key": row["key"], "identity": folder.card["fitted"]} for name, row in names.items()}
    items = [(sources[name], {**own[name], "verdict": row["verdict"]}) for name, row in names.items()]
    if items and all(_has_these_options(source, job) for source, _ in items):
        raise InputError(f"{folder.path}: these lenses are fitted with these options already: change one, with --set")
    return items


def _has_these_options(source: StampSource, job: Job) -> bool:
    row = read_row(job.out, source.name, key_of(source), job.fitted)
    return row is not None and row["identity"] == job.fitted and row["status"] == Status.DONE.value


def _fit(item: Item, *, job: Job) -> None:
    source, instead = item
    fit(source, job=job, instead=instead)
