"""`lenssbi benchmark` on real stamps: comparison of network and fit with published values."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from .console import SOME_FAILED, Screen

if TYPE_CHECKING:
    from rich.console import RenderableType


def benchmark_real(
    screen: Screen,
    config: Path,
    out: Path,
    overrides: Sequence[str],
    spread: Mapping[str, Any],
    typed: str,
) -> None:
    """Run the comparison that a configuration of real stamps describes, and show its tables.

    Parameters
    ----------
    screen
        Output of the command.
    config, out
        File of the configuration, and folder of the results.
    overrides
        Overrides of the configuration from the command line.
    spread
        Keyword arguments of the run: number of `workers` on this machine, or address of a Dask `scheduler`.
    typed
        Command as typed, for the table.
    """
    from rich.text import Text

    from lenssbi.benchmark.real.config import RealConfig
    from lenssbi.benchmark.real.run import run
    from lenssbi.benchmark.real.table import REFEREE
    from lenssbi.config import load_config

    from .benchmark_tables import text_table

    result = run(
        load_config(config, RealConfig, overrides),
        out,
        base=config.parent,
        command=typed,
        progress=screen.progress,
        **spread,
    )
    shown: list[RenderableType] = []
    for table in result.tables:
        shown += [Text(table.title, style="bold"), text_table(table), table.caption]
    screen.result(result.as_json(), *shown, " ".join(REFEREE), f"{out / 'table.md'} ({result.seconds:.0f} s)")
    if result.failed:
        raise typer.Exit(SOME_FAILED)
