"""`lenssbi simulate`: a set of simulated stamps."""

from pathlib import Path
from typing import Annotated

import typer

from lenssbi.shipped_configs import shipped

from .console import command
from .options import Json, Overrides, Quiet, Scheduler, Seed, Workers


def simulate(
    config: Annotated[
        Path | None,
        typer.Argument(help="YAML file of the simulation; by default the training set of the paper.", callback=shipped),
    ] = None,
    *,
    out: Annotated[Path, typer.Option("--out", help="HDF5 set to write.")],
    count: Annotated[int, typer.Option("--count", min=1, help="Number of stamps.")] = 1000,
    seed: Seed = None,
    workers: Workers = 1,
    scheduler: Scheduler = None,
    overrides: Overrides = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Simulate stamps of strong lenses. The same command continues a stopped run."""
    with command(as_json, quiet) as screen:
        from lenssbi.config import load_config
        from lenssbi.pipelines.simulate import run
        from lenssbi.rendering.simulation import SimulateConfig

        settings = load_config(config, SimulateConfig, overrides or ())
        result = run(
            settings,
            out,
            count,
            seed=0 if seed is None else seed,
            workers=workers,
            scheduler=scheduler,
            progress=screen.progress,
        )
        share = result.count / max(result.tried, 1)
        line = f"{result.count:,} stamps in {result.path} ({result.seconds:.1f} s; {share:.0%} of the systems tried)"
        screen.result(result.as_json(), line)
