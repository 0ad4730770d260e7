"""`lenssbi demo`: all steps on one simulated lens."""

from pathlib import Path
from typing import Annotated

import typer

from .console import command
from .options import EstimatorName, Json, Quiet, Seed

OUT = Path("demo")


def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder for the set, the posterior and the figure.")] = OUT,
    estimator: EstimatorName = None,
    seed: Seed = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Simulate a lens, predict and fit it, and compare with the truth."""
    with command(as_json, quiet) as screen:
        from lenssbi.pipelines.demo import run

        from .tables import comparison_table

        result = run(out, estimator=estimator, seed=0 if seed is None else seed, progress=screen.progress)
        lines = [
            f"figure: {result.refined.figure}",
            f"posterior: {result.refined.posterior}",
            f"{result.seconds:.0f} s",
        ]
        if result.refined.flags:
            lines.insert(0, f"look at: {', '.join(result.refined.flags)}")
        screen.result(result.as_json(), comparison_table(result.truth, result.columns), *lines)
        screen.leave(result.run)
