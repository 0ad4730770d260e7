"""`lenssbi predict`: stamps in, the network's posterior of each out."""

from pathlib import Path
from typing import Annotated

import typer

from .console import command
from .options import (
    EstimatorName,
    Flag,
    FlagBits,
    Image,
    Inputs,
    Json,
    Mask,
    Mosaic,
    Noise,
    PixelScale,
    Psf,
    Quiet,
    Seed,
    Size,
    Variance,
    Weight,
    reading,
)
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
    image: Image = None,
    weight: Weight = None,
    variance: Variance = None,
    flag: Flag = None,
    flag_bits: FlagBits = None,
    size: Size = 10.0,
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Ask the network for the posterior of every stamp."""
    with command(as_json, quiet) as screen:
        from lenssbi.config import load_config
        from lenssbi.pipelines.predict import run
        from lenssbi.refinement.config import RefineConfig

        folder = out.with_name(f"{out.stem}_cutouts") if out is not None else samples and samples / "cutouts"
        read = reading(noise, psf, mask, pixel_scale)
        inputs, read = Mosaic(image, weight, variance, flag, flag_bits, size).cut(inputs, read, folder, screen)
        result = run(
            inputs,
            estimator=estimator,
            out=out,
            samples=samples,
            seed=seed,
            model_error=load_config(config, RefineConfig).model_error,
            read=read,
            progress=screen.progress,
        )
        screen.finish(result)
