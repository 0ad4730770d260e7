"""`lenssbi population`: from a catalogue to the distribution of a parameter."""

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
        typer.Option("--parameter", help="Which; einstein_radius is taken as its logarithm to base 10."),
    ],
    prior: Annotated[
        list[Path] | None,
        typer.Option("--prior", help="Set of stamps like the network's training. Repeatable.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write: .ecsv (draws) or .json; a figure is put beside.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--everything", help="Use lenses that a human must look at, too.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Infer mean and scatter of a parameter over all lenses, the prior of their posteriors divided out."""
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
