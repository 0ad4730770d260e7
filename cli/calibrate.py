"""`lenssbi calibrate`: can the errors of an estimator be believed."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from lenssbi.status import InputError

from .console import SOME_FAILED, command
from .options import Json, Quiet


def calibrate(
    estimators: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Folder of a training run; with --sweep-dropout several, one per rate."),
    ],
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
    sweep_dropout: Annotated[
        bool,
        typer.Option(
            "--sweep-dropout",
            help="First choose the dropout rate: among several RUNs trained with one each, or, of one RUN, when it predicts.",
        ),
    ] = False,
    rates: Annotated[
        str | None, typer.Option("--rates", metavar="R,R,...", help="Rates to try when one RUN predicts.")
    ] = None,
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
        from lenssbi.pipelines import sweep
        from lenssbi.pipelines.calibrate import run

        from .tables import coverage_table, findings_table, splits_table, sweep_table

        if not sweep_dropout and (len(estimators) > 1 or rates):
            raise InputError("several runs, and --rates, go with --sweep-dropout: add it, or give one RUN")
        told, tables, folder = {}, [], estimators[0]
        if sweep_dropout:
            swept = sweep.run(estimators, data, rates=_rates(rates, sweep.RATES), limit=limit, progress=screen.progress)
            told, tables, folder = {"dropout": swept.as_json()}, [sweep_table(swept)], swept.best.run
        given = {"passes": detector_passes, "start_from": detector_from}
        detector = {name: value for name, value in given.items() if value is not None}
        result = run(
            folder,
            data,
            method=method,
            tolerance=Tolerance(tolerance, split_tolerance),
            limit=limit,
            detector=detector,
            progress=screen.progress,
        )
        tables += [coverage_table(result.before, result.coverage), splits_table(result), findings_table(result)]
        line = f"{result.stamps:,} stamps kept aside, method {result.method}; figures and tables in {result.path}"
        screen.result({**result.as_json(), **told}, *tables, line)
        if result.misses:
            first, others = result.misses[0], len(result.misses) - 1
            more = f" (and {others} more: see {result.path / 'coverage.csv'})" if others else ""
            print(f"lenssbi: the coverage misses nominal: {first}{more}", file=sys.stderr)
            raise typer.Exit(SOME_FAILED)


def _rates(text: str | None, default: tuple[float, ...]) -> tuple[float, ...]:
    if text is None:
        return default
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--rates {text}: write numbers with commas between them: 0.01,0.05") from None
