"""`lenssbi report`: HTML page of a catalogue."""

from pathlib import Path
from typing import Annotated

import typer

from .console import command
from .options import Json, Quiet


def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a catalogue.")],
    *,
    out: Annotated[Path | None, typer.Option("--out", help="File of the page.", show_default="DIR/report.html")] = None,
    title: Annotated[
        str | None, typer.Option("--title", help="Title of the page.", show_default="the folder's name")
    ] = None,
    figures: Annotated[
        int,
        typer.Option(
            "--most-figures",
            min=0,
            help="Maximum number of figures of fits in the page, flagged lenses first; 0.1 MB each.",
        ),
    ] = 200,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a catalogue as one HTML page: every lens with its thumbnail, flagged ones first."""
    with command(as_json, quiet) as screen:
        from lenssbi.pipelines.report import run

        result = run(folder, out, screen.progress, title, figures)
        line = f"{result.path}: {result.lenses:,} lenses, {result.flagged:,} to look at ({result.seconds:.1f} s)"
        screen.result(result.as_json(), line)
