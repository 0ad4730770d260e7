"""`lenssbi predict`: stamps in, the network's posterior of each out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lenssbi.catalogue import build, write
from lenssbi.dataset.inputs import StampSource, expand_inputs
from lenssbi.dataset.stamp import Stamp
from lenssbi.pipelines.prepare import for_network, input_of
from lenssbi.pipelines.results import ItemResult, Progress, RunResult, sentence, silent
from lenssbi.pipelines.rows import row_of
from lenssbi.posteriors import GaussianMixture, Samples
from lenssbi.status import InputError, ItemError, Status

if TYPE_CHECKING:
    from lenssbi.estimators.estimator import Estimator

DRAWS = 2000  # per stamp, for the quantiles
Loaded = tuple[StampSource, Stamp | ItemError]


def run(
    inputs: Sequence[str],
    *,
    estimator: str | Path | None = None,
    out: Path | None = None,
    seed: int = 0,
    batch: int = 256,
    read: Mapping[str, Any] | None = None,
    progress: Progress = silent,
) -> RunResult:
    """Ask a network about stamps.

    Parameters
    ----------
    inputs
        Files, folders, tables, sets.
    estimator
        Name of shipped weights or folder of a training run; the shipped ones by default.
    out
        Table to write, one row per stamp.
    seed
        Of the draws that the quantiles come from.
    batch
        Stamps held in memory at a time.
    read
        Keyword arguments of :func:`~lenssbi.dataset.inputs.expand_inputs`: noise, psf, pixel_scale.
    progress
        Told (stamps done, stamps in all, text).

    Raises
    ------
    InputError
        Nothing to read, a bad estimator, an unwritable table, or a single stamp that cannot be used.
    """
    from lenssbi.estimators.load import DEFAULT, load_estimator

    start = time.perf_counter()
    sources = expand_inputs(inputs, **dict(read or {}))
    network = load_estimator(DEFAULT if estimator is None else estimator)
    items: list[ItemResult] = []
    rows: list[dict[str, Any]] = []
    for first in range(0, len(sources), batch):
        progress(first, len(sources), f"asking {network.name}")
        chunk = sources[first : first + batch]
        for source, (item, samples) in zip(chunk, answers(chunk, network, seed, first), strict=True):
            if len(sources) == 1 and not item.ok:
                raise InputError(f"{item.input}: {item.status}")
            items.append(item)
            rows.append(row_of(source.name, item, samples, "network"))
    progress(len(sources), len(sources), "done")
    settings = {"estimator": network.name, "seed": seed}
    if out is not None:
        write(build(rows, {"command": "predict", **settings}), out)
    seconds = time.perf_counter() - start
    return RunResult(tuple(items), seconds, settings, None if out is None else str(out))


def answers(
    sources: Sequence[StampSource], network: Estimator, seed: int, first: int
) -> Iterator[tuple[ItemResult, Samples | None]]:
    """Ask a network about a few stamps at once; the first of them is number `first` of its run."""
    start = time.perf_counter()
    loaded = [_load(source, network) for source in sources]
    good = [stamp for stamp in loaded if isinstance(stamp, Stamp)]
    mixtures = iter(_predict(good, network))
    seconds = (time.perf_counter() - start) / len(sources)
    for index, (source, stamp) in enumerate(zip(sources, loaded, strict=True), start=first):
        if isinstance(stamp, ItemError):
            yield ItemResult(input_of(source), sentence(stamp), seconds=seconds), None
            continue
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(index,)))
        samples = next(mixtures).sample(DRAWS, rng).derived()
        params = samples.summary()
        yield ItemResult(input_of(source), Status.DONE.value, params, truth=source.truth, seconds=seconds), samples


def _load(source: StampSource, network: Estimator) -> Stamp | ItemError:
    try:
        stamp = source.load()
        reason = network.applies_to(stamp)
        if reason is not None:
            return ItemError(Status.NOT_APPLICABLE, source.name, reason)
        # Cut last: the sky around the field shows the noise.
        return for_network(stamp).cut(network.field)
    except ItemError as error:
        return error


def _predict(stamps: Sequence[Stamp], network: Estimator) -> list[GaussianMixture]:
    if not stamps:
        return []
    images, noise, mask = (np.stack([getattr(s, name) for s in stamps]) for name in ("image", "noise", "mask"))
    return network.predict(images, noise, mask)
