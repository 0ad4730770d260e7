"""`lenssbi calibrate`: coverage and recalibration of an estimator."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from .console import SOME_FAILED, command
from .options import Json, Quiet


def calibrate(
    estimator: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a training run.")],
    *,
    data: Annotated[Path, typer.Option("--data", help="HDF5 set that the estimator was not trained on.")],
    method: Annotated[
        Literal["scale", "level", "both", "auto"],
        typer.Option(
            "--method", help="Correction to fit: width and tails, map of the levels, both, or the best of these."
        ),
    ] = "auto",
    tolerance: Annotated[
        float, typer.Option("--tolerance", min=0, max=1, help="Tolerance on the coverage of all stamps.")
    ] = 0.02,
    split_tolerance: Annotated[
        float,
        typer.Option(
            "--split-tolerance", min=0, max=1, help="Tolerance on the coverage of a split of at least 200 stamps."
        ),
    ] = 0.05,
    limit: Annotated[
        int | None, typer.Option("--limit", min=40, help="Maximum number of stamps; all by default.")
    ] = None,
    detector_passes: Annotated[
        int | None,
        typer.Option(
            "--detector-passes",
            min=1,
            help="Number of stamps in the training of the detector, for an estimator of stamps with lens light; 60000 by default.",
        ),
    ] = None,
    detector_from: Annotated[
        str | None,
        typer.Option(
            "--detector-from",
            metavar="NAME|DIR",
            help="Estimator with a detector to train further; by default the training starts from the convolutions of RUN.",
        ),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure the coverage of an estimator, recalibrate it and store the correction.

    The exit code is 3 if the coverage differs from nominal by more than the tolerance plus two binomial errors.
    """
    with command(as_json, quiet) as screen:
        from lenssbi.calibration.judgement import Tolerance
        from lenssbi.pipelines.calibrate import run

        from .tables import coverage_table, findings_table, splits_table

        given = {"passes": detector_passes, "start_from": detector_from}
        detector = {name: value for name, value in given.items() if value is not None}
        result = run(
            estimator,
            data,
            method=method,
            tolerance=Tolerance(tolerance, split_tolerance),
            limit=limit,
            detector=detector,
            progress=screen.progress,
        )
        tables = [coverage_table(result.before, result.coverage), splits_table(result), findings_table(result)]
        line = f"{result.stamps:,} stamps held out, method {result.method}; figures and tables in {result.path}"
        screen.result(result.as_json(), *tables, line)
        if result.misses:
            first, others = result.misses[0], len(result.misses) - 1
            more = f" (and {others} more: see {result.path / 'coverage.csv'})" if others else ""
            print(f"lenssbi: the coverage misses nominal: {first}{more}", file=sys.stderr)
            raise typer.Exit(SOME_FAILED)
