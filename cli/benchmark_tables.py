"""Tables of a comparison with its targets, for the terminal."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from lenssbi.benchmark.comparison.compare import Comparison
    from lenssbi.benchmark.comparison.text_tables import DisplayTable

STYLES = {"met": "green", "short": "red", "missing": "dim", "": ""}


def comparison_tables(comparison: "Comparison") -> "list[RenderableType]":
    """Tables of the targets, and the number of targets that are met."""
    from rich.text import Text

    from lenssbi.benchmark.comparison.target_tables import counts, target_tables

    shown: list[RenderableType] = []
    for table in target_tables(comparison):
        shown += [Text(table.title, style="bold"), text_table(table)]
    met = counts(comparison)
    words = ", ".join((f"{met.text} targets met", *met.details))
    return [*shown, Text(words, style=STYLES[met.css_class])]


def text_table(shown: "DisplayTable") -> "Table":
    """Table of text; values that meet their target are green, others red."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in shown.headings:
        table.add_column(Text(heading), overflow="fold")
    for part in shown.parts:
        if part.title:
            table.add_row(Text(part.title, style="bold"))
        for cells in part.rows:
            table.add_row(*(Text(" ".join(filter(None, (c.text, c.mark))), style=STYLES[c.css_class]) for c in cells))
    return table
