"""`lenssbi refine`: fit of each stamp with a pixelised source."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from .console import command
from .grouped import grouped
from .options import Inputs, Settings, needed, refuse_beside_repeat
from .stamps import CUTOUTS, Modelling

PriorName = Literal["auto", "broad", "blind", "cnn-uniform", "cnn-gaussian", "cnn-joint"]
SamplerName = Literal["auto", "importance", "nautilus"]
PRIORS = "Prior of the mass; auto (the default) is broad, but with --sampler nautilus cnn-gaussian, or blind without a network."
SAMPLERS = "Sampler; auto (the default) is importance, and nautilus if that does not converge and no search was made."
COMPANIONS = (
    "Further lens galaxy, which gets a mass, at X,Y (arcsec from the middle of the stamp, right and up). Repeatable."
)


@grouped
def refine(
    context: typer.Context,
    inputs: Inputs = None,
    *,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for posteriors and figures.", show_default=False)
    ] = None,
    prior: Annotated[PriorName | None, typer.Option("--prior", help=PRIORS)] = None,
    sampler: Annotated[SamplerName | None, typer.Option("--sampler", help=SAMPLERS)] = None,
    companion: Annotated[list[str] | None, typer.Option("--companion", metavar="X,Y", help=COMPANIONS)] = None,
    settings: Settings,
    figures: Annotated[
        bool | None, typer.Option(help="Save a figure of each lens; saved by default.", show_default=False)
    ] = None,
    repeat: Annotated[
        Path | None,
        typer.Option(
            "--repeat", metavar="DIR", help="Folder of fits to repeat, with the inputs and options in its refine.json."
        ),
    ] = None,
    shared: Modelling,
) -> None:
    """Fit every stamp with a pixelised source. The same command continues a stopped run."""
    with command(shared.as_json, shared.quiet) as screen:
        from lenssbi.config import load_config
        from lenssbi.pipelines.refine import repeat as run_again
        from lenssbi.pipelines.refine import run
        from lenssbi.refinement.config import RefineConfig
        from lenssbi.status import InputError

        if repeat is not None:
            refuse_beside_repeat(context, "refine.json", "out", "figures")
            screen.finish(run_again(repeat, out=out, figures=figures, progress=screen.progress))
            return
        inputs = needed(inputs)
        if out is None:
            raise InputError("no folder for the fits: name one with --out")
        changes: dict[str, object] = {"prior.mode": prior, "sampler.method": sampler, "sampler.seed": shared.seed}
        changes |= {"lens_light": shared.stamps.lens_light, "mass.companions": places(companion)}
        config = load_config(settings.config, RefineConfig, settings.changes(changes))
        inputs, read = shared.stamps.found(inputs, out / CUTOUTS, screen)
        result = run(
            inputs,
            config=config,
            out=out,
            estimator=shared.estimator,
            figures=figures is not False,
            read=read,
            progress=screen.progress,
        )
        screen.finish(result)


def places(items: list[str] | None) -> list[list[float]] | None:
    """Places of companions from X,Y each; None without any.

    Raises
    ------
    InputError
        If an item is not a pair of numbers.
    """
    from lenssbi.refinement.config import read_place
    from lenssbi.status import InputError

    try:
        return [list(read_place(item)) for item in items] if items else None
    except ValueError as error:
        raise InputError(f"--companion {error}: write it as X,Y, such as 0.8,-0.3") from None
