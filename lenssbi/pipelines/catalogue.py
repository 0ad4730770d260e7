"""`lenssbi catalogue`: many stamps in, one row for each out.

    ask        the network, a chunk of stamps at a time
    fit        the stamps that need it, one at a time: all, none, or (auto) those the network is unsure of or does not apply to
    write      the table, in the order of the inputs

Every row is on disk as soon as it is known (`pipelines/row_store.py`), so a run that was stopped continues. A stamp that fails is
a row with a status. Rows do not depend on the number of workers: the chunks are cut by the order of the inputs alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from lenssbi import batch, catalogue
from lenssbi.config import Config, config_hash
from lenssbi.dataset.inputs import StampSource, expand_inputs
from lenssbi.files import writing
from lenssbi.pipelines.predict import answers
from lenssbi.pipelines.prepare import input_of
from lenssbi.pipelines.results import ItemResult, Progress, RunResult, sentence, silent
from lenssbi.pipelines.row_store import RowStore
from lenssbi.pipelines.rows import row_of
from lenssbi.posteriors import Summary, load_samples
from lenssbi.refinement.config import RefineConfig
from lenssbi.status import InputError, ItemError, Status

if TYPE_CHECKING:
    from lenssbi.estimators.estimator import Estimator

CHUNK = 64  # stamps that the network is asked about at once
Row = dict[str, Any]
Chunk = tuple[int, Sequence[StampSource]]
"""Number of the first stamp in the run, and the stamps."""
Spread = Callable[..., Iterator[tuple[int, Any]]]
"""`batch.run` with its workers chosen."""


class CatalogueConfig(Config):
    """How a catalogue is made."""

    refine: Literal["auto", "all", "none"] = "auto"
    max_relative_error: float = Field(0.02, gt=0, description="auto fits stamps with a larger one in einstein_radius")
    estimator: str | None = Field(
        None, description="name of shipped weights or folder of a run; None: the shipped ones"
    )
    figures: bool = True
    table: Literal["ecsv", "fits", "parquet"] = "ecsv"
    seed: int = Field(0, ge=0, description="of the draws that the network's quantiles come from")
    fit: RefineConfig = RefineConfig()


@dataclass(frozen=True)
class Job:
    """What a worker needs to know.

    Parameters
    ----------
    config
        The choices.
    estimator
        Name or folder of the network.
    out
        The catalogue's folder.
    network, refined
        Where rows are kept.
    """

    config: CatalogueConfig
    estimator: str
    out: Path
    network: RowStore
    refined: RowStore


def run(
    inputs: Sequence[str],
    *,
    config: CatalogueConfig,
    out: Path,
    workers: int = 1,
    scheduler: str | None = None,
    read: Mapping[str, Any] | None = None,
    progress: Progress = silent,
) -> RunResult:
    """Make a catalogue, or continue one.

    Parameters
    ----------
    inputs
        Files, folders, tables, sets.
    config
        The choices.
    out
        Folder of the table, the posteriors and the figures.
    workers, scheduler
        Processes on this machine, or the address of a Dask scheduler whose workers see the same files.
    read
        Keyword arguments of `expand_inputs`: noise, psf, pixel_scale.
    progress
        Told (steps done, steps in all, text).

    Raises
    ------
    InputError
        Nothing to read, a bad estimator, an unwritable folder, no scheduler.
    """
    start = time.perf_counter()
    sources = expand_inputs(inputs, **dict(read or {}))
    job = _job(config, Path(out).absolute())
    with writing(job.out):
        job.out.mkdir(parents=True, exist_ok=True)
    spread = partial(batch.run, workers=workers, scheduler=scheduler)
    _ask_all(job, sources, spread, progress)
    chosen = [source for source in sources if needs_fit(job.network.read(source) or {}, config)]
    _fit_all(job, chosen, spread, progress)
    fitted = {source.name for source in chosen}
    rows = [_final_row(job, source, source.name in fitted) for source in sources]
    path = job.out / f"catalogue.{config.table}"
    settings = config.model_dump(mode="json")
    catalogue.write(catalogue.build(rows, {"command": "catalogue", "config": settings}), path)
    items = tuple(_item(row) for row in rows)
    return RunResult(items, time.perf_counter() - start, settings, str(path))


def needs_fit(row: Row, config: CatalogueConfig) -> bool:
    """Whether a stamp is to be fitted, from the row that the network gave it.

    A stamp that cannot be read is not; one that the network does not apply to is (blind), unless nothing is to be fitted.
    """
    if config.refine == "none":
        return False
    if row.get("status") != Status.DONE.value:
        return str(row.get("status", "")).startswith(Status.NOT_APPLICABLE.value)
    if config.refine == "all":
        return True
    radius = row["params"]["einstein_radius"]
    return (radius["upper"] - radius["lower"]) / 2 > config.max_relative_error * radius["median"]


def ask(chunk: Chunk, *, job: Job) -> None:
    """Ask the network about a few stamps and keep those rows that are not there yet."""
    first, sources = chunk
    found = answers(sources, _network(job.estimator), job.config.seed, first, job.config.fit.model_error)
    for source, (item, samples) in zip(sources, found, strict=True):
        if not job.network.finished(source):
            job.network.write(source, row_of(source.name, item, samples, "network") | _extras(source))


def fit(source: StampSource, *, job: Job) -> None:
    """Fit one stamp and keep its row; a stamp that cannot be fitted has a row that says why."""
    from lenssbi.pipelines.refine import refine_source

    network, config = _network(job.estimator), job.config
    try:
        item = refine_source(source, config.fit, job.out / "lenses", estimator=network, figure=config.figures)
        samples = None if item.posterior is None else load_samples(item.posterior)
    except ItemError as error:
        item, samples = ItemResult(input_of(source), sentence(error)), None
    job.refined.write(source, row_of(source.name, item, samples, "refined") | _extras(source))


def _job(config: CatalogueConfig, out: Path) -> Job:
    from lenssbi.estimators.load import DEFAULT, find_estimator

    # absolute: a worker elsewhere may run in another folder
    estimator = str(find_estimator(DEFAULT if config.estimator is None else config.estimator).absolute())
    card = _network(estimator).card.model_dump_json()
    network = RowStore(out / "rows", "network", f"{card}\n{config.seed}\n{config_hash(config.fit.model_error)}")
    refined = RowStore(out / "rows", "refined", f"{card}\n{config_hash(config.fit)}\n{config.figures}")
    return Job(config, estimator, out, network, refined)


@lru_cache(maxsize=1)
def _network(estimator: str) -> Estimator:
    """The estimator, loaded once in each process."""
    from lenssbi.estimators.load import load_estimator

    return load_estimator(estimator)


def _ask_all(job: Job, sources: Sequence[StampSource], spread: Spread, progress: Progress) -> None:
    chunks: list[Chunk] = [(first, sources[first : first + CHUNK]) for first in range(0, len(sources), CHUNK)]
    todo = [chunk for chunk in chunks if not all(job.network.finished(source) for source in chunk[1])]
    done = len(sources) - sum(len(chunk[1]) for chunk in todo)
    progress(done, len(sources), "asking the network")
    for index, outcome in spread(partial(ask, job=job), todo):
        for source in todo[index][1] if isinstance(outcome, Exception) else ():
            job.network.write(source, _failed_row(source, outcome, "network"))
        done += len(todo[index][1])
        progress(done, len(sources), "asking the network")


def _fit_all(job: Job, sources: Sequence[StampSource], spread: Spread, progress: Progress) -> None:
    todo = [source for source in sources if not job.refined.finished(source)]
    done = len(sources) - len(todo)
    if sources:
        progress(done, len(sources), "fitting")
    for index, outcome in spread(partial(fit, job=job), todo):
        if isinstance(outcome, Exception):
            job.refined.write(todo[index], _failed_row(todo[index], outcome, "refined"))
        done += 1
        progress(done, len(sources), f"fitting: {todo[index].name} is done")


def _failed_row(source: StampSource, error: Exception, method: str) -> Row:
    """The row of a stamp on which the program failed: a bug, or a worker that died. A user's mistake ends the run."""
    if isinstance(error, InputError) and not isinstance(error, ItemError):
        raise error
    detail = f"{type(error).__name__}: {error}".splitlines()[0][:200]
    item = ItemResult(input_of(source), f"{Status.FAILED.value} ({detail})")
    return row_of(source.name, item, None, method)


def _extras(source: StampSource) -> Row:
    """What the stamp itself knows and a catalogue has columns for."""
    try:
        info = source.load().info
    except ItemError:
        return {}
    return {name: info[name] for name in ("ra", "dec", "snr") if name in info}


def _final_row(job: Job, source: StampSource, fitted: bool) -> Row:
    """The fit's row where there is one; where the fit failed, the network's answer with the fit's status."""
    asked = job.network.read(source) or {}
    row = (job.refined.read(source) if fitted else None) or asked
    if row.get("status") != Status.DONE.value and not row.get("params"):
        row = asked | {name: row[name] for name in ("status", "seconds", "truth") if name in row}
    flags = list(row.get("flags") or ())
    doubtful = bool(flags) or row.get("status") != Status.DONE.value
    return row | {"flags": [*flags, "needs_human"] if doubtful else flags}


def _item(row: Row) -> ItemResult:
    names = ("truth", "log_evidence", "misspecification", "evaluations", "posterior", "figure")
    return ItemResult(
        row["input"],
        row["status"],
        params=_summaries(row.get("params")) or {},
        params_with_prior=_summaries(row.get("params_with_prior")),
        flags=tuple(row["flags"]),
        seconds=row.get("seconds") or 0.0,
        **{name: row.get(name) for name in names},
    )


def _summaries(params: Mapping[str, Mapping[str, Any]] | None) -> dict[str, Summary] | None:
    """Summaries from a row, which keeps no mean and no sigma."""
    if params is None:
        return None
    nan = float("nan")
    return {n: Summary(p["median"], p["lower"], p["upper"], nan, nan, p["unit"]) for n, p in params.items()}
