"""`lenssbi predict`: the network's posterior of each stamp.

The pixels of `batch` stamps are in memory at a time; only the row of a finished stamp is kept.
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

DRAWS = 2000  # per stamp, for the quantiles


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
    """Ask a network about stamps.

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
    told = {"command": "predict", **settings, **provenance(inputs, read, lasting_name(estimator))}
    items: list[ItemResult] = []
    rows: list[dict[str, Any]] = []
    for first in range(0, len(sources), batch):
        progress(first, len(sources), f"asking {network.name}")
        chunk = sources[first : first + batch]
        for source, answer in zip(chunk, answers(chunk, network, seed, model_error), strict=True):
            item, draws = answer.item, answer.samples
            if len(sources) == 1 and not item.ok:
                raise InputError(f"{item.input}: {item.status}")
            known = _about(source, answer, network) if out is not None or samples is not None else {}
            if samples is not None and draws is not None:
                draws = replace(draws, info=told | {"observation": known["observation"]})
                item = replace(item, posterior=_keep(draws, source.name, Path(samples)))
            items.append(item)
            rows.append(row_of(source.name, item, draws, "network") | known)
    progress(len(sources), len(sources), "done")
    if out is not None:
        write(build(rows, told), out)
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
        If it is not a table of `predict`, or is of a version that did not store how its stamps were read; and as for `run`.
    """
    card = read_catalogue(table).meta
    if card.get("command") != "predict":
        raise InputError(f"{table}: not a table of `lenssbi predict`: name one")
    said = said_in(card, table, "seed")
    error = parse(json.loads(card.get("model_error", "{}")), ModelErrorConfig, str(table))
    options: dict[str, Any] = {"estimator": said.network, "seed": card["seed"], "model_error": error}
    return run(said.inputs, out=out, samples=samples, read=said.read, progress=progress, **options)


class Answer(NamedTuple):
    """What the network says of one stamp.

    Parameters
    ----------
    item
        Result.
    samples
        Draws of the posterior, q and phi among them; None, as the other two, if the stamp cannot be used.
    mixture
        Posterior.
    pixels
        Pixels that the network was given.
    """

    item: ItemResult
    samples: Samples | None = None
    mixture: DiagonalMixture | None = None
    pixels: Pixels | None = None


def answers(
    sources: Sequence[StampSource], network: Estimator, seed: int, model_error: ModelErrorConfig = NO_MODEL_ERROR
) -> Iterator[Answer]:
    """Posteriors of a few stamps at once; the posterior of a stamp does not depend on the others."""
    from lenssbi.estimators.misspecification import flags

    start = time.perf_counter()
    loaded = load_pixels(sources, network)
    found = iter(_ask([stamp for stamp in loaded if isinstance(stamp, Pixels)], network))
    seconds = (time.perf_counter() - start) / len(sources)
    for source, stamp in zip(sources, loaded, strict=True):
        if isinstance(stamp, ItemError):
            yield Answer(ItemResult(source.argument, sentence(stamp), seconds=seconds))
            continue
        mixture, score = next(found)
        number = name_number(source.name)
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))
        samples = widened(mixture.sample(DRAWS, rng), model_error, number).derived()
        told = NetworkAnswer(samples.summary(), flags(network.card, score, stamp.psf_fwhm))
        item = ItemResult(
            source.argument,
            Status.DONE.value,
            told.params,
            network=told,
            derived=quantities(samples, stamp.known),
            truth=stamp.truth,
            flags=(*told.flags, *(stamp.stamp.flags if stamp.stamp else ())),
            misspecification=score if np.isfinite(score) else None,
            seconds=seconds,
        )
        yield Answer(item, samples, mixture, stamp)


def without_light(stamp: Stamp, network: Estimator) -> Stamp | None:
    """A stamp as a network was shown it, if that has no light of the lens; None if it has."""
    return None if network.sees_lens_light and has_lens_light(stamp) else stamp


def _about(source: StampSource, answer: Answer, network: Estimator) -> dict[str, Any]:
    """What the row of an answer says of the stamp; nothing if there is none."""
    if answer.pixels is None:
        return {}
    stamp = answer.pixels.stamp or source.load()
    return about(stamp, without_light(stamp, network))


def name_number(name: str) -> int:
    """A number that belongs to a name, below 2**32: what is random about a stamp follows from its name, wherever it stands in a list."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")


def _ask(stamps: Sequence[Pixels], network: Estimator) -> Iterable[tuple[DiagonalMixture, float]]:
    if not stamps:
        return []
    images, noise, mask = (np.stack([getattr(s, name) for s in stamps]) for name in ("image", "noise", "mask"))
    mixtures, scores = network.predict_and_score(images, noise, mask)
    return zip(mixtures, scores.tolist(), strict=True)


def _keep(draws: Samples, name: str, folder: Path) -> str:
    """Write the draws of one stamp, and say where."""
    from lenssbi.pipelines.kept_fits import Files

    path = Files.of(name, folder).posterior
    draws.save(path)
    return str(path)
