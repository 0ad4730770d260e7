"""`lenssbi train`: training of an estimator."""

from pathlib import Path
from typing import Annotated

import typer

from lenssbi.shipped_configs import shipped

from .console import command
from .options import Json, Overrides, Quiet, Seed


def train(
    config: Annotated[
        Path | None, typer.Argument(help="YAML file of the training; by default the compact network.", callback=shipped)
    ] = None,
    *,
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", help="HDF5 set to train on; not needed if CONFIG has the key `fresh`. Repeatable."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder of the run and of its estimator.")],
    validation: Annotated[
        Path | None,
        typer.Option("--validation", help="HDF5 set to validate on; by default the last stamps of each --data."),
    ] = None,
    ensemble: Annotated[
        int | None, typer.Option("--ensemble", min=1, help="Number of networks, for a mixture of their posteriors.")
    ] = None,
    overrides: Overrides = None,
    seed: Seed = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a network. The same command continues a stopped run."""
    with command(as_json, quiet) as screen:
        from lenssbi.config import load_config
        from lenssbi.estimators.plan import TrainConfig
        from lenssbi.pipelines.train import run

        values = {"seed": seed, "ensemble": ensemble}
        changes = [*(overrides or ()), *(f"{key}={value}" for key, value in values.items() if value is not None)]
        plan = load_config(config, TrainConfig, changes)
        base = config.parent if config else Path()
        result = run(plan, data or (), out, validation=validation, base=base, progress=screen.progress)
        line = f"{result.path}: {result.epochs} epochs in {result.seconds:.0f} s ({result.finished})"
        screen.result(result.as_json(), line)
