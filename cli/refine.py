"""`lenssbi refine`: stamps in, a pixelised-source fit of each out."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from .console import command
from .options import (
    CUTOUTS,
    ConfigFile,
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
    Overrides,
    PixelScale,
    Psf,
    Quiet,
    Size,
    Variance,
    Weight,
    reading,
)
from .redshifts import Cosmology, ZLens, ZSource, distances

PriorName = Literal["auto", "broad", "blind", "cnn-uniform", "cnn-gaussian", "cnn-joint"]
SamplerName = Literal["auto", "importance", "nautilus"]
PRIORS = "auto: broad, the network only saying where to look; with --sampler nautilus cnn-gaussian where the network applies, else blind."
FIX = "Hold a parameter, such as centre_x=0 (the middle of the stamp, in arcsec). Repeatable."
GAUSSIAN = "Give a parameter a Gaussian prior, such as einstein_radius=1.2,0.05. Repeatable."
SAMPLERS = "auto: importance sampling, and Nautilus where that does not converge and no search was made."


def refine(
    inputs: Inputs = None,
    *,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for posteriors and figures.", show_default=False)
    ] = None,
    prior: Annotated[PriorName | None, typer.Option("--prior", help=PRIORS)] = None,
    sampler: Annotated[SamplerName | None, typer.Option("--sampler", help=SAMPLERS)] = None,
    lens_light: LensLight = None,
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
    size: Size = None,
    z_lens: ZLens = None,
    z_source: ZSource = None,
    cosmology: Cosmology = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    fix: Annotated[list[str] | None, typer.Option("--fix", metavar="NAME=VALUE", help=FIX)] = None,
    gaussian: Annotated[list[str] | None, typer.Option("--gaussian", metavar="NAME=MEAN,SIGMA", help=GAUSSIAN)] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Seed of the sampler.")] = None,
    figures: Annotated[
        bool | None, typer.Option(help="Save a figure of each lens, as is the default.", show_default=False)
    ] = None,
    repeat: Annotated[
        Path | None,
        typer.Option(
            "--repeat", metavar="DIR", help="Make the fits in a folder again, from what its refine.json says."
        ),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fit every stamp with a pixelised source. The same command again continues a fit that was stopped."""
    with command(as_json, quiet) as screen:
        from lenssbi.config import load_config
        from lenssbi.pipelines.refine import repeat as run_again
        from lenssbi.pipelines.refine import run
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
            choices = (prior, sampler, estimator, config, overrides, seed, *about_stamps)
            if inputs or any(choice is not None for choice in (*choices, fix, gaussian)):
                raise InputError("--repeat takes inputs and choices from refine.json: leave out all but --out")
            screen.finish(run_again(repeat, out=out, figures=figures, progress=screen.progress))
            return
        if not inputs:
            raise InputError("no input: name a FITS stamp, a folder, a table or a set")
        if out is None:
            raise InputError("no folder for the fits: name one with --out")
        said = list(overrides or ())
        said += [f"prior.mode={prior}"] if prior is not None else []
        said += [f"sampler.method={sampler}"] if sampler is not None else []
        said += [f"lens_light={lens_light}"] if lens_light is not None else []
        said += [f"sampler.seed={seed}"] if seed is not None else []
        said += [_known(item, "--fix", "NAME=VALUE", 1) for item in fix or ()]
        said += [_known(item, "--gaussian", "NAME=MEAN,SIGMA", 2) for item in gaussian or ()]
        settings = load_config(config, RefineConfig, said)
        read = reading(noise, psf, mask, pixel_scale, lens_light) | distances(z_lens, z_source, cosmology)
        inputs, read = mosaic.cut(inputs, read, out / CUTOUTS, screen)
        result = run(
            inputs,
            config=settings,
            out=out,
            estimator=estimator,
            figures=figures is not False,
            read=read,
            progress=screen.progress,
        )
        screen.finish(result)


def _known(item: str, option: str, form: str, count: int) -> str:
    """What the user knows of a parameter, as an override of the configuration; of a sigma of zero if only a value is given."""
    from lenssbi.status import InputError

    name, _, text = item.partition("=")
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if not name.strip().isidentifier() or len(values) != count:
        raise InputError(f"{option} {item}: write it as {form}")
    if count == 2 and not values[1] > 0:
        raise InputError(
            f"{option} {item}: the standard deviation is above zero; hold a parameter with --fix {name}=VALUE"
        )
    return f"prior.gaussian.{name.strip()}=[{values[0]!r}, {(values + [0.0])[1]!r}]"
