"""Tables as text, for HTML or Markdown: cells of a number, its interval, the paper's number, and whether it meets the target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
TO = "–"  # between the ends of an interval


@dataclass(frozen=True)
class Cell:
    """One cell.

    Parameters
    ----------
    text
        Text of the cell.
    details
        Lines in small print: the interval, the paper's value, the reason of a missing value.
    met
        Whether it meets the target; None if there is no target or it is not known.
    missing
        Whether there is no value.
    key
        Identity "suite/row/parameter" of a measured value; otherwise "".
    """

    text: str
    details: tuple[str, ...] = ()
    met: bool | None = None
    missing: bool = False
    key: str = ""

    @property
    def css_class(self) -> str:
        """CSS class: "met", "short", "missing" or none."""
        return "missing" if self.missing else {True: "met", False: "short", None: ""}[self.met]

    @property
    def mark(self) -> str:
        """Mark for readers who do not see colours."""
        return {True: "✓", False: "✗", None: ""}[self.met]


@dataclass(frozen=True)
class Part:
    """Rows of a table under one heading; the first cell of a row is its title."""

    title: str
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True)
class DisplayTable:
    """A table: caption, headings of its columns, and its parts."""

    title: str
    headings: Sequence[str]
    parts: Sequence[Part]
    caption: str = ""


def three(value: float | None) -> str:
    """A number to three digits; nothing for None.

    Examples
    --------
    >>> [three(value) for value in (0.00897, 0.8, 12.345, 123.4, 45678.0, 0.0, None)]
    ['0.00897', '0.800', '12.3', '123', '45,678', '0', '']
    """
    if value is None:
        return ""
    if value == 0:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:#.3g}".removesuffix(".")


def interval(row: Row, name: str = "", scale: float = 1.0) -> str:
    """The bootstrap interval of a column of a table's row, "low" and "high" or "<name>_low" and "<name>_high".

    Parameters
    ----------
    row
        Row of a table of the comparison.
    name
        Name of the column.
    scale
        Factor of the numbers: 100 for per cent.
    """
    before = f"{name}_" if name else ""
    low, high = row[f"{before}low"], row[f"{before}high"]
    if low is None or high is None:
        return ""
    return (" to " if low < 0 else TO).join((three(low * scale), three(high * scale)))


def non_empty(*parts: str) -> tuple[str, ...]:
    """The parts that are not empty."""
    return tuple(part for part in parts if part)


def undecided(row: Row) -> str:
    """The remark for a value with an interval on both sides of the target."""
    return "undecided" if row["met"] is not None and row["decided"] is False else ""


def number(row: Row, value: str, name: str = "", scale: float = 1.0) -> Cell:
    """A cell of a value and the interval of a column `name`, or of the reason of its absence; arguments as for `interval`."""
    if row[value] is None:
        return Cell(TO, non_empty(row["reason"]), missing=True)
    return Cell(three(scale * row[value]), non_empty(interval(row, name, scale)))


def per_cent(row: Row, value: str, name: str = "") -> Cell:
    """The same for a share, in per cent."""
    return number(row, value, name, 100)


def unique(rows: Sequence[Row], name: str) -> list[Any]:
    """The values of a column, each once, in order."""
    return list(dict.fromkeys(row[name] for row in rows))


def where(rows: Sequence[Row], **wanted: Any) -> list[Row]:
    """The rows whose columns have these values."""
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]
