"""`lenssbi calibrate`: can the errors of an estimator be believed."""

from pathlib import Path
from typing import Annotated

import typer

from .console import command
from .options import Json, Quiet


def calibrate(
    estimator: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a training run.")],
    *,
    data: Annotated[Path, typer.Option("--data", help="HDF5 set that the training has not seen.")],
    limit: Annotated[int | None, typer.Option("--limit", min=8, help="Use at most so many stamps.")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure the coverage of an estimator, recalibrate it, and store the correction with it."""
    with command(as_json, quiet) as screen:
        from lenssbi.pipelines.calibrate import run

        from .tables import coverage_table

        result = run(estimator, data, limit=limit, progress=screen.progress)
        verdict = "within 3 points of nominal" if result.passed else "NOT within 3 points of nominal"
        line = f"{result.stamps:,} stamps kept aside: {verdict}; figure: {result.figure}"
        screen.result(result.as_json(), coverage_table(result.before, result.coverage), line)
