"""`lenssbi calibrate`: can the errors of an estimator be believed."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from .console import SOME_FAILED, command
from .options import Json, Quiet


def calibrate(
    estimator: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a training run.")],
    *,
    data: Annotated[Path, typer.Option("--data", help="HDF5 set that the training has not seen.")],
    method: Annotated[
        Literal["scale", "level", "both", "auto"],
        typer.Option("--method", help="What to fit: width and tails, a map of the levels, both, or what does best."),
    ] = "auto",
    tolerance: Annotated[float, typer.Option("--tolerance", min=0, max=1, help="Allowed miss of coverage.")] = 0.02,
    split_tolerance: Annotated[
        float, typer.Option("--split-tolerance", min=0, max=1, help="The same in a split of 200 stamps or more.")
    ] = 0.05,
    limit: Annotated[int | None, typer.Option("--limit", min=40, help="Use at most so many stamps.")] = None,
    detector_passes: Annotated[
        int | None,
        typer.Option(
            "--detector-passes",
            min=1,
            help="Stamps shown to the network that flags others, for an estimator of stamps with the lens galaxy in them.",
        ),
    ] = None,
    detector_from: Annotated[
        str | None,
        typer.Option(
            "--detector-from",
            metavar="NAME|DIR",
            help="Train the detector of this estimator further, instead of starting from RUN's own convolutions.",
        ),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure the coverage of an estimator, recalibrate it, and store the correction with it.

    Ends with exit code 3 where coverage misses nominal by more than the tolerance and two binomial errors.
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
        line = f"{result.stamps:,} stamps kept aside, method {result.method}; figures and tables in {result.path}"
        screen.result(result.as_json(), *tables, line)
        if result.misses:
            first, others = result.misses[0], len(result.misses) - 1
            more = f" (and {others} more: see {result.path / 'coverage.csv'})" if others else ""
            print(f"lenssbi: the coverage misses nominal: {first}{more}", file=sys.stderr)
            raise typer.Exit(SOME_FAILED)
