"""`lenssbi benchmark` on real stamps: network and fit against published values."""

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
    said: Sequence[str],
    spread: Mapping[str, Any],
    typed: str,
) -> None:
    """Run the comparison that a configuration of real stamps describes, and show its tables.

    Parameters
    ----------
    screen
        Where the command writes.
    config, out
        The configuration's file, and the folder of the results.
    said
        Keys that were set on the command line.
    spread
        Where the work is done, as keyword arguments: the number of `workers` on this machine, the address of a Dask `scheduler`.
    typed
        The command, for the table.
    """
    from rich.text import Text

    from lenssbi.benchmark.real.config import RealConfig
    from lenssbi.benchmark.real.run import run
    from lenssbi.benchmark.real.table import REFEREE
    from lenssbi.config import load_config

    from .benchmark_tables import text_table

    result = run(
        load_config(config, RealConfig, said),
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
