"""The targets and the paper's tables as Markdown, for display on the project's host."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence

from lenssbi.benchmark.comparison.text_tables import Cell, DisplayTable

INTRODUCTION = (
    "Errors are half the 68 per cent interval of predicted minus true, with a bootstrap interval over the lenses (68.3 per cent);",
    "× is ours over the paper's. ✓: as good as wanted, ✗: not.",
)


def markdown(
    title: str, tables: Sequence[DisplayTable], about: Mapping[str, str], introduction: Sequence[str] = INTRODUCTION
) -> str:
    """A page of tables.

    Parameters
    ----------
    title
        Title of the page.
    tables
        Tables in order, each under its own heading.
    about
        Description of the run, a list at the end.
    introduction
        Lines of Markdown that explain the tables.
    """
    return "\n".join(_lines(title, tables, about, introduction)) + "\n"


def _lines(
    title: str, tables: Sequence[DisplayTable], about: Mapping[str, str], introduction: Sequence[str]
) -> Iterator[str]:
    yield f"# {_safe(title)}"
    yield ""
    yield from introduction
    yield ""
    for table in tables:
        yield f"## {_safe(table.title)}"
        yield ""
        if table.caption:
            yield _safe(table.caption)
            yield ""
        yield _row([_safe(heading) for heading in table.headings])
        yield "|" + "---|" * len(table.headings)
        for part in table.parts:
            if part.title:
                yield _row([f"**{_safe(part.title)}**", *[""] * (len(table.headings) - 1)])
            for cells in part.rows:
                yield _row([_cell(cell) for cell in cells])
        yield ""
    for name, value in about.items():
        yield f"- {_safe(name)}: {_safe(value)}"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cell(cell: Cell) -> str:
    details = f"({_safe('; '.join(cell.details))})" if cell.details else ""
    text = f"**{_safe(cell.text)}**" if cell.met else _safe(cell.text)
    return " ".join(filter(None, (text, cell.mark, details)))


def _safe(text: str) -> str:
    return html.escape(" ".join(text.split()), quote=False).replace("|", "\\|")
