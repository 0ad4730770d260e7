"""`lenssbi sweep-dropout`: choice of a network's dropout rate."""

from pathlib import Path
from typing import Annotated

import typer

from .console import command
from .options import Json, Quiet


def sweep_dropout(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN...", help="Folders of runs that were trained with one rate each, or folder of one run."
        ),
    ],
    *,
    data: Annotated[Path, typer.Option("--data", help="HDF5 set that the networks were not trained on.")],
    rates: Annotated[
        list[float] | None,
        typer.Option(
            "--rate",
            min=0,
            max=1,
            help="Dropout rate to try, for one RUN; six from 0 to 0.1 by default. Repeatable.",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=40, help="Maximum number of stamps; all by default.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Choose the dropout rate of a network by its coverage, before it is calibrated.

    The best of several runs is printed; the best rate of one run is stored in its card.
    """
    with command(as_json, quiet) as screen:
        from lenssbi.pipelines import sweep
        from lenssbi.status import InputError

        from .tables import sweep_table

        if rates is not None and len(runs) > 1:
            raise InputError("--rate is for one run: name one RUN, or leave out --rate")
        swept = sweep.run(runs, data, rates=tuple(rates or sweep.RATES), limit=limit, progress=screen.progress)
        line = f"best: {swept.best.rate:g}, {swept.best.run}; then: lenssbi calibrate {swept.best.run} --data {data}"
        screen.result(swept.as_json(), sweep_table(swept), line)
