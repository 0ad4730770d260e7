"""`metrics.csv`: one row per epoch of a training."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from lenssbi.files import atomic

FILE = "metrics.csv"


def write_metrics(history: Sequence[Mapping[str, float]], folder: Path) -> None:
    """Write the rows; the first names the columns (`error_*` are 68 per cent errors, `phi` in degrees)."""
    with atomic(folder / FILE) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(history[0]))
        writer.writeheader()
        writer.writerows({key: f"{value:.6g}" for key, value in row.items()} for row in history)
