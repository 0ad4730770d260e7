"""`lenssbi benchmark`: errors, coverage, wrong basins and time of methods on suites, or a comparison with published values."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lenssbi.shipped_configs import shipped

from .benchmark_real import benchmark_real
from .benchmark_tables import comparison_tables
from .console import SOME_FAILED, command
from .options import Json, Overrides, Quiet, Scheduler, Workers

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from lenssbi.benchmark.outcome import BenchmarkResult


def benchmark(
    config: Annotated[
        Path,
        typer.Argument(
            help="YAML file of methods and suites, or of real stamps and published values.",
            show_default=False,
            callback=shipped,
        ),
    ],
    *,
    out: Annotated[Path, typer.Option("--out", help="Folder for the results.")],
    workers: Workers = 1,
    scheduler: Scheduler = None,
    count: Annotated[
        int | None,
        typer.Option("--count", min=1, help="Maximum number of lenses per suite, or of real stamps; all by default."),
    ] = None,
    autolens_python: Annotated[
        str | None,
        typer.Option("--autolens-python", metavar="PATH", help="Python interpreter that has PyAutoLens, for its fits."),
    ] = None,
    overrides: Overrides = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure errors, coverage and time of methods on suites, or compare real stamps with published values.

    The same command continues a stopped run.
    """
    with command(as_json, quiet) as screen:
        from lenssbi.benchmark.config import BenchmarkConfig
        from lenssbi.benchmark.real.config import is_real
        from lenssbi.config import load_config

        named = {"count": count, "autolens_python": autolens_python}
        changes = [*(overrides or []), *(f"{key}={value}" for key, value in named.items() if value is not None)]
        words = ["lenssbi", "benchmark", str(config), "--out", str(out)]
        words += ["--workers", str(workers)] if scheduler is None else ["--scheduler", scheduler]
        typed = shlex.join([*words, *(word for item in changes for word in ("--set", item))])
        if is_real(config):
            benchmark_real(screen, config, out, changes, {"workers": workers, "scheduler": scheduler}, typed)
            return
        from lenssbi.benchmark.run import run

        result = run(
            load_config(config, BenchmarkConfig, changes),
            out,
            workers=workers,
            scheduler=scheduler,
            base=config.parent,
            command=typed,
            progress=screen.progress,
        )
        screen.result(result.as_json(), *_shown(result))
        if result.failed:
            raise typer.Exit(SOME_FAILED)


def wanted_table(result: "BenchmarkResult") -> "Table":
    """Table with one row for each target and one column for each method; values that meet the target are green."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("what", overflow="fold")
    for heading in ("paper", "wanted", *result.methods):
        table.add_column(heading, justify="right", overflow="fold")
    for line in result.lines:
        cells = [
            Text(", ").join(Text(cell.text, style=_STYLES[cell.met]) for cell in line.cells.get(method, ()))
            for method in result.methods
        ]
        table.add_row(line.what, line.paper, line.wanted, *cells)
    return table


def fits_table(result: "BenchmarkResult") -> "Table":
    """Table with one row for each target of a fit, compared with PyAutoLens; values that meet the target are green."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("what", "PyAutoLens", "lenssbi", "wanted"):
        table.add_column(heading, overflow="fold")
    for line in result.wanted:
        cells = [Text(cell.text, style=_STYLES[cell.met]) for found in line.cells.values() for cell in found]
        table.add_row(line.what, line.paper, Text(", ").join(cells), line.wanted)
    return table


_STYLES = {True: "green", False: "red", None: ""}


def _shown(result: "BenchmarkResult") -> "list[RenderableType]":
    """Output of the command: tables of the targets, failures, and paths of the results."""
    tables: list[RenderableType] = [fits_table(result)] if result.wanted else []
    tables += [wanted_table(result)] if result.lines else []
    tables += [] if result.comparison is None else comparison_tables(result.comparison)
    pages: list[RenderableType] = [] if result.page is None else [str(result.page)]
    return [*tables, *_undone(result), f"{result.path / 'table.md'} ({result.seconds:.0f} s)", *pages]


def _undone(result: "BenchmarkResult") -> list[str]:
    """One line for each part that failed."""
    return [f"{outcome.suite}, {outcome.method}: {outcome.status}" for outcome in result.outcomes if outcome.failed]
