"""`lenssbi status`: how far a catalogue is."""

from pathlib import Path
from typing import Annotated

import typer

from .console import command
from .options import Json, Quiet


def status(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where `lenssbi catalogue` writes.")],
    *,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say how far a catalogue is, also while it is made. Changes nothing."""
    with command(as_json, quiet) as screen:
        from lenssbi.pipelines.catalogue.status import status_of

        from .tables import status_table

        found = status_of(folder)
        screen.result(found.as_json(), status_table(found))
