"""The part of a benchmark that fits lenses one by one, and times evaluations of the likelihood."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lenssbi.benchmark.methods import (
    WITH_PRIOR,
    Evaluation,
    not_its_suite,
)
from lenssbi.benchmark.runners.peers import Peer, PeerError, PeerFits, find_peer
from lenssbi.benchmark.runners.point_estimates import of_fits
from lenssbi.benchmark.runners.records import LensJob, Record, answers_of, collect
from lenssbi.benchmark.scores import fits as judge_fits
from lenssbi.benchmark.scores import network as judge
from lenssbi.calibration.splits import Split, splits
from lenssbi.config import config_hash, load_config
from lenssbi.dataset.hdf5 import StampSet
from lenssbi.dataset.inputs import StampSource, expand_inputs
from lenssbi.refinement.config import RefineConfig
from lenssbi.status import InputError, Status

if TYPE_CHECKING:
    from lenssbi.benchmark.session import Benchmark

Row = dict[str, Any]
WEIGHED = "evaluation"  # folder of the results of the fits for the memory table


class Task(NamedTuple):
    """The fits of the lenses of a suite by one method."""

    suite: str
    method: str
    jobs: list[LensJob]


def fit_suites(bench: Benchmark, sets: Mapping[str, Path]) -> None:
    """Fit the lenses of all suites with every applicable method, and add the rows of the tables.

    Parameters
    ----------
    bench
        State of the run.
    sets
        Suite -> its stamps.
    """
    tasks = [task for suite, path in sets.items() for task in _tasks(bench, suite, path)]
    found = collect([task.jobs for task in tasks], bench.workers, bench.progress, scheduler=bench.scheduler)
    for (suite, method, _), records in zip(tasks, found, strict=True):
        if isinstance(records, InputError):
            bench.add_outcome(suite, method, str(records), failed=True)
            continue
        with StampSet(sets[suite]) as stamps:
            for which in bench.sampled[method].posteriors():
                _add(bench, suite, method, which, records, stamps)
        bench.add_outcome(suite, method, *_outcome(records))


def _tasks(bench: Benchmark, suite: str, path: Path) -> Iterator[Task]:
    """Fits of the methods that apply to a suite; the reasons of the others are added to the outcomes."""
    for name, sampled in bench.sampled.items():
        with StampSet(path) as stamps:
            reason = not_its_suite(sampled.method, suite) or sampled.reason_against(stamps)
        if reason is not None:
            bench.add_outcome(suite, name, f"does not apply: {reason}")
            continue
        sources = sources_of(path, min(bench.count(suite), sampled.method.count or bench.count(suite)))
        yield Task(suite, name, sampled.jobs(sources, bench.out, f"{suite}--{name}"))


def sources_of(path: Path, count: int) -> list[StampSource]:
    """The first lenses of a set."""
    return expand_inputs([f"{path}:0-{count - 1}"])


def _outcome(records: list[Record]) -> tuple[str, bool]:
    """The outcome as a sentence, and whether a fit crashed."""
    bad = [record.status for record in records if record.status != Status.DONE.value]
    if not bad:
        return Status.DONE.value, False
    crashed = any(status.startswith(Status.FAILED.value) for status in bad)
    return f"{len(records) - len(bad)} of {len(records)} done; {bad[0]}", crashed


def _add(bench: Benchmark, suite: str, name: str, which: str, records: list[Record], stamps: StampSet) -> None:
    """The rows of one method's fits of a suite."""
    found = answers_of(records, which)
    if found is None and which == WITH_PRIOR:
        return  # no prior was learned
    identity = {"suite": suite, "method": name + (WITH_PRIOR if which == WITH_PRIOR else "")}
    rows: dict[str, list[Row]] = {
        "fits": [judge_fits.summary(records, which, bench.config.wrong)],
        "lenses": list(judge_fits.lens_rows(records, which)),
        "flags": list(judge_fits.flag_rows(records, which, bench.config.wrong)),
    }
    if found is not None:
        index = np.array([record.index for record in records if which in record.posteriors])
        parts = [Split(part.name, part.rows[index]) for part in splits(stamps)]
        parts = [part for part in parts if part.rows.any()]
        truths = {key: np.asarray(values)[index] for key, values in stamps.params.items()}
        rows["accuracy"] = list(judge.accuracy(found, truths, parts, bench.config.suites[suite].paper))
        rows["coverage"] = list(judge.coverage(found, parts))
        rows["misspecification"] = list(judge.misspecification(found))
    for table, those in rows.items():
        bench.tables[table] += [{**identity, **row} for row in those]
    points = of_fits(suite, identity["method"], records, which, stamps) if suite in bench.compared else None
    if points is not None:
        bench.estimates[suite, identity["method"]] = points


def evaluate(bench: Benchmark, plan: Evaluation) -> None:
    """Time evaluations on the stamp of the plan, ours and PyAutoLens's, and measure the memory of fits."""
    from lenssbi.benchmark.measures.evaluation import EvaluationStamp, evaluations
    from lenssbi.benchmark.measures.evaluation_peers import batched_evaluations, peer_evaluations
    from lenssbi.benchmark.measures.memory import memory

    path = bench.set_path(plan.suite)
    config = load_config(None, RefineConfig, plan.overrides)
    scene = EvaluationStamp(sources_of(path, plan.index + 1)[plan.index], config, plan)
    peer = find_peer(bench.config.autolens_python)
    what = (path.name, plan.model_dump_json(exclude={"memory"}), config_hash(config))
    progress = bench.labelled_progress("evaluation")
    measures: dict[str, Callable[[], Iterator[Row]]] = {
        "evaluation": lambda: evaluations(scene, progress),
        "evaluation-batched": lambda: batched_evaluations(scene),
        "evaluation-autolens": lambda: _answered(peer_evaluations(scene, peer, bench.out / "work" / "evaluation")),
    }
    for name, measure in measures.items():
        bench.add_timings(name, (*what, _of_peer(peer)), lambda: list(measure()), "evaluation")  # noqa: B023
    for name in plan.memory:
        sampled = bench.sampled.get(name)
        if sampled is not None and not (isinstance(sampled, PeerFits) and peer.version is None):
            (job,) = sampled.jobs([scene.source], bench.out, f"{WEIGHED}--{name}")
            bench.add_timings(f"memory-{name}", (job.identity,), lambda: [memory(name, job)], "memory")  # noqa: B023


def _of_peer(peer: Peer) -> str:
    return peer.version or peer.reason


def _answered(rows: Iterator[Row]) -> Iterator[Row]:
    """The rows of the peer; its failure raises an InputError."""
    try:
        yield from rows
    except (PeerError, subprocess.TimeoutExpired) as error:
        raise InputError(f"PyAutoLens could not be timed ({error})") from None
