"""`lenssbi check`: what is this file, and is it whole."""

from pathlib import Path
from typing import Annotated

import typer

from .console import command
from .options import Json, Quiet


def check(
    path: Annotated[
        Path, typer.Argument(metavar="FILE", help="A set, a stamp, an estimator's folder, a posterior or a catalogue.")
    ],
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say what a file is, or what is wrong with it."""
    with command(as_json, quiet) as screen:
        from lenssbi.pipelines.check import run

        result = run(path)
        lines = (f"  {key.replace('_', ' ')}: {value}" for key, value in result.details.items())
        screen.result(result.as_json(), f"{path}: {result.kind}, whole", *lines)
