"""Training step, validation, and the state after each epoch: the module that Lightning trains.

Lightning provides the loop, mixed precision and several GPUs; the learning rate is a function of progress (`schedule`) and
the state is ours (`state`), so that nothing is pickled and a training continues where it stopped.

With `averaging` d the network that is validated and kept is the running mean of the weights, m <- d m + (1 - d) w after each
step (exponential moving average; Polyak & Juditsky 1992; Morales-Brotons et al. 2024), batch normalisation's statistics included.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from lenssbi.dataset.loader import BatchStream
from lenssbi.estimators.augmentation import augment, middle_of
from lenssbi.estimators.densities import Density
from lenssbi.estimators.metrics import Events, write_metrics
from lenssbi.estimators.plan import TrainConfig
from lenssbi.estimators.scores import errors
from lenssbi.estimators.state import TrainingState, save_state
from lenssbi.parameters import ParameterSpace

EVERY = 20  # batches between two calls of `progress`
DRAWS = {"bnn": 4}  # components of the mean that is scored
DRAWS_OF_FLOWS = 32


class Learner(lightning.LightningModule):
    """Training of a density on batches of (targets, prepared images), or of (targets, features) if its trunk is frozen.

    Parameters
    ----------
    estimator
        Density to train.
    space
        Parameters of the density.
    plan
        Rates, lengths and seeds.
    state
        State of the training; updated after each epoch.
    folder
        Folder to which rank 0 writes the state, `metrics.csv` and, for TensorBoard, `events`.
    progress
        Function that is called with (done, total, text) now and then.
    """

    def __init__(
        self,
        estimator: Density,
        space: ParameterSpace,
        plan: TrainConfig,
        state: TrainingState,
        folder: Path,
        progress: Callable[[int, int, str], None],
    ) -> None:
        super().__init__()
        self.estimator, self.space, self.plan = estimator, space, plan
        self.state, self.folder, self.progress = state, folder, progress
        self.middle = middle_of(space)
        self.averages = running_mean(estimator, plan.averaging, state) if plan.averaging else None
        self.losses: list[Tensor] = []
        self.validation: list[tuple[Tensor, Tensor, Tensor]] = []
        self.events = Events(folder)
        self.started = self.spent = 0.0

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Nadam, as in the paper, with the moments of the training that is continued."""
        optimiser = torch.optim.NAdam(
            [weight for weight in self.estimator.parameters() if weight.requires_grad],
            lr=self.plan.schedule.learning_rate,
            weight_decay=self.plan.weight_decay,
            decoupled_weight_decay=True,
        )
        self.state.restore_optimiser(optimiser)
        return optimiser

    def on_train_epoch_start(self) -> None:
        """Start the epoch's clock, its masks, its order and its symmetries, which its number alone decides."""
        torch.manual_seed(self.epoch_seed)
        self.started, self.spent = time.monotonic(), self.state.seconds
        self.generator = torch.Generator().manual_seed(self.epoch_seed + 1)
        stream: BatchStream = self.trainer.train_dataloader
        stream.epoch = self.state.epoch
        self.losses = []

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        """Mean loss of a batch."""
        rate = self.plan.schedule.rate(self.state.step, self.done, self.state.losses)
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = rate
        targets, features = batch[0], batch[1].float()
        if not self.plan.freeze:
            images = features
            if self.plan.augment:
                images, targets = augment(images, targets, self.space.names, self.middle, self.generator)
            features = self.estimator.embed(images)
        with self.exactly():
            loss = self.estimator.loss_of(targets, features.float()).mean()
        self.losses.append(loss.detach())
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Any, index: int) -> None:
        """Count the step; stop if the time limit is reached."""
        self.state.step += 1
        if self.averages:
            self.averages.update_parameters(self.estimator)
        self.state.seconds = self.clock()
        if self.plan.out_of_time(self.state):
            self.trainer.should_stop = True
        if self.global_rank == 0 and index % EVERY == 0:
            loss = float(torch.stack(self.losses[-EVERY:]).mean())
            self.progress(int(1000 * self.done), 1000, f"epoch {self.state.epoch + 1}, loss {loss:.3f}")

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        """Loss and mean of a batch."""
        targets, inputs = batch[0], batch[1].float()
        with self.exactly():
            features = inputs if self.plan.freeze else self.judged.embed(inputs)
            loss = self.judged.loss_of(targets, features)
            means, _ = self.judged.components(features, DRAWS.get(self.plan.density.kind, DRAWS_OF_FLOWS))
        self.validation.append((loss, means.mean(dim=0), targets))

    def on_validation_epoch_end(self) -> None:
        """Record the epoch, and save the state."""
        table = torch.cat([torch.cat([loss[:, None], *others], dim=1) for loss, *others in self.validation])
        loss, predicted, true = self.gathered(table).split([1, len(self.space), len(self.space)], dim=1)
        self.validation = []
        values = [self.space.from_targets(part.cpu().double().numpy()) for part in (predicted, true)]
        self.state.epoch += 1
        self.state.seconds = self.clock()
        row = {
            "epoch": self.state.epoch,
            "train_loss": float(torch.stack(self.losses).mean()),
            "val_loss": float(loss.mean()),
            "learning_rate": float(self.trainer.optimizers[0].param_groups[0]["lr"]),
            "seconds": round(self.state.seconds, 2),
        }
        scores = {f"error_{name}": value for name, value in errors(self.space.names, *values).items()}
        self.keep({**row, **scores})

    def keep(self, row: dict[str, float]) -> None:
        """Add a row to the history, keep the network (and the best one), and write the state."""
        if not self.state.history or row["val_loss"] < min(self.state.losses):
            self.state.keep("best", self.judged.state_dict())
        self.state.history.append(row)
        self.state.keep("model", self.estimator.state_dict())
        if self.averages:
            self.state.keep("averages", self.averages.state_dict())
        self.state.keep_optimiser(self.trainer.optimizers[0])
        self.state.finished = self.plan.end(self.state)
        if self.state.finished:
            self.trainer.should_stop = True
        if self.global_rank == 0:
            save_state(self.state, self.folder)
            write_metrics(self.state.history, self.folder)
            self.events.add(row)
            text = f"epoch {self.state.epoch}, validation loss {row['val_loss']:.3f}"
            self.progress(int(1000 * self.done), 1000, text)

    @property
    def judged(self) -> Density:
        """The network that is validated and kept."""
        return self.averages.module if self.averages else self.estimator

    def exactly(self) -> torch.autocast:
        """In single precision: bfloat16 has 1 part in 256, too little for a mean or a spline."""
        return torch.autocast(self.device.type, enabled=False)

    @property
    def epoch_seed(self) -> int:
        """Seed of what is random in this epoch on this rank; the masks use it, the symmetries the next number."""
        return 2 * ((self.plan.seed * 1_000_003 + self.state.epoch) * 1024 + self.global_rank)

    @property
    def done(self) -> float:
        """Share of the plan that is done."""
        return self.plan.progress(self.state, len(self.trainer.train_dataloader))  # type: ignore[arg-type]

    def clock(self) -> float:
        """Seconds spent so far; of several processes the first one's, if they decide when the training ends."""
        seconds = self.spent + time.monotonic() - self.started
        shared = self.trainer.world_size > 1 and self.plan.max_minutes is not None
        return float(self.trainer.strategy.broadcast(seconds)) if shared else seconds

    def gathered(self, rows: Tensor) -> Tensor:
        """The rows of all processes, whose numbers may differ; the last column is finite."""
        if self.trainer.world_size == 1:
            return rows
        longest = int(self.all_gather(torch.tensor(len(rows), device=self.device)).max())
        padded = rows.new_full((longest, rows.shape[1]), torch.nan)
        padded[: len(rows)] = rows
        together = self.all_gather(padded).flatten(0, 1)
        return together[together[:, -1].isfinite()]


def running_mean(density: Density, kept: float, state: TrainingState) -> AveragedModel:
    """The running mean of the weights, which keeps a share `kept` of itself at each step, as of the state."""
    averages = AveragedModel(density, multi_avg_fn=get_ema_multi_avg_fn(kept), use_buffers=True)
    if before := state.part("averages"):
        averages.load_state_dict(before)
    return averages.requires_grad_(False)
