"""`lenssbi catalogue`: one table for many stamps."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from .console import command
from .grouped import grouped
from .options import Cluster, Inputs, Scheduler, Settings, Workers, cluster_of, needed, refuse_beside_repeat
from .stamps import CUTOUTS, Modelling

Rule = Literal["auto", "all", "none"]
REFINE = "Stamps to fit: those with a doubtful result of the network (auto, the default), all or none."


@grouped
def catalogue(
    context: typer.Context,
    inputs: Inputs = None,
    *,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for tables, posteriors and figures.", show_default=False)
    ] = None,
    refine: Annotated[Rule | None, typer.Option("--refine", help=REFINE)] = None,
    settings: Settings,
    workers: Workers = 1,
    scheduler: Scheduler = None,
    cluster: Cluster = None,
    repeat: Annotated[
        Path | None,
        typer.Option(
            "--repeat",
            metavar="DIR",
            help="Folder of a catalogue to repeat, with the inputs and options in its run.json.",
        ),
    ] = None,
    redo: Annotated[
        list[str] | None,
        typer.Option(
            "--redo",
            metavar="VERDICT",
            help="Fit the lenses of --out that have this verdict again, with the given options. Repeatable.",
            show_default=False,
        ),
    ] = None,
    shared: Modelling,
) -> None:
    """Model many stamps without supervision. The same command continues a stopped run."""
    with command(shared.as_json, shared.quiet) as screen:
        from lenssbi.config import load_config
        from lenssbi.pipelines.catalogue import CatalogueConfig, run
        from lenssbi.pipelines.catalogue import repeat as run_again
        from lenssbi.pipelines.catalogue.folder import CatalogueFolder
        from lenssbi.pipelines.catalogue.redo import redo as fit_again
        from lenssbi.status import InputError

        where: dict[str, Any] = {
            "workers": workers,
            "scheduler": scheduler,
            "cluster": cluster_of(cluster),
            "progress": screen.progress,
        }
        if repeat is not None:
            refuse_beside_repeat(context, "run.json", "out", "workers", "scheduler", "cluster")
            screen.finish(run_again(repeat, out=out, **where))
            return
        if out is None:
            raise InputError("no folder for the catalogue: name one with --out")
        changes: dict[str, object] = {"refine": refine, "estimator": shared.estimator, "seed": shared.seed}
        changes |= {"fit.lens_light": shared.stamps.lens_light}
        start = CatalogueFolder.open(out).card["config"] if redo else None
        config = load_config(settings.config, CatalogueConfig, settings.changes(changes, "fit."), start)
        inputs, read = shared.stamps.found((inputs or []) if redo else needed(inputs), out / CUTOUTS, screen)
        if redo:
            screen.finish(fit_again(out, redo, config=config, inputs=inputs, read=read, **where))
            return
        screen.finish(run(inputs, config=config, out=out, read=read, **where))
