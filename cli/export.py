"""`lenssbi export`: posteriors in the formats of other codes, and images of fits."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from .console import command
from .options import Json, Quiet, Seed


def export(
    inputs: Annotated[
        list[Path],
        typer.Argument(metavar="INPUT...", help="Posterior files, or folders of catalogues.", show_default=False),
    ],
    *,
    to: Annotated[
        Literal["coolest", "arviz", "fits", "lenstronomy", "hierarc", "ecsv", "parquet"],
        typer.Option(
            "--to",
            help="Format: coolest (JSON, with source and draws), arviz (NetCDF), fits (images of a fit, with WCS), "
            "lenstronomy or hierarc (keyword arguments as JSON), ecsv or parquet (table of draws).",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder for the files.")],
    names: Annotated[
        list[str] | None,
        typer.Option("--name", help="Name of a lens of a catalogue; all by default. Repeatable.", show_default=False),
    ] = None,
    seed: Seed = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write posteriors in the formats of other codes, or the images of fits."""
    with command(as_json, quiet) as screen:
        from lenssbi.pipelines.export import run

        result = run(
            inputs, to=to, out=out, names=names or (), seed=0 if seed is None else seed, progress=screen.progress
        )
        screen.result(result.as_json(), *result.left_out, f"{len(result.paths):,} posteriors in {result.folder}")
        screen.leave(result)
