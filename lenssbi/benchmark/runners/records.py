"""Result of the fit of one lens, stored in its own small JSON file as soon as it is available.

A run that was killed reads the files of the finished lenses and continues with the others. A file contains the hash of everything that
it depends on; a fit that failed is a status in its file, one that crashed has no file and is tried again.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from lenssbi.batch import engine
from lenssbi.benchmark.runners.answers import Answers, keep, read_kept
from lenssbi.flags import Flag
from lenssbi.pipelines.results import Progress
from lenssbi.posteriors import Samples
from lenssbi.status import InputError, Status

HARMLESS = (Flag.ESTIMATOR_NOT_APPLICABLE, Flag.NETWORK_IMPRECISE)  # flags that do not concern the reliability of a fit
RESULT = ""
"""Name of the posterior that is the result; the other one is `config.WITH_PRIOR`."""


@dataclass(frozen=True)
class PosteriorSummary:
    """Summary of a posterior with the true values, one entry for each parameter that both have.

    Parameters
    ----------
    names
        Names of the parameters.
    mean, sigma, median, lower, upper
        Moments, and the 50th, 16th and 84th percentile, in physical units.
    below
        Mass of the posterior below the true value.
    true
        True values.
    n_eff
        Effective number of draws.
    """

    names: tuple[str, ...]
    mean: tuple[float, ...]
    sigma: tuple[float, ...]
    median: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    below: tuple[float, ...]
    true: tuple[float, ...]
    n_eff: float

    @staticmethod
    def of(samples: Samples, truth: Mapping[str, float]) -> PosteriorSummary:
        """Summarise weighted draws."""
        found = {name: summary for name, summary in samples.summary().items() if name in truth}
        columns = {key: tuple(getattr(s, key) for s in found.values()) for key in ("mean", "sigma")}
        columns |= {key: tuple(getattr(s, key) for s in found.values()) for key in ("median", "lower", "upper")}
        weights = samples.weights
        below = tuple(float(weights @ _under(samples.column(name), truth[name])) for name in found)
        true = tuple(float(truth[name]) for name in found)
        return PosteriorSummary(tuple(found), **columns, below=below, true=true, n_eff=samples.n_eff)

    @staticmethod
    def from_json(kept: Mapping[str, Any]) -> PosteriorSummary:
        """Make a summary of the mapping that `dataclasses.asdict` returned."""
        parts: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in kept.items()}
        return PosteriorSummary(**parts)

    def at(self, name: str) -> dict[str, float]:
        """The entries of one parameter."""
        i = self.names.index(name)
        return {key: getattr(self, key)[i] for key in ("mean", "sigma", "median", "lower", "upper", "below", "true")}


@dataclass(frozen=True)
class Record:
    """Outcome of the fit of one lens.

    Parameters
    ----------
    index
        Index of the lens in its suite.
    status
        Status: "done", or the reason of the failure.
    posteriors
        `RESULT` and, under a learned prior, `WITH_PRIOR` -> summary of the posterior; empty if there is none.
    flags
        Flags of the result.
    evaluations
        Number of evaluations of the likelihood.
    seconds, cpu
        Wall time and processor time [s], from the stamp to the posterior.
    log_evidence
        Natural log of the evidence.
    info
        Further information.
    """

    index: int
    status: str
    posteriors: Mapping[str, PosteriorSummary] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    evaluations: int | None = None
    seconds: float | None = None
    cpu: float | None = None
    log_evidence: float | None = None
    info: Mapping[str, Any] = field(default_factory=dict)

    @property
    def warned(self) -> bool:
        """Whether a flag warns of the fit."""
        return bool(set(self.flags) - set(HARMLESS)) or self.status != Status.DONE.value

    def as_json(self) -> dict[str, Any]:
        """The record as it is stored: the file calls the posteriors "beliefs"."""
        return {"beliefs" if key == "posteriors" else key: value for key, value in asdict(self).items()}

    @staticmethod
    def from_json(kept: Mapping[str, Any]) -> Record:
        """Make a record of what `as_json` returned."""
        posteriors = {which: PosteriorSummary.from_json(summary) for which, summary in kept["beliefs"].items()}
        parts = {key: value for key, value in kept.items() if key not in ("identity", "beliefs")}
        return Record(**{**parts, "posteriors": posteriors, "flags": tuple(kept["flags"])})


class LensJob(Protocol):
    """The fit of one lens, small and picklable."""

    @property
    def index(self) -> int:
        """Index of the lens in its suite."""

    @property
    def path(self) -> Path:
        """File of its record."""

    @property
    def work(self) -> Path:
        """Folder of the state of an unfinished fit."""

    @property
    def identity(self) -> str:
        """Hash of everything that the record depends on."""

    def solve(self) -> Record:
        """Fit the lens. Faults of the stamp become a status, errors of the program are raised."""


def collect(
    groups: Sequence[Sequence[LensJob]], workers: int, progress: Progress, *, scheduler: str | None = None
) -> list[list[Record] | InputError]:
    """The records of all jobs, in their order: stored ones, and new ones.

    All groups are processed together, so that no worker waits for the last and longest fit of another group.

    Parameters
    ----------
    groups
        Groups of jobs, one job for each lens; those of one group have the same configuration.
    workers, scheduler
        Processes of this machine, or the address of a Dask scheduler whose workers see the same files.
    progress
        Function that is called with (done, total, text).

    Returns
    -------
    The records of each group, or an InputError if a record cannot be written or the configuration is unsuitable.

    Raises
    ------
    InputError
        If no scheduler answers at the address.
    """
    found = {job.path: record for jobs in groups for job in jobs if (record := _kept(job)) is not None}
    broken: dict[int, InputError] = {}
    under_way: list[tuple[int, LensJob]] = []

    def missing() -> Iterator[LensJob]:
        for group, jobs in enumerate(groups):
            for job in jobs:
                if job.path not in found and group not in broken:
                    under_way.append((group, job))
                    yield job

    total = sum(len(jobs) for jobs in groups)
    if len(found) < total:
        workers = min(workers, total - len(found))
        for number, outcome in engine.run(_solve, missing(), workers=workers, scheduler=scheduler):
            group, job = under_way[number]
            if isinstance(outcome, InputError):
                broken[group] = outcome
                continue
            crashed = isinstance(outcome, Exception)
            failed = Record(job.index, f"{Status.FAILED.value} ({outcome!r})")
            found[job.path] = failed if crashed else outcome  # type: ignore[assignment]
            progress(len(found), total, "fitting")
    return [broken.get(group) or [found[job.path] for job in jobs] for group, jobs in enumerate(groups)]


def answers_of(records: Sequence[Record], which: str) -> Answers | None:
    """Results of the fits with this posterior as `Answers`; None if there are none."""
    found = [(record, record.posteriors[which]) for record in records if which in record.posteriors]
    if not found:
        return None
    names = tuple(name for name in found[0][1].names if all(name in summary.names for _, summary in found))

    def table(key: str) -> np.ndarray:
        return np.array([[getattr(b, key)[b.names.index(name)] for name in names] for _, b in found], dtype=float)

    flagged = np.array([record.warned for record, _ in found], dtype=float)
    pulls = (table("true") - table("mean")) / np.maximum(table("sigma"), 1e-12)
    seconds = sum(record.seconds or 0.0 for record, _ in found)
    return Answers(names, table("mean"), pulls, table("below"), np.empty(0), flagged, seconds)


def _under(values: np.ndarray, truth: float) -> np.ndarray:
    return (values < truth) + 0.5 * (values == truth)


def _kept(job: LensJob) -> Record | None:
    kept = read_kept(job.path, job.identity)
    return None if kept is None else Record.from_json(kept)


def _solve(job: LensJob) -> Record:
    record = job.solve()
    keep(job.path, job.identity, record.as_json())
    shutil.rmtree(job.work, ignore_errors=True)
    return record
