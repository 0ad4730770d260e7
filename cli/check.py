"""`lenssbi check`: what is this file, and is it whole."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from .console import command
from .grouped import grouped
from .options import Json, Quiet
from .stamps import Companions


@grouped
def check(
    path: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="A set, a stamp or several, an estimator's folder, a posterior or a catalogue."
        ),
    ],
    *,
    companions: Companions,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say what a file is, or what is wrong with it."""
    with command(as_json, quiet) as screen:
        from lenssbi.pipelines.check import run

        result = run(path, companions.read)
        lines = (f"  {key.replace('_', ' ')}: {_in_words(value)}" for key, value in result.details.items())
        screen.result(result.as_json(), f"{path}: {result.kind}, whole", *lines)


def _in_words(value: Any) -> str:
    """A value as a person reads it: numbers to four digits, and what belongs together in one line."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return (
            ", ".join(f"{str(key).replace('_', ' ')} {_in_words(part)}".strip() for key, part in value.items())
            or "none"
        )
    if isinstance(value, list | tuple):
        return ", ".join(map(_in_words, value)) or "none"
    return "unknown" if value is None or value == "" else str(value)
