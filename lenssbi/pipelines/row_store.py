"""The rows of a catalogue while it grows: one small JSON file per lens and step, renamed into place when whole.

A file's name holds the lens' name and a hash of everything that its row follows from: the configuration, the estimator, and the
size and date of the stamp's file. The same run again therefore finds its rows, and a changed one makes new ones.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lenssbi.dataset.inputs import StampSource
from lenssbi.files import atomic
from lenssbi.status import Status


@dataclass(frozen=True)
class RowStore:
    """Rows of one step of a catalogue.

    Parameters
    ----------
    folder
        Where the files are.
    step
        "network" or "refined".
    identity
        What the rows follow from, as text.
    """

    folder: Path
    step: str
    identity: str

    def read(self, source: StampSource) -> dict[str, Any] | None:
        """The row of a stamp; None where there is none yet, or one that was cut short."""
        try:
            row = json.loads(self._path(source).read_text())
        except (OSError, ValueError):
            return None
        return row if isinstance(row, dict) else None

    def finished(self, source: StampSource) -> bool:
        """Whether a stamp is done; one that failed is tried again, for its file may have been mended."""
        row = self.read(source)
        return row is not None and row["status"] == Status.DONE.value

    def write(self, source: StampSource, row: dict[str, Any]) -> None:
        """Keep the row of a stamp.

        Raises
        ------
        InputError
            Where the folder cannot be written.
        """
        with atomic(self._path(source)) as temporary:
            temporary.write_text(json.dumps(row))

    def _path(self, source: StampSource) -> Path:
        try:
            stat = Path(source.path).stat()
            version = f"{stat.st_size} {stat.st_mtime_ns}"
        except OSError:
            version = "missing"
        key = "\n".join((source.name, repr(source), version, self.identity))
        stem = re.sub(r"[^\w.+-]+", "_", source.name).strip(".")[:80]
        return self.folder / f"{stem}-{self.step}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"
