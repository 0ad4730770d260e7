"""Progress of a training: `metrics.csv`, one row per epoch, and the same for TensorBoard in `events/`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lenssbi.files import write_csv

FILE = "metrics.csv"
EVENTS = "events"


def write_metrics(history: Sequence[Mapping[str, float]], folder: Path) -> None:
    """Write the rows; the first names the columns (`error_*` are 68 per cent errors, `phi` in degrees)."""
    write_csv([{key: f"{value:.6g}" for key, value in row.items()} for row in history], folder / FILE)


class Events:
    """The rows for TensorBoard: `tensorboard --logdir RUN`.

    Parameters
    ----------
    folder
        Folder of the run; a continued training adds a file to its `events`, and its epochs replace earlier ones.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / EVENTS
        self.writer: Any = None

    def add(self, row: Mapping[str, float]) -> None:
        """Add the numbers of an epoch."""
        from torch.utils.tensorboard import SummaryWriter

        epoch = int(row["epoch"])
        if self.writer is None:
            self.writer = SummaryWriter(str(self.folder), purge_step=epoch)
        for name, value in row.items():
            if name != "epoch":
                self.writer.add_scalar(name, value, epoch)
        self.writer.flush()

    def close(self) -> None:
        """Finish the file."""
        if self.writer is not None:
            self.writer.close()
