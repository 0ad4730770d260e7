"""All of a benchmark on real stamps, in order: a catalogue of them, the comparison, the files.

The folder holds

    catalogue/        output of `lenssbi catalogue`: draws, fits, figures; `lenssbi report` makes its page
    lenses.csv        a row for each stamp
    summary.csv       a row for each kind of stamps, method and parameter
    table.md          both for reading
    comparison.png    ours against published
    config.yaml       the resolved configuration

The catalogue continues a run that was stopped; the tables are always written again.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lenssbi import __version__
from lenssbi.benchmark.comparison.bootstrap import Row
from lenssbi.benchmark.comparison.markdown import markdown
from lenssbi.benchmark.comparison.text_tables import DisplayTable
from lenssbi.benchmark.measures.speed import machine
from lenssbi.benchmark.output.report import write_rows
from lenssbi.benchmark.real.compare import StampComparison, compare
from lenssbi.benchmark.real.config import RealConfig, find
from lenssbi.benchmark.real.published import Published, read_published
from lenssbi.benchmark.real.statistics import summary_rows
from lenssbi.benchmark.real.table import REFEREE, TITLE, lens_rows, text_tables
from lenssbi.config import config_hash, dump_yaml
from lenssbi.dataset.inputs import expand_inputs
from lenssbi.files import atomic
from lenssbi.pipelines import catalogue
from lenssbi.pipelines.catalogue.config import CatalogueConfig
from lenssbi.pipelines.results import Progress, silent
from lenssbi.status import InputError, Status


@dataclass(frozen=True)
class RealResult:
    """Result of the benchmark.

    Parameters
    ----------
    path
        Folder of the results.
    stamps
        Every stamp with its published values and results.
    lenses, summary
        Rows of the two tables.
    tables
        The tables as text.
    seconds
        Wall-clock time.
    """

    path: Path
    stamps: Sequence[StampComparison]
    lenses: Sequence[Row]
    summary: Sequence[Row]
    tables: Sequence[DisplayTable]
    seconds: float

    @property
    def failed(self) -> int:
        """Number of stamps for which a method has no finished result."""
        return sum(any(one.status != Status.DONE.value for one in stamp.answers.values()) for stamp in self.stamps)

    def as_json(self) -> dict[str, Any]:
        """The command's JSON object."""
        found = {"items": list(self.lenses), "table": list(self.summary), "seconds": round(self.seconds, 3)}
        return {"path": str(self.path), **found}


def run(
    config: RealConfig,
    out: Path,
    *,
    base: Path = Path(),
    workers: int = 1,
    scheduler: str | None = None,
    command: str = "",
    progress: Progress = silent,
) -> RealResult:
    """Compare network and fit with published values; the same call again continues a killed one.

    Parameters
    ----------
    config
        Stamps, table, methods.
    out
        Folder of the results.
    base
        Folder from which the paths of `config` are seen first: that of its own file.
    workers, scheduler
        Processes of this machine, or the address of a Dask scheduler whose workers see the same files.
    command
        Command line, for the table.
    progress
        Function that is called with (done, total, text).

    Raises
    ------
    InputError
        If the folder or the table cannot be used, one has a stamp that the other lacks, or `out` cannot be written.
    """
    start = time.perf_counter()
    table = find(config.published, base)
    published = read_published(table)
    paths = stamp_paths(find(config.stamps, base), published, table)[: config.count]
    published = published[: config.count]
    choices = CatalogueConfig(
        refine="all" if "fit" in config.methods else "none",
        estimator=config.estimator,
        fit=config.fit,
        seed=config.seed,
        tables=("ecsv",),
    )
    made = catalogue.run(
        paths, config=choices, out=out / "catalogue", workers=workers, scheduler=scheduler, progress=progress
    )
    stamps = compare(made.folder, published, config)
    summary, lenses = list(summary_rows(stamps, config)), list(lens_rows(stamps, config))
    result = RealResult(out, stamps, lenses, summary, text_tables(stamps, summary, config), time.perf_counter() - start)
    write(result, config, about(config, made.folder.card["estimator"], command))
    return result


def stamp_paths(folder: Path, published: Sequence[Published], table: Path) -> list[str]:
    """The files of the stamps in the order of the table.

    Raises
    ------
    InputError
        If the folder lacks a stamp of the table, or the table a stamp of the folder.
    """
    paths = {source.name: source.path for source in expand_inputs([str(folder)])}
    known = {one.id for one in published}
    for name in paths:
        if name not in known:
            raise InputError(
                f"{table}: there is no row for the stamp {paths[name]}: add one, of kind none if nothing was published"
            )
    for one in published:
        if one.id not in paths:
            raise InputError(
                f"{folder}: there is no stamp {one.id}.fits, which {table} has a row of: add it or take the row out"
            )
    return [paths[one.id] for one in published]


def about(config: RealConfig, estimator: str, command: str) -> dict[str, str]:
    """Description of the run: command, date, network, versions and machine."""
    entries = {"command": command, "date": datetime.now(UTC).date().isoformat(), "network": estimator}
    return {**entries, "lenssbi": __version__, "configuration": config_hash(config), **machine()}


def write(result: RealResult, config: RealConfig, description: dict[str, str]) -> None:
    """Write tables, figure and configuration.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    from lenssbi.plots.real import ours_against_published
    from lenssbi.plots.style import save

    write_rows(result.lenses, result.path / "lenses.csv")
    write_rows(result.summary, result.path / "summary.csv")
    texts = {"table.md": markdown(TITLE, result.tables, description, REFEREE), "config.yaml": dump_yaml(config)}
    for name, text in texts.items():
        with atomic(result.path / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    figure = ours_against_published(result.lenses, config.methods, config.outlier)
    save(figure, result.path / "comparison.png", colours=256)
