"""Configuration of `lenssbi train`: network, data and length of the training."""

import hashlib
import json
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from lenssbi.config import Config
from lenssbi.estimators.density_config import DensityConfig
from lenssbi.estimators.network import NetworkConfig
from lenssbi.estimators.preprocessing import ImagePreprocessing
from lenssbi.estimators.schedule import Schedule
from lenssbi.parameters import ParameterSpace, parameter_space

if TYPE_CHECKING:
    from lenssbi.estimators.state import TrainingState

PLATEAU = "the validation loss stopped falling"
EPOCHS = "all epochs are done"
MINUTES = "the minutes are up"
LENGTHS = {
    "max_epochs",
    "max_minutes",
    "patience",
    "threads",
    "ahead",
    "devices",
    "in_memory",
    "name",
    "passes",
    "symmetric",
}
"""Keys of the plan that may change when a training is continued."""


class FreshPopulation(Config):
    """A configuration of `lenssbi simulate` from which stamps are drawn."""

    population: str = Field(description="its file, seen from the folder of this configuration")
    share: float = Field(default=1.0, gt=0, description="of the stamps, relative to the others'")


class FreshConfig(Config):
    """Stamps that are simulated when they are needed, instead of a set."""

    populations: tuple[FreshPopulation, ...] = Field(min_length=1)
    stamps: int = Field(default=100_000, gt=1, description="of an epoch")
    validation: int = Field(default=5_000, gt=0, description="stamps to validate on, if there is no set for it")
    reuse: int = Field(
        default=1, gt=0, description="stamps of one system, each with new noise (composed ones: composition.reuse)"
    )


class TrainConfig(Config):
    """Configuration of a training.

    The plan ends after `max_epochs` or `max_minutes`, whichever comes first; the cosine schedule knows both, so that a
    training cut by its minutes has its learning rate at the floor when they are up. A training that was killed and
    continued ends with the weights of an uninterrupted one, bit by bit on the same machine, unless it has `max_minutes`:
    the number of epochs within them varies.

    Only `embed`, that is, the convolutions of the compact network and of those before a flow, uses bfloat16; the layers after it,
    and thus the whole of the paper's dropout network, stay in single precision.
    """

    name: str = "estimator"
    parameters: Literal["sie", "power_law"] = "sie"
    shear: bool = Field(default=False, description="infer the external shear")
    centre: bool = Field(default=False, description="infer the centre of the mass")
    wide: bool = Field(default=False, description="ranges for axis ratios down to 0.25 and shears up to 0.4")
    density: DensityConfig = DensityConfig()
    network: NetworkConfig = NetworkConfig()
    preprocessing: ImagePreprocessing = ImagePreprocessing()
    schedule: Schedule = Schedule()
    start_from: str | None = Field(default=None, description="name or folder of an estimator to start from")
    freeze: bool = Field(default=False, description="keep its trunk, and train on features that are computed once")
    fresh: FreshConfig | None = None
    ensemble: int = Field(default=1, gt=0, description="networks, trained one after the other from seeds of their own")
    batch_size: int = Field(default=64, gt=0, description="stamps per step and process")
    weight_decay: float = Field(default=0.0, ge=0)
    averaging: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="share of itself that the running mean of the weights keeps at each step; 0 uses the last weights",
    )
    clip: float = Field(default=5.0, gt=0, description="largest norm of the gradient")
    augment: bool = Field(default=True, description="turn and mirror the stamps at random")
    symmetric: bool = Field(default=True, description="average over the eight orientations of a stamp")
    max_epochs: int = Field(default=150, gt=0)
    max_minutes: float | None = Field(default=None, gt=0, description="wall time of the whole training [min]")
    patience: int | None = Field(
        default=None, gt=0, description="epochs without a better validation loss before the end"
    )
    validation_fraction: float = Field(
        default=0.05, gt=0, lt=1, description="share kept for validation, if there is no other set"
    )
    passes: int = Field(default=100, gt=0, description="Monte Carlo passes of a prediction")
    seed: int = Field(default=0, ge=0)
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    devices: int = Field(default=1, gt=0, description="GPUs, or processes on CPUs")
    ahead: int = Field(
        default=0,
        ge=0,
        description="blocks of fresh stamps that a thread makes ahead, for a second core or with a GPU",
    )
    threads: int | None = Field(default=None, gt=0, description="CPU threads; None leaves OMP_NUM_THREADS to decide")
    in_memory: bool = Field(default=True, description="keep the prepared set in memory (2 bytes a pixel)")

    @model_validator(mode="after")
    def _check(self) -> "TrainConfig":
        if self.freeze and self.start_from is None:
            raise ValueError("freeze keeps the trunk of another estimator: say which one with start_from")
        if self.freeze and self.fresh is not None:
            raise ValueError("freeze needs a set, whose features are computed once: leave out fresh")
        if self.network.channels != self.preprocessing.channels:
            raise ValueError(
                f"preprocessing {self.preprocessing.kind} gives {self.preprocessing.channels} channels and network.channels is "
                f"{self.network.channels}: set it to {self.preprocessing.channels}"
            )
        return self

    @property
    def space(self) -> ParameterSpace:
        """The parameters that are learned."""
        return parameter_space(self.parameters, self.shear, self.centre, self.wide)

    def member(self, index: int) -> "TrainConfig":
        """The plan of one network of the ensemble."""
        return self.model_copy(update={"seed": self.seed + index, "ensemble": 1})

    def progress(self, state: "TrainingState", steps_per_epoch: int) -> float:
        """Share of the plan that is done: of its steps or of its minutes, whichever is larger."""
        steps = state.step / (self.max_epochs * steps_per_epoch)
        minutes = state.seconds / (60 * self.max_minutes) if self.max_minutes else 0.0
        return min(max(steps, minutes), 1.0)

    def out_of_time(self, state: "TrainingState") -> bool:
        """Whether the minutes are up."""
        return self.max_minutes is not None and state.seconds >= 60 * self.max_minutes

    def end(self, state: "TrainingState") -> str:
        """Reason to end the training after this epoch; "" if there is none."""
        losses = state.losses
        if state.epoch >= self.max_epochs:
            return EPOCHS
        if self.out_of_time(state):
            return MINUTES
        if self.patience and losses and len(losses) - 1 - losses.index(min(losses)) >= self.patience:
            return PLATEAU
        return ""


def fingerprint(config: TrainConfig) -> str:
    """Sixteen hexadecimal digits of what may not change when a training is continued.

    What has its default counts as unsaid, so that a plan that was written before a key existed stays the same plan.
    """
    text = json.dumps(config.model_dump(mode="json", exclude=LENGTHS, exclude_defaults=True), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
