"""`lenssbi status`: progress of a catalogue."""

from pathlib import Path
from typing import Annotated

import typer

from .console import command
from .options import Json, Quiet


def status(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a catalogue.")],
    *,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Print the progress of a catalogue, also while it is being made."""
    with command(as_json, quiet) as screen:
        from lenssbi.pipelines.catalogue.status import status_of

        from .tables import status_table

        found = status_of(folder)
        screen.result(found.as_json(), status_table(found))
