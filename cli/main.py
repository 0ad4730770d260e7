"""The program `lenssbi`; each command is a module of this package, and imports its dependencies when it runs."""

from typing import Annotated

import typer

from lenssbi import __version__

from .benchmark import benchmark
from .calibrate import calibrate
from .catalogue import catalogue
from .check import check
from .cutout import cutout
from .demo import demo
from .doctor import doctor
from .examples import epilog
from .export import export
from .population import population
from .predict import predict
from .refine import refine
from .report import report
from .review import review
from .simulate import simulate
from .status import status
from .sweep_dropout import sweep_dropout
from .train import train

PANELS = {
    "Get started": (demo, doctor),
    "Prepare stamps": (cutout, check),
    "Model lenses": (predict, refine, catalogue, status),
    "Use the results": (report, review, export, population),
    "Train a network": (simulate, train, sweep_dropout, calibrate),
    "Compare methods": (benchmark,),
}
COMMANDS = {verb.__name__.replace("_", "-"): verb for verbs in PANELS.values() for verb in verbs}

app = typer.Typer(
    name="lenssbi",
    help="Calibrated mass models of strong lenses, from a stamp to a posterior, from a catalogue to a population.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a bug shows its plain traceback
    context_settings={"help_option_names": ["-h", "--help"]},
)
for panel, verbs in PANELS.items():
    for verb in verbs:
        name = verb.__name__.replace("_", "-")
        app.command(name, epilog=epilog(name), rich_help_panel=panel)(verb)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"lenssbi {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Calibrated mass models of strong lenses, from a stamp to a posterior."""


def main() -> None:
    """Run the command line."""
    app()
