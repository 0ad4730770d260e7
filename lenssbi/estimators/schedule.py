"""The learning rate as a function of the progress of the training.

`cosine` falls along half a cosine from the start to the end of the plan; `plateau` falls by a factor of ten if the validation loss
has not improved for some epochs; `constant` stays. All warm up linearly. None has a state: if a training is stopped and
continued, the rate follows from the step and the history.
"""

from collections.abc import Sequence
from math import cos, pi
from typing import Literal

from pydantic import Field

from lenssbi.config import Config


class Schedule(Config):
    """Learning rate over the course of a training."""

    kind: Literal["cosine", "plateau", "constant"] = "cosine"
    learning_rate: float = Field(default=1e-3, gt=0)
    warmup_steps: int = Field(default=200, ge=0)
    floor: float = Field(default=1e-3, ge=0, le=1, description="last learning rate of the cosine over the first")
    plateau_epochs: int = Field(default=5, gt=0, description="epochs without a better validation loss before a drop")

    def rate(self, step: int, progress: float, losses: Sequence[float] = ()) -> float:
        """Learning rate of a step.

        Parameters
        ----------
        step
            Number of optimiser steps done.
        progress
            Share of the planned steps or minutes that is done, 0 to 1.
        losses
            Validation loss after each epoch so far.
        """
        warm = min(1.0, (step + 1) / self.warmup_steps) if self.warmup_steps else 1.0
        if self.kind == "cosine":
            fall = self.floor + (1 - self.floor) * 0.5 * (1 + cos(pi * min(progress, 1.0)))
        elif self.kind == "plateau":
            fall = 0.1 ** drops(losses, self.plateau_epochs)
        else:
            fall = 1.0
        return self.learning_rate * warm * fall


def drops(losses: Sequence[float], patience: int) -> int:
    """Number of times that the best loss went `patience` epochs without being beaten, counted again after each drop.

    Examples
    --------
    >>> drops([3.0, 2.0, 2.0, 2.0, 2.0, 2.0], patience=2)
    2
    """
    best, waited, count = float("inf"), 0, 0
    for loss in losses:
        if loss < best:
            best, waited = loss, 0
        else:
            waited += 1
        if waited == patience:
            waited, count = 0, count + 1
    return count
