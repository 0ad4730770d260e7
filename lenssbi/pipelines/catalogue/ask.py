"""Prediction by the network, a few stamps at a time; their rows, draws and thumbnails are written to one file."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from threadpoolctl import threadpool_limits

from lenssbi.catalogue.shard import Entry, Row, read_entries, read_rows, write_shard
from lenssbi.dataset.inputs import StampSource
from lenssbi.dataset.stamp import Stamp
from lenssbi.pipelines.catalogue.job import Job, key_of, network
from lenssbi.pipelines.predict import Answer, answers, name_number, without_light
from lenssbi.pipelines.rows import about, row_of
from lenssbi.posteriors import Samples
from lenssbi.refinement.lens_light import for_picture
from lenssbi.refinement.own_model import OwnModel
from lenssbi.status import InputError, ItemError, Status


@dataclass(frozen=True)
class Chunk:
    """A few stamps that the network predicts together.

    Parameters
    ----------
    number
        Number of the chunk in the run.
    sources
        Stamps of the chunk.
    places
        Indices of the stamps in the order of the inputs, shape (n,).
    """

    number: int
    sources: tuple[StampSource, ...]
    places: tuple[int, ...]


def ask(chunk: Chunk, *, job: Job) -> int:
    """Predict the stamps of a chunk and store the results; existing ones are kept. Return the number of new ones."""
    kept = _kept(chunk, job)
    todo = [source for source in chunk.sources if source.name not in kept]
    new = entries_of(todo, job=job) if todo else []
    found = kept | {source.name: entry for source, entry in zip(todo, new, strict=True)}
    keep(chunk, [found[source.name] for source in chunk.sources], job)
    return len(new)


def entries_of(sources: Sequence[StampSource], *, job: Job) -> list[Entry]:
    """Results of the network for stamps."""
    found = answers(sources, network(job.estimator), job.config.seed, job.config.fit.model_error)
    with threadpool_limits(limits=1):  # the matrices are too small for several threads
        return [_entry(source, answer, job) for source, answer in zip(sources, found, strict=True)]


def keep(chunk: Chunk, entries: Sequence[Entry], job: Job) -> None:
    """Write the results of a chunk.

    Raises
    ------
    InputError
        If the folder cannot be written or the disk is full.
    """
    placed = [
        replace(entry, row=entry.row | {"place": place, "shard": chunk.number})
        for place, entry in zip(chunk.places, entries, strict=True)
    ]
    write_shard(job.shard(chunk.number), placed, job.asked)


def finished(chunk: Chunk, job: Job) -> bool:
    """Whether all stamps are predicted; stamps that failed are tried again, because their files may have been corrected."""
    rows = read_rows(job.shard(chunk.number), job.asked) or []
    if [row["place"] for row in rows] != list(chunk.places):
        return False
    return {row["key"] for row in rows if row["status"] == Status.DONE.value} == set(map(key_of, chunk.sources))


def _kept(chunk: Chunk, job: Job) -> dict[str, Entry]:
    """Results of an earlier run that are still valid, by name."""
    path = job.shard(chunk.number)
    if read_rows(path, job.asked) is None:
        return {}
    keys = {key_of(source): source.name for source in chunk.sources}
    try:
        entries = read_entries(path)
    except InputError:  # an incomplete file is made again
        return {}
    done = (entry for entry in entries if entry.row["status"] == Status.DONE.value)
    return {keys[entry.row["key"]]: entry for entry in done if entry.row["key"] in keys}


def _entry(source: StampSource, answer: Answer, job: Job) -> Entry:
    row = row_of(source.name, answer.item, answer.samples, "network") | {"key": key_of(source)}
    if answer.mixture is None or answer.samples is None or answer.pixels is None:
        return Entry(row)
    start = time.perf_counter()
    samples = _thinned(answer.samples.select(answer.mixture.names), job.config.draws)
    stamp, picture = answer.pixels.stamp or source.load(), b""
    shown = _shown(stamp, job) if job.config.images else without_light(stamp, network(job.estimator))
    if job.config.images and shown is not None:
        model = _own_model(shown, answer, job)
        row["chi2_per_pixel"] = None if model is None else model.chi2
        picture = _picture(shown, model)
        if model is not None:
            from lenssbi.pipelines.catalogue.view import view_of

            row["view"] = view_of(shown, model)
    row["seconds"] = round(row["seconds"] + time.perf_counter() - start, 3)
    return Entry(row | about(stamp, shown), samples, picture)


def _shown(stamp: Stamp, job: Job) -> Stamp:
    """Stamp for the comparison with a model image: without the lens galaxy, which the network's result does not describe."""
    estimator = network(job.estimator)
    try:
        return for_picture(stamp, estimator.field) if estimator.sees_lens_light else stamp
    except ItemError:
        return stamp


def _own_model(stamp: Stamp, answer: Answer, job: Job) -> OwnModel | None:
    """Model image of the network's posterior; None if no pixel exceeds the noise."""
    from lenssbi.refinement.own_model import own_model

    assert answer.mixture is not None
    rng = np.random.default_rng((job.config.seed, name_number(stamp.name), 1))
    try:
        return own_model(stamp, answer.mixture, rng, job.config.auto.max_residual or np.inf)
    except ItemError:
        return None


def _picture(stamp: Stamp, model: OwnModel | None) -> bytes:
    from lenssbi.plots.thumbnails import thumbnail

    if model is None:
        return thumbnail(stamp.image, stamp.noise)
    return thumbnail(stamp.image, stamp.noise, model.mask, model.image, model.source)


def _thinned(samples: Samples, count: int) -> Samples | None:
    """At most `count` draws of equal weight; None if `count` is 0."""
    if count == 0:
        return None
    usable = np.flatnonzero(samples.weights > 0)
    rows = usable[np.linspace(0, len(usable) - 1, min(count, len(usable))).astype(int)]
    return Samples(samples.values[rows], samples.names, samples.units)


def failed_row(source: StampSource, error: Exception, method: str) -> Row:
    """Row of a stamp on which the program failed, by a bug or the death of a worker; a mistake of the user is raised."""
    from lenssbi.pipelines.results import ItemResult

    if isinstance(error, InputError) and not isinstance(error, ItemError):
        raise error
    detail = f"{type(error).__name__}: {error}".splitlines()[0][:200]
    item = ItemResult(source.argument, f"{Status.FAILED.value} ({detail})")
    return row_of(source.name, item, None, method) | {"key": key_of(source)}
