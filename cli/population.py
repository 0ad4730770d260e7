"""`lenssbi population`: distribution of a parameter over the lenses of a catalogue."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from .console import command
from .options import Json, Quiet


def population(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a catalogue.")],
    *,
    parameter: Annotated[
        Literal["q", "slope", "einstein_radius"],
        typer.Option("--parameter", help="Parameter to infer; einstein_radius as its logarithm to base 10."),
    ],
    prior: Annotated[
        list[Path] | None,
        typer.Option(
            "--prior", help="Set of stamps like those of the network's training. Repeatable.", show_default=False
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="File to write, .ecsv (draws) or .json; a figure is written next to it."),
    ] = None,
    everything: Annotated[bool, typer.Option("--everything", help="Also use lenses that need a human.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Infer the mean and scatter of a parameter over the lenses of a catalogue.

    The prior of each posterior is divided out."""
    with command(as_json, quiet) as screen:
        from lenssbi.pipelines.population import run

        result = run(folder, parameter, prior=prior or (), out=out, everything=everything, progress=screen.progress)
        from .tables import with_errors

        unit = f" {result.quantity.unit}" if result.quantity.unit else ""
        lines = [f"{result.quantity.name} of {len(result.beliefs):,} lenses"]
        lines += [f"  {name:8} {with_errors(summary)}{unit}" for name, summary in result.params.items()]
        lines += [f"  prior divided out ({method}): {words}" for method, words in result.prior.items()]
        lines += [f"  left out, {reason}: {count:,}" for reason, count in result.left_out.items() if count]
        lines += [f"  {note}" for note in result.notes]
        lines += [f"  in {result.path}, figure in {result.figure}"] if result.path else []
        screen.result(result.as_json(), *lines)
