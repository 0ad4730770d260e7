"""`lenssbi review`: merging of reviewers' verdicts into a catalogue."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from .console import command
from .options import Json, Quiet

if TYPE_CHECKING:
    from lenssbi.pipelines.review import ReviewResult


def review(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a catalogue.")],
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="VERDICTS.json...",
            help="Files that reviewers saved in the report; without files, merged verdicts are counted again.",
            show_default=False,
        ),
    ] = None,
    *,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Merge the verdicts that reviewers saved in the report into the catalogue."""
    with command(as_json, quiet) as screen:
        from lenssbi.pipelines.review import run

        result = run(folder, files or [])
        screen.result(result.as_json(), _table(result), *_lines(result))


def _table(result: "ReviewResult") -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("verdict")
    table.add_column("lenses", justify="right")
    for verdict, count in result.counts.items():
        table.add_row(verdict.replace("_", " "), f"{count:,}")
    table.add_row("not reviewed", f"{result.lenses - result.reviewed:,}")
    return table


def _lines(result: "ReviewResult") -> list[Text]:
    """Lines below the counts, as plain text: names come from files and must not be read as markup."""
    from lenssbi.catalogue.agreement import agreement_in_words

    who = ", ".join(f"{name} {count:,}" for name, count in result.reviewers.items())
    found = [f"verdicts: {who}"] if who else []
    if result.agreement is not None:
        found.append(agreement_in_words(result.agreement))
    if result.replaced:
        found.append(f"{result.replaced:,} verdicts replaced: a later one of the same reviewer on the same lens counts")
    if result.outdated:
        found.append(f"{result.outdated:,} verdicts are on results that were replaced since, and do not count")
    found.append(f"columns verdict, failed_step, note, reviewers, reviewers_agree in {result.path}")
    return [Text(line) for line in found]
