"""`lenssbi predict`: stamps in, the network's posterior of each out."""

from pathlib import Path
from typing import Annotated

import typer

from .console import command
from .options import EstimatorName, Inputs, Json, Mask, Noise, PixelScale, Psf, Quiet, Seed, reading
from .shipped_configs import shipped


def predict(
    inputs: Inputs,
    *,
    out: Annotated[Path | None, typer.Option("--out", help="Table to write: .ecsv, .fits or .parquet.")] = None,
    samples: Annotated[
        Path | None, typer.Option("--samples", help="Folder to write posterior draws to, a file per stamp.")
    ] = None,
    estimator: EstimatorName = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", help="YAML file of `refine`, whose model_error is added.", show_default=False, callback=shipped
        ),
    ] = None,
    noise: Noise = None,
    psf: Psf = None,
    mask: Mask = None,
    pixel_scale: PixelScale = None,
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Ask the network for the posterior of every stamp."""
    with command(as_json, quiet) as screen:
        from lenssbi.config import load_config
        from lenssbi.pipelines.predict import run
        from lenssbi.refinement.config import RefineConfig

        result = run(
            inputs,
            estimator=estimator,
            out=out,
            samples=samples,
            seed=seed,
            model_error=load_config(config, RefineConfig).model_error,
            read=reading(noise, psf, mask, pixel_scale),
            progress=screen.progress,
        )
        screen.finish(result)
