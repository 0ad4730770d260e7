"""What is trained, on what, and for how long: the configuration of `lenssbi train`."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from lenssbi.config import Config
from lenssbi.estimators.network import NetworkConfig
from lenssbi.estimators.preprocessing import ImagePreprocessing
from lenssbi.estimators.schedule import Schedule
from lenssbi.parameters import POWER_LAW_SPACE, SIE_SPACE, ParameterSpace

if TYPE_CHECKING:
    from lenssbi.estimators.state import TrainingState

PLATEAU = "the validation loss stopped falling"
EPOCHS = "all epochs are done"
MINUTES = "the minutes are up"


class TrainConfig(Config):
    """Configuration of a training.

    The plan ends after `max_epochs` or `max_minutes`, whichever comes first; the cosine schedule knows both, so that a
    training cut by its minutes has its learning rate at the floor when they are up.
    """

    name: str = "estimator"
    parameters: Literal["sie", "power_law"] = "sie"
    network: NetworkConfig = NetworkConfig()
    preprocessing: ImagePreprocessing = ImagePreprocessing()
    schedule: Schedule = Schedule()
    start_from: str | None = Field(default=None, description="name or folder of an estimator to start from")
    batch_size: int = Field(default=64, gt=0, description="stamps per step and process")
    weight_decay: float = Field(default=0.0, ge=0)
    clip: float = Field(default=5.0, gt=0, description="largest norm of the gradient")
    augment: bool = Field(default=True, description="turn and mirror the stamps at random")
    max_epochs: int = Field(default=150, gt=0)
    max_minutes: float | None = Field(default=None, gt=0, description="wall time of the whole training [min]")
    patience: int | None = Field(
        default=None, gt=0, description="epochs without a better validation loss before the end"
    )
    validation_fraction: float = Field(default=0.05, gt=0, lt=1, description="share kept, where there is no other set")
    passes: int = Field(default=100, gt=0, description="Monte Carlo passes of a prediction")
    seed: int = Field(default=0, ge=0)
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    devices: int = Field(default=1, gt=0, description="GPUs, or processes on CPUs")
    threads: int | None = Field(default=None, gt=0, description="CPU threads; None leaves OMP_NUM_THREADS to decide")
    in_memory: bool = Field(default=True, description="keep the prepared set in memory (2 bytes a pixel)")

    @property
    def space(self) -> ParameterSpace:
        """The parameters that are learned."""
        return {"sie": SIE_SPACE, "power_law": POWER_LAW_SPACE}[self.parameters]

    def progress(self, state: "TrainingState", steps_per_epoch: int) -> float:
        """Share of the plan that is done: of its steps or of its minutes, whichever is larger."""
        steps = state.step / (self.max_epochs * steps_per_epoch)
        minutes = state.seconds / (60 * self.max_minutes) if self.max_minutes else 0.0
        return min(max(steps, minutes), 1.0)

    def out_of_time(self, state: "TrainingState") -> bool:
        """Whether the minutes are up."""
        return self.max_minutes is not None and state.seconds >= 60 * self.max_minutes

    def end(self, state: "TrainingState") -> str:
        """Why the training is over after this epoch, "" where it is not."""
        losses = state.losses
        if state.epoch >= self.max_epochs:
            return EPOCHS
        if self.out_of_time(state):
            return MINUTES
        if self.patience and losses and len(losses) - 1 - losses.index(min(losses)) >= self.patience:
            return PLATEAU
        return ""
