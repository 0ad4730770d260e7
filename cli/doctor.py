"""`lenssbi doctor`: checks of the machine and the installation."""

from typing import TYPE_CHECKING

import typer

from .console import SOME_FAILED, command
from .options import Json, Quiet

if TYPE_CHECKING:
    from rich.table import Table

    from lenssbi.pipelines.doctor import DoctorResult

STYLES = {"ok": "green", "look": "yellow", "bad": "bold red"}


def doctor(as_json: Json = False, quiet: Quiet = False) -> None:
    """Check Python, packages, GPU, threads, memory, disk and weights, and print remedies.

    The exit code is 3 if a problem will stop a run.
    """
    with command(as_json, quiet) as screen:
        from lenssbi.pipelines.doctor import run

        result = run(screen.progress)
        counts = ", ".join(f"{result.count(level)} {level}" for level in ("ok", "look", "bad"))  # type: ignore[arg-type]
        screen.result(result.as_json(), checks_table(result), f"{counts} ({result.seconds:.1f} s)")
        if result.count("bad"):
            raise typer.Exit(SOME_FAILED)


def checks_table(result: "DoctorResult") -> "Table":
    """Table with one row for each check, and a remedy below each problem."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", "what", "found"):
        table.add_column(heading, overflow="fold")
    for check in result.checks:
        found = Text(check.found)
        if check.remedy:
            found.append(f"\n-> {check.remedy}", style=STYLES[check.level])
        table.add_row(Text(check.level, style=STYLES[check.level]), Text(check.name), found)
    return table
