"""`lenssbi refine`: stamps in, a pixelised-source fit of each out."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from .console import command
from .options import (
    ConfigFile,
    EstimatorName,
    Flag,
    FlagBits,
    Image,
    Inputs,
    Json,
    Mask,
    Mosaic,
    Noise,
    Overrides,
    PixelScale,
    Psf,
    Quiet,
    Size,
    Variance,
    Weight,
    reading,
)

PriorName = Literal["auto", "broad", "blind", "cnn-uniform", "cnn-gaussian", "cnn-joint"]
SamplerName = Literal["auto", "importance", "nautilus"]
PRIORS = "auto: broad, the network only saying where to look; with --sampler nautilus cnn-gaussian where the network applies, else blind."
SAMPLERS = "auto: importance sampling, and Nautilus where that does not converge and no search was made."
LIGHT = "Light of the lens galaxy: auto looks for it, none says that the stamp shows none."


def refine(
    inputs: Inputs,
    *,
    out: Annotated[Path, typer.Option("--out", help="Folder for posteriors and figures.")],
    prior: Annotated[PriorName | None, typer.Option("--prior", help=PRIORS)] = None,
    sampler: Annotated[SamplerName | None, typer.Option("--sampler", help=SAMPLERS)] = None,
    lens_light: Annotated[Literal["auto", "none"] | None, typer.Option("--lens-light", help=LIGHT)] = None,
    estimator: EstimatorName = None,
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
    config: ConfigFile = None,
    overrides: Overrides = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Seed of the sampler.")] = None,
    figures: Annotated[bool, typer.Option(help="Save a figure of each lens.")] = True,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fit every stamp with a pixelised source. The same command again continues a fit that was stopped."""
    with command(as_json, quiet) as screen:
        from lenssbi.config import load_config
        from lenssbi.pipelines.refine import run
        from lenssbi.refinement.config import RefineConfig

        said = list(overrides or ())
        said += [f"prior.mode={prior}"] if prior is not None else []
        said += [f"sampler.method={sampler}"] if sampler is not None else []
        said += [f"lens_light={lens_light}"] if lens_light is not None else []
        said += [f"sampler.seed={seed}"] if seed is not None else []
        settings = load_config(config, RefineConfig, said)
        read = reading(noise, psf, mask, pixel_scale)
        inputs, read = Mosaic(image, weight, variance, flag, flag_bits, size).cut(inputs, read, out / "cutouts", screen)
        result = run(
            inputs,
            config=settings,
            out=out,
            estimator=estimator,
            figures=figures,
            read=read,
            progress=screen.progress,
        )
        screen.finish(result)
