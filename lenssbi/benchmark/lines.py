"""One line of a table of targets: its quantity, and the results cell by cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

ALL = "all"
COLUMN = "lenssbi"  # column of our values


@dataclass(frozen=True)
class JudgedValue:
    """A value as text, and whether it meets the target; None if there is no target."""

    text: str
    met: bool | None = None


@dataclass(frozen=True)
class Line:
    """One target: its quantity, the paper's value, the target value, and method -> cells, one for each number."""

    what: str
    paper: str
    wanted: str
    cells: Mapping[str, Sequence[JudgedValue]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The line as `--json` prints it."""
        cells = {method: [{"value": c.text, "met": c.met} for c in found] for method, found in self.cells.items()}
        return {"what": self.what, "paper": self.paper, "wanted": self.wanted, "methods": cells}
