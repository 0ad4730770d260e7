"""`lenssbi predict`: the network's posterior of each stamp.

Memory holds the pixels of `batch` stamps at a time, and the row of each finished stamp.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lenssbi.catalogue import build, check_writable, write
from lenssbi.catalogue import read as read_catalogue
from lenssbi.config import parse
from lenssbi.dataset.inputs import StampSource
from lenssbi.dataset.reading import AS_FILES_SAY, ReadOptions
from lenssbi.dataset.stamp import Stamp
from lenssbi.pipelines.repeat import lasting_name, provenance, said_in
from lenssbi.pipelines.results import ItemResult, NetworkAnswer, Progress, RunResult, sentence, silent
from lenssbi.pipelines.rows import about, row_of
from lenssbi.posteriors import DiagonalMixture, Samples
from lenssbi.posteriors.quantities import quantities
from lenssbi.refinement.config import NO_MODEL_ERROR, ModelErrorConfig
from lenssbi.refinement.lens_light import has_lens_light
from lenssbi.refinement.model_error import widened
from lenssbi.refinement.pixels import Pixels, load_pixels
from lenssbi.status import InputError, ItemError, Status

if TYPE_CHECKING:
    from lenssbi.estimators.estimator import Estimator

DRAWS = 2000  # number of draws per stamp, for the quantiles


def run(
    inputs: Sequence[str],
    *,
    estimator: str | Path | None = None,
    out: Path | None = None,
    samples: Path | None = None,
    seed: int = 0,
    batch: int = 256,
    model_error: ModelErrorConfig = NO_MODEL_ERROR,
    read: ReadOptions = AS_FILES_SAY,
    progress: Progress = silent,
) -> RunResult:
    """Predict the posteriors of stamps with a network.

    Parameters
    ----------
    inputs
        Files, folders, tables and sets.
    estimator
        Name of shipped weights or folder of a training run; the shipped ones by default.
    out
        Table to write, one row per stamp.
    samples
        Folder to write the draws to, a posterior file per stamp.
    seed
        Seed of the draws from which the quantiles are computed.
    batch
        Number of stamps in memory at a time.
    model_error
        Departures of the mass from a smooth lens, added to the network's posterior.
    read
        Options of reading the stamps.
    progress
        Function that is called with (stamps done, stamps in all, text).

    Raises
    ------
    InputError
        If there is nothing to read, the estimator cannot be used, the table cannot be written, or a single stamp cannot be used.
    """
    from lenssbi.estimators.load import DEFAULT, load_estimator

    start = time.perf_counter()
    sources = read.sources(inputs)
    if out is not None:
        check_writable(out)
    network = load_estimator(DEFAULT if estimator is None else estimator)
    settings: dict[str, Any] = {"estimator": network.name, "seed": seed}
    if model_error.any:
        settings["model_error"] = model_error.model_dump(mode="json")
    meta = {"command": "predict", **settings, **provenance(inputs, read, lasting_name(estimator))}
    items: list[ItemResult] = []
    rows: list[dict[str, Any]] = []
    for first in range(0, len(sources), batch):
        progress(first, len(sources), f"predicting with {network.name}")
        chunk = sources[first : first + batch]
        for source, answer in zip(chunk, answers(chunk, network, seed, model_error), strict=True):
            item, draws = answer.item, answer.samples
            if len(sources) == 1 and not item.ok:
                raise InputError(f"{item.input}: {item.status}")
            known = _about(source, answer, network) if out is not None or samples is not None else {}
            if samples is not None and draws is not None:
                draws = replace(draws, info=meta | {"observation": known["observation"]})
                item = replace(item, posterior=_keep(draws, source.name, Path(samples)))
            items.append(item)
            rows.append(row_of(source.name, item, draws, "network") | known)
    progress(len(sources), len(sources), "done")
    if out is not None:
        write(build(rows, meta), out)
    seconds = time.perf_counter() - start
    return RunResult(tuple(items), seconds, settings, None if out is None else str(out))


def repeat(
    table: Path, *, out: Path | None = None, samples: Path | None = None, progress: Progress = silent
) -> RunResult:
    """Predict the stamps of a table again, with the same network and seed.

    Parameters
    ----------
    table
        Table that `run` has written.
    out, samples, progress
        Outputs and progress, as for `run`; None writes no table.

    Raises
    ------
    InputError
        If it is not a table of `predict`, or is of a version that did not store the options of reading; and as for `run`.
    """
    card = read_catalogue(table).meta
    if card.get("command") != "predict":
        raise InputError(f"{table}: not a table of `lenssbi predict`: give one")
    earlier = said_in(card, table, "seed")
    error = parse(json.loads(card.get("model_error", "{}")), ModelErrorConfig, str(table))
    options: dict[str, Any] = {"estimator": earlier.network, "seed": card["seed"], "model_error": error}
    return run(earlier.inputs, out=out, samples=samples, read=earlier.read, progress=progress, **options)


class Answer(NamedTuple):
    """Result of the network for one stamp.

    Parameters
    ----------
    item
        Result.
    samples
        Draws of the posterior, with q and phi; None, like the other two, if the stamp cannot be used.
    mixture
        Posterior.
    pixels
        Pixels at the input of the network.
    """

    item: ItemResult
    samples: Samples | None = None
    mixture: DiagonalMixture | None = None
    pixels: Pixels | None = None


def answers(
    sources: Sequence[StampSource], network: Estimator, seed: int, model_error: ModelErrorConfig = NO_MODEL_ERROR
) -> Iterator[Answer]:
    """Posteriors of a few stamps at once; the posterior of a stamp does not depend on the others."""
    from lenssbi.estimators.misspecification import flags_of_answer

    start = time.perf_counter()
    loaded = load_pixels(sources, network)
    found = iter(_predictions([stamp for stamp in loaded if isinstance(stamp, Pixels)], network))
    seconds = (time.perf_counter() - start) / len(sources)
    for source, stamp in zip(sources, loaded, strict=True):
        if isinstance(stamp, ItemError):
            yield Answer(ItemResult(source.argument, sentence(stamp), seconds=seconds))
            continue
        mixture, scores = next(found)
        number = name_number(source.name)
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))
        samples = widened(mixture.sample(DRAWS, rng), model_error, number).derived()
        raised = flags_of_answer(network.card, mixture, scores, stamp.psf_fwhm)
        posterior = NetworkAnswer(samples.summary(), raised)
        item = ItemResult(
            source.argument,
            Status.DONE.value,
            posterior.params,
            network=posterior,
            derived=quantities(samples, stamp.known),
            truth=stamp.truth,
            flags=(*posterior.flags, *(stamp.stamp.flags if stamp.stamp else ())),
            misspecification=float(scores[0]) if np.isfinite(scores[0]) else None,
            seconds=seconds,
        )
        yield Answer(item, samples, mixture, stamp)


def without_light(stamp: Stamp, network: Estimator) -> Stamp | None:
    """The stamp at the input of a network if it has no lens light there; None if it has."""
    return None if network.sees_lens_light and has_lens_light(stamp) else stamp


def _about(source: StampSource, answer: Answer, network: Estimator) -> dict[str, Any]:
    """Columns about the stamp for the row of an answer; none if the stamp cannot be used."""
    if answer.pixels is None:
        return {}
    stamp = answer.pixels.stamp or source.load()
    return about(stamp, without_light(stamp, network))


def name_number(name: str) -> int:
    """Number below 2**32 that follows from a name: seed of a stamp, independent of its place in a list."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")


def _predictions(stamps: Sequence[Pixels], network: Estimator) -> Iterable[tuple[DiagonalMixture, NDArray[np.float64]]]:
    if not stamps:
        return []
    images, noise, mask = (np.stack([getattr(s, name) for s in stamps]) for name in ("image", "noise", "mask"))
    mixtures, scores = network.predict_and_score(images, noise, mask)
    return zip(mixtures, scores, strict=True)


def _keep(draws: Samples, name: str, folder: Path) -> str:
    """Write the draws of one stamp, and return the path."""
    from lenssbi.pipelines.kept_fits import Files

    path = Files.of(name, folder).posterior
    draws.save(path)
    return str(path)
