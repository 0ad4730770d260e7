"""`lenssbi check`: kind and content of a file."""

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
            metavar="FILE",
            help="Set, stamp, table or folder of stamps, posterior, catalogue, or folder of an estimator.",
        ),
    ],
    *,
    companions: Companions,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Print what a file contains, or what is wrong with it."""
    with command(as_json, quiet) as screen:
        from lenssbi.pipelines.check import run

        result = run(path, companions.read)
        lines = (f"  {key.replace('_', ' ')}: {_in_words(value)}" for key, value in result.details.items())
        screen.result(result.as_json(), f"{path}: {result.kind}, whole", *lines)


def _in_words(value: Any) -> str:
    """Text of a value: numbers with four significant digits, nested values in one line."""
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
