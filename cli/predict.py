"""`lenssbi predict`: posterior of each stamp by the network."""

from pathlib import Path
from typing import Annotated

import typer

from .console import command
from .grouped import grouped
from .options import Inputs, ModelError, model_error, needed, refuse_beside_repeat
from .stamps import CUTOUTS, Modelling


@grouped
def predict(
    context: typer.Context,
    inputs: Inputs = None,
    *,
    out: Annotated[Path | None, typer.Option("--out", help="Table to write (.ecsv, .fits or .parquet).")] = None,
    samples: Annotated[
        Path | None, typer.Option("--samples", help="Folder for the posterior draws, one file per stamp.")
    ] = None,
    error: ModelError = None,
    repeat: Annotated[
        Path | None,
        typer.Option(
            "--repeat", metavar="TABLE", help="Table of an earlier --out to repeat, with the inputs and options in it."
        ),
    ] = None,
    shared: Modelling,
) -> None:
    """Predict the posterior of every stamp with the network."""
    with command(shared.as_json, shared.quiet) as screen:
        from lenssbi.config import load_config
        from lenssbi.pipelines.predict import repeat as run_again
        from lenssbi.pipelines.predict import run
        from lenssbi.refinement.config import ModelErrorConfig

        if repeat is not None:
            refuse_beside_repeat(context, "the table", "out", "samples")
            screen.finish(run_again(repeat, out=out, samples=samples, progress=screen.progress))
            return
        folder = out.with_name(f"{out.stem}_{CUTOUTS}") if out is not None else samples and samples / CUTOUTS
        departures = load_config(None, ModelErrorConfig, model_error(error))
        inputs, read = shared.stamps.found(needed(inputs), folder, screen)
        result = run(
            inputs,
            estimator=shared.estimator,
            out=out,
            samples=samples,
            seed=shared.seed or 0,
            model_error=departures,
            read=read,
            progress=screen.progress,
        )
        screen.finish(result)
