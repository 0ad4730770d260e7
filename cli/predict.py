"""`lenssbi predict`: stamps in, the network's posterior of each out."""

from pathlib import Path
from typing import Annotated

import typer

from .console import command
from .options import (
    CUTOUTS,
    EstimatorName,
    Flag,
    FlagBits,
    Image,
    Inputs,
    Json,
    LensLight,
    Mask,
    Mosaic,
    Noise,
    PixelScale,
    Psf,
    Quiet,
    Size,
    Variance,
    Weight,
    reading,
)
from .redshifts import Cosmology, ZLens, ZSource, distances
from .shipped_configs import shipped


def predict(
    inputs: Inputs = None,
    *,
    out: Annotated[Path | None, typer.Option("--out", help="Table to write: .ecsv, .fits or .parquet.")] = None,
    samples: Annotated[
        Path | None, typer.Option("--samples", help="Folder to write posterior draws to, a file per stamp.")
    ] = None,
    estimator: EstimatorName = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            help="YAML file of `refine`, whose model_error is added; its keys: see below.",
            show_default=False,
            callback=shipped,
        ),
    ] = None,
    lens_light: LensLight = None,
    noise: Noise = None,
    psf: Psf = None,
    mask: Mask = None,
    pixel_scale: PixelScale = None,
    image: Image = None,
    weight: Weight = None,
    variance: Variance = None,
    flag: Flag = None,
    flag_bits: FlagBits = None,
    size: Size = None,
    z_lens: ZLens = None,
    z_source: ZSource = None,
    cosmology: Cosmology = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Seed of everything random; 0 by default.", show_default=False)
    ] = None,
    repeat: Annotated[
        Path | None,
        typer.Option(
            "--repeat", metavar="TABLE", help="Ask again what a table of --out was made of, from what it says."
        ),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Ask the network for the posterior of every stamp."""
    with command(as_json, quiet) as screen:
        from lenssbi.config import load_config
        from lenssbi.pipelines.predict import repeat as run_again
        from lenssbi.pipelines.predict import run
        from lenssbi.refinement.config import RefineConfig
        from lenssbi.status import InputError

        mosaic = Mosaic(image, weight, variance, flag, flag_bits, size)
        if repeat is not None:
            about_stamps = (
                lens_light,
                noise,
                psf,
                mask,
                pixel_scale,
                image,
                z_lens,
                z_source,
                cosmology,
                *mosaic.choices,
            )
            choices = (estimator, config, seed, *about_stamps)
            if inputs or any(choice is not None for choice in choices):
                raise InputError("--repeat takes inputs and choices from the table: leave out all but --out, --samples")
            screen.finish(run_again(repeat, out=out, samples=samples, progress=screen.progress))
            return
        if not inputs:
            raise InputError("no input: name a FITS stamp, a folder, a table or a set")
        folder = out.with_name(f"{out.stem}_{CUTOUTS}") if out is not None else samples and samples / CUTOUTS
        read = reading(noise, psf, mask, pixel_scale, lens_light) | distances(z_lens, z_source, cosmology)
        inputs, read = mosaic.cut(inputs, read, folder, screen)
        result = run(
            inputs,
            estimator=estimator,
            out=out,
            samples=samples,
            seed=0 if seed is None else seed,
            model_error=load_config(config, RefineConfig).model_error,
            read=read,
            progress=screen.progress,
        )
        screen.finish(result)
