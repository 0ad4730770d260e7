"""Result of a benchmark: folder, outcome of each part, targets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lenssbi.benchmark.lines import Line

if TYPE_CHECKING:
    from lenssbi.benchmark.comparison.compare import Comparison


@dataclass(frozen=True)
class Outcome:
    """Outcome of one method on one suite: "done", the reason why it does not apply, or of a failure."""

    suite: str
    method: str
    status: str
    failed: bool = False


@dataclass(frozen=True)
class BenchmarkResult:
    """Folder of the results, outcome of each part, and the tables of targets: method by method, and of fits.

    `comparison` is the paper's, and `page` its file; both None if the configuration has none.
    """

    path: Path
    methods: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    lines: tuple[Line, ...]
    seconds: float
    wanted: tuple[Line, ...] = ()
    comparison: Comparison | None = None
    page: Path | None = None

    @property
    def failed(self) -> int:
        """Number of parts that failed."""
        return sum(outcome.failed for outcome in self.outcomes)

    def as_json(self) -> dict[str, Any]:
        """The command's JSON object."""
        return {
            "path": str(self.path),
            "items": [{"suite": o.suite, "method": o.method, "status": o.status} for o in self.outcomes],
            "table": [line.as_json() for line in self.lines],
            "wanted": [line.as_json() for line in self.wanted],
            "targets": [] if self.comparison is None else list(self.comparison.tables["targets"]),
            "page": None if self.page is None else str(self.page),
            "seconds": round(self.seconds, 3),
        }
