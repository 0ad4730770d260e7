"""The state of a training, in one file without a pickle.

`training.safetensors` holds the tensors of the network, of the best network so far and of the optimiser; the epoch, the
history and the identity of the training are JSON in its header. One file and one rename: a killed run leaves the last epoch complete.
No state of a random generator is stored, since every epoch seeds its own.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from lenssbi.files import atomic
from lenssbi.status import InputError

FILE = "training.safetensors"
SCHEMA = "lenssbi-training-1"


@dataclass
class TrainingState:
    """State of a training after an epoch.

    Parameters
    ----------
    identity
        Identity of the training, which may not change if it is continued: configuration, sets, version of the file.
    epoch
        Number of epochs done.
    step
        Number of optimiser steps done.
    seconds
        Time spent so far [s].
    history
        One row of `metrics.csv` per epoch.
    finished
        Reason why the training ended; "" if it has not.
    tensors
        Tensors by name: "model.<name>", "best.<name>", "averages.<name>" and "optimiser.<parameter>.<name>".
    """

    identity: str
    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
    finished: str = ""
    tensors: dict[str, Tensor] = field(default_factory=dict, repr=False)

    @property
    def losses(self) -> list[float]:
        """Validation loss of each epoch."""
        return [row["val_loss"] for row in self.history]

    def part(self, name: str) -> dict[str, Tensor]:
        """The tensors whose name starts with `name` and a dot, without it."""
        return {
            key.removeprefix(name + "."): value for key, value in self.tensors.items() if key.startswith(name + ".")
        }

    def keep(self, name: str, tensors: Mapping[str, Tensor]) -> None:
        """Replace the tensors of part `name` by copies of `tensors`."""
        others = {key: value for key, value in self.tensors.items() if not key.startswith(name + ".")}
        copies = {f"{name}.{key}": value.detach().cpu().clone().contiguous() for key, value in tensors.items()}
        self.tensors = others | copies

    def keep_optimiser(self, optimiser: torch.optim.Optimizer) -> None:
        """Keep the optimiser's tensors."""
        moments = optimiser.state_dict()["state"]
        self.keep("optimiser", {f"{i}.{name}": value for i, own in moments.items() for name, value in own.items()})

    def restore_optimiser(self, optimiser: torch.optim.Optimizer) -> None:
        """Give a fresh optimiser the tensors that were kept."""
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in self.part("optimiser").items():
            index, name = key.split(".", 1)
            moments.setdefault(int(index), {})[name] = value
        if moments:
            optimiser.load_state_dict({"state": moments, "param_groups": optimiser.state_dict()["param_groups"]})


def save_state(state: TrainingState, folder: Path) -> None:
    """Write the state into the run's folder atomically."""
    header = {entry.name: getattr(state, entry.name) for entry in fields(state) if entry.name != "tensors"}
    with atomic(folder / FILE) as temporary:
        temporary.write_bytes(save(state.tensors, metadata={"lenssbi": json.dumps({**header, "schema": SCHEMA})}))


def load_state(folder: Path) -> TrainingState | None:
    """Read the state of the run in `folder`, None if there is none.

    Raises
    ------
    InputError
        If the file is cut short or is not that of a training.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get("lenssbi", "{}"))
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}): remove it to train from the start") from None
    if header.pop("schema", None) != SCHEMA:
        raise InputError(f"{path}: not the state of a training: remove it or choose another folder with --out")
    return TrainingState(**header, tensors=tensors)
