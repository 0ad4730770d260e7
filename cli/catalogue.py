"""`lenssbi catalogue`: many stamps in, one row for each out."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from .console import command
from .options import (
    ConfigFile,
    EstimatorName,
    Inputs,
    Json,
    Noise,
    Overrides,
    PixelScale,
    Psf,
    Quiet,
    Scheduler,
    Workers,
    reading,
)

Rule = Literal["auto", "all", "none"]
REFINE = "auto: fit the stamps that the network is unsure of; all; none."


def catalogue(
    inputs: Inputs,
    *,
    out: Annotated[Path, typer.Option("--out", help="Folder for the table, posteriors and figures.")],
    refine: Annotated[Rule | None, typer.Option("--refine", help=REFINE)] = None,
    estimator: EstimatorName = None,
    workers: Workers = 1,
    scheduler: Scheduler = None,
    noise: Noise = None,
    psf: Psf = None,
    pixel_scale: PixelScale = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Seed of everything random.")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Model many stamps unattended. The same command again continues a run that was stopped."""
    with command(as_json, quiet) as screen:
        from lenssbi.config import load_config
        from lenssbi.pipelines.catalogue import CatalogueConfig, run

        said = list(overrides or ())
        said += [f"refine={refine}"] if refine is not None else []
        said += [f"estimator={estimator}"] if estimator is not None else []
        said += [f"seed={seed}"] if seed is not None else []
        result = run(
            inputs,
            config=load_config(config, CatalogueConfig, said),
            out=out,
            workers=workers,
            scheduler=scheduler,
            read=reading(noise, psf, pixel_scale),
            progress=screen.progress,
        )
        screen.finish(result)
