"""`lenssbi catalogue`: one table for many stamps, in three steps.

    predict    the network, a chunk of stamps at a time
    fit        the stamps that need it, one at a time: all, none, or (auto) those with a doubtful result of the network (`decide.py`)
    write      the table, in the order of the inputs

Every result is written as soon as it is known (`job.py` lists the files), so a stopped run can be continued. A stamp that fails has a row
with its status. Rows depend neither on the number of workers nor on the order of the inputs: chunks are made from the sorted list of
stamps, and the seed of a stamp follows from its name.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lenssbi import batch
from lenssbi.catalogue.shard import Entry, read_rows
from lenssbi.dataset.inputs import StampSource
from lenssbi.dataset.reading import AS_FILES_SAY, ReadOptions
from lenssbi.files import remove_unfinished
from lenssbi.pipelines.catalogue.ask import Chunk, ask, entries_of, failed_row, finished, keep
from lenssbi.pipelines.catalogue.config import CatalogueConfig
from lenssbi.pipelines.catalogue.decide import reasons_to_fit
from lenssbi.pipelines.catalogue.fit import fit, fitted, keep_failure
from lenssbi.pipelines.catalogue.folder import SCHEMA, CatalogueFolder
from lenssbi.pipelines.catalogue.job import LENSES, NETWORK, RUN, Job, network
from lenssbi.pipelines.catalogue.lock import locked
from lenssbi.pipelines.catalogue.output import write_card, write_tables
from lenssbi.pipelines.catalogue.result import CatalogueResult
from lenssbi.pipelines.repeat import provenance, said_in
from lenssbi.pipelines.results import Progress, silent
from lenssbi.status import InputError

CHUNK = 64  # number of stamps that the network predicts together


def run(
    inputs: Sequence[str],
    *,
    config: CatalogueConfig,
    out: Path,
    workers: int = 1,
    scheduler: str | None = None,
    cluster: batch.ClusterConfig | None = None,
    read: ReadOptions = AS_FILES_SAY,
    progress: Progress = silent,
) -> CatalogueResult:
    """Make a catalogue, or continue one.

    Parameters
    ----------
    inputs
        Files, folders, tables and sets.
    config
        Configuration of the catalogue.
    out
        Folder of the table, the posteriors and the figures.
    workers, scheduler, cluster
        Number of processes on this machine, or address of a Dask scheduler, or jobs of a batch system; the workers see the same files.
    read
        Options of reading the stamps.
    progress
        Function that is called with (steps done, steps in all, text).

    Raises
    ------
    InputError
        If there is nothing to read, the estimator cannot be used, the folder cannot be written or the disk is full, there is no scheduler,
        or another run or another catalogue is in the same folder.
    """
    start = time.perf_counter()
    sources = [source.absolute() for source in read.sources(inputs)]
    job = Job.of(config, Path(out))
    with locked(job.out):
        remove_unfinished(job.out, job.out / NETWORK, job.out / LENSES)
        chunks = _chunks(sources)
        card = _card(job, len(sources), len(chunks)) | provenance(inputs, read, job.config.estimator)
        card |= _continued(job, sources)
        write_card(job.out, card)
        with batch.worker_pool(workers=workers, scheduler=scheduler, cluster=cluster) as spread:
            _predict_all(job, chunks, spread, progress)
            chosen = list(_chosen(job, chunks))
            card["counts"]["to_refine"] = len(chosen)
            write_card(job.out, card)
            _fit_all(job, chosen, spread, progress)
        folder = CatalogueFolder(Path(out), card)  # the path of the user, for messages
        card["counts"] |= write_tables(folder)
        card |= {"seconds": round(time.perf_counter() - start, 3), "finished": True}
        write_card(job.out, card)
    return CatalogueResult(folder, time.perf_counter() - start)


def repeat(folder: Path, *, out: Path | None = None, **where: Any) -> CatalogueResult:
    """Repeat a catalogue with the inputs and options in its folder.

    Parameters
    ----------
    folder
        Folder of a catalogue.
    out
        Folder of the new catalogue; None continues in `folder`.
    where
        Workers, scheduler, cluster and progress, as for `run`.

    Raises
    ------
    InputError
        If it is not the folder of a catalogue, or is of a version that did not store the options of reading; and as for `run`.
    """
    earlier = CatalogueFolder.open(folder)
    stored = said_in(earlier.card, folder / RUN)
    return run(stored.inputs, config=earlier.config, out=folder if out is None else out, read=stored.read, **where)


def _continued(job: Job, sources: Sequence[StampSource]) -> dict[str, Any]:
    """Entries to keep from the card of a catalogue in the folder, which is continued or extended, but not replaced by other stamps."""
    try:
        earlier = CatalogueFolder.open(job.out)
    except InputError:  # no catalogue, or one of another version
        return {"catalogue": uuid.uuid4().hex, "redone": []}
    lost = earlier.inputs() - {source.argument for source in sources}
    if lost:
        raise InputError(
            f"{job.out}: holds a catalogue of other stamps ({min(lost)} is not among the inputs): "
            "choose another --out, or remove the folder"
        )
    return {"catalogue": earlier.identity, "redone": earlier.card.get("redone", [])}


def _chunks(sources: Sequence[StampSource]) -> list[Chunk]:
    """Chunks of the sorted stamps, independent of the order of the inputs."""
    order = sorted(range(len(sources)), key=lambda i: (sources[i].path, sources[i].index or 0, sources[i].name))
    cuts = [order[first : first + CHUNK] for first in range(0, len(order), CHUNK)]
    return [Chunk(number, tuple(sources[i] for i in cut), tuple(cut)) for number, cut in enumerate(cuts)]


def _card(job: Job, stamps: int, shards: int) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "command": "catalogue",
        "config": job.config.model_dump(mode="json"),
        "estimator": network(job.estimator).name,
        "asked": job.asked,
        "fitted": job.fitted,
        "shards": shards,
        "counts": {"stamps": stamps},
        "finished": False,
    }


def _predict_all(job: Job, chunks: Sequence[Chunk], spread: batch.Map, progress: Progress) -> None:
    todo = [chunk for chunk in chunks if not finished(chunk, job)]
    total = sum(len(chunk.sources) for chunk in chunks)
    done = total - sum(len(chunk.sources) for chunk in todo)
    progress(done, total, "predicting")
    for index, outcome in spread(partial(ask, job=job), todo):
        if isinstance(outcome, Exception):
            _predict_one_by_one(job, todo[index], outcome, spread)
        done += len(todo[index].sources)
        progress(done, total, "predicting")


def _predict_one_by_one(job: Job, chunk: Chunk, error: Exception, spread: batch.Map) -> None:
    """Predict each stamp of a chunk separately, after a worker failed on the chunk, so that only the stamp at fault fails."""
    entries = {i: Entry(failed_row(source, error, "network")) for i, source in enumerate(chunk.sources)}
    for i, outcome in spread(partial(entries_of, job=job), [(source,) for source in chunk.sources]):
        if isinstance(outcome, Exception):
            entries[i] = Entry(failed_row(chunk.sources[i], outcome, "network"))
        else:
            entries[i] = outcome[0]
    keep(chunk, [entries[i] for i in range(len(chunk.sources))], job)


def _chosen(job: Job, chunks: Sequence[Chunk]) -> list[StampSource]:
    """Stamps to be fitted."""
    found = []
    for chunk in chunks:
        rows = {row["name"]: row for row in read_rows(job.shard(chunk.number), job.asked) or []}
        found += [source for source in chunk.sources if reasons_to_fit(rows[source.name], job.config)]
    return found


def _fit_all(job: Job, sources: Sequence[StampSource], spread: batch.Map, progress: Progress) -> None:
    todo = [source for source in sources if not fitted(source, job)]
    done = len(sources) - len(todo)
    if sources:
        progress(done, len(sources), "fitting")
    for index, outcome in spread(partial(fit, job=job), todo):
        if isinstance(outcome, Exception):
            keep_failure(todo[index], outcome, job)
        done += 1
        progress(done, len(sources), f"fitting: {todo[index].name} is done")
