"""`lenssbi catalogue`: many stamps in, one row for each out."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from .console import command
from .options import (
    CUTOUTS,
    Cluster,
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
    Scheduler,
    Size,
    Variance,
    Weight,
    Workers,
    cluster_of,
    reading,
)
from .redshifts import Cosmology, ZLens, ZSource, distances

Rule = Literal["auto", "all", "none"]
REFINE = "auto: fit the stamps where the network's answer is in doubt; all; none."


def catalogue(
    inputs: Inputs = None,
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Folder for tables, posteriors and figures; `catalogue` by default.", show_default=False
        ),
    ] = None,
    refine: Annotated[Rule | None, typer.Option("--refine", help=REFINE)] = None,
    lens_light: LensLight = None,
    estimator: EstimatorName = None,
    workers: Workers = 1,
    scheduler: Scheduler = None,
    cluster: Cluster = None,
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
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Seed of everything random.")] = None,
    status: Annotated[
        Path | None, typer.Option("--status", metavar="DIR", help="How far the run in a folder is; changes nothing.")
    ] = None,
    repeat: Annotated[
        Path | None,
        typer.Option(
            "--repeat", metavar="DIR", help="Make the catalogue in a folder again, from what its run.json says."
        ),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Model many stamps unattended. The same command again continues a run that was stopped."""
    with command(as_json, quiet) as screen:
        if status is not None:
            from lenssbi.pipelines.catalogue.status import status_of

            from .tables import status_table

            found = status_of(status)
            screen.result(found.as_json(), status_table(found))
            return
        from lenssbi.config import load_config
        from lenssbi.pipelines.catalogue import CatalogueConfig, run
        from lenssbi.pipelines.catalogue import repeat as run_again
        from lenssbi.status import InputError

        where: dict[str, Any] = {
            "workers": workers,
            "scheduler": scheduler,
            "cluster": cluster_of(cluster),
            "progress": screen.progress,
        }
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
            choices = (config, overrides, refine, estimator, seed, *about_stamps)
            if inputs or any(choice is not None for choice in choices):
                raise InputError("--repeat takes inputs and choices from run.json: leave out all but --out and workers")
            screen.finish(run_again(repeat, out=out, **where))
            return
        if not inputs:
            raise InputError("no input: name a FITS stamp, a folder, a table or a set")
        said = list(overrides or ())
        said += [f"refine={refine}"] if refine is not None else []
        said += [f"fit.lens_light={lens_light}"] if lens_light is not None else []
        said += [f"estimator={estimator}"] if estimator is not None else []
        said += [f"seed={seed}"] if seed is not None else []
        settings = load_config(config, CatalogueConfig, said)
        out = Path("catalogue") if out is None else out
        read = reading(noise, psf, mask, pixel_scale, lens_light) | distances(z_lens, z_source, cosmology)
        inputs, read = mosaic.cut(inputs, read, out / CUTOUTS, screen)
        result = run(
            inputs,
            config=settings,
            out=out,
            read=read,
            **where,
        )
        screen.finish(result)
