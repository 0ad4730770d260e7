"""One line of a table of targets: what it is of, and what was found, cell by cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

ALL = "all"
COLUMN = "lenssbi"  # of our own values beside those of others


@dataclass(frozen=True)
class JudgedValue:
    """A value as text, and whether it is as good as wanted; None if nothing is wanted."""

    text: str
    met: bool | None = None


@dataclass(frozen=True)
class Line:
    """One target: what it is of, the paper's value, the wanted one, and method -> cells, one for each number."""

    what: str
    paper: str
    wanted: str
    cells: Mapping[str, Sequence[JudgedValue]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The line as `--json` prints it."""
        cells = {method: [{"value": c.text, "met": c.met} for c in found] for method, found in self.cells.items()}
        return {"what": self.what, "paper": self.paper, "wanted": self.wanted, "methods": cells}
