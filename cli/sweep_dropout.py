"""`lenssbi sweep-dropout`: which dropout rate gives the right errors."""

from pathlib import Path
from typing import Annotated

import typer

from .console import command
from .options import Json, Quiet


def sweep_dropout(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Folders of runs that were trained with one rate each, or of one run."),
    ],
    *,
    data: Annotated[Path, typer.Option("--data", help="HDF5 set that the training has not seen.")],
    rates: Annotated[
        list[float] | None,
        typer.Option("--rate", min=0, max=1, help="Rate to try when one RUN predicts. Repeatable.", show_default=False),
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=40, help="Use at most so many stamps.")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Choose the dropout rate of a network by the coverage of its errors, before it is calibrated.

    Of several runs the best is named; of one run the best rate goes into its card.
    """
    with command(as_json, quiet) as screen:
        from lenssbi.pipelines import sweep
        from lenssbi.status import InputError

        from .tables import sweep_table

        if rates is not None and len(runs) > 1:
            raise InputError("a --rate is tried with one run: name one RUN, or leave out --rate")
        swept = sweep.run(runs, data, rates=tuple(rates or sweep.RATES), limit=limit, progress=screen.progress)
        line = f"best: {swept.best.rate:g}, {swept.best.run}; then: lenssbi calibrate {swept.best.run} --data {data}"
        screen.result(swept.as_json(), sweep_table(swept), line)
