"""Training a density on simulated stamps, with Lightning.

Lightning provides the loop, the density the loss. Everything is written inside the run's folder:
`training.safetensors` (the state, after each epoch), `metrics.csv` and TensorBoard's `events`. The same call again
continues: an epoch's order, symmetries and masks follow from its number, so that a training that was killed ends with the
weights of one that was not.
"""

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.fabric.plugins.environments import (
    ClusterEnvironment,
    LightningEnvironment,
    SLURMEnvironment,
    TorchElasticEnvironment,
)
from lightning.pytorch.utilities import rank_zero_only

from lenssbi.dataset.loader import BatchStream, ExampleSet, SetBatches
from lenssbi.estimators.augmentation import SYMMETRIES
from lenssbi.estimators.densities import Density, build_density
from lenssbi.estimators.fresh_examples import FreshBatches, FreshExamples
from lenssbi.estimators.learner import Learner
from lenssbi.estimators.plan import TrainConfig
from lenssbi.estimators.state import TrainingState, load_state
from lenssbi.estimators.warm_start import frozen, start_from
from lenssbi.files import writing
from lenssbi.status import InputError

VALIDATION_BATCH = 256


def train_network(
    config: TrainConfig,
    examples: tuple[ExampleSet | FreshExamples, ExampleSet],
    field: tuple[int, int],
    identity: str,
    folder: Path,
    progress: Callable[[int, int, str], None],
) -> TrainingState:
    """Train, or continue the training in `folder`.

    Parameters
    ----------
    config
        Configuration of the training.
    examples
        Training and validation examples; their values are targets (0-10).
    field
        Shape (y, x) of a stamp [pixels].
    identity
        Name of configuration and sets: a folder with another training in it is refused.
    folder
        Folder of the run.
    progress
        Function that is called with (done, 1000, text) now and then.

    Returns
    -------
    State at the end, with the best weights in `part("best")`.

    Raises
    ------
    InputError
        If `folder` contains another training or cannot be written.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    state = load_state(folder) or TrainingState(identity)
    if state.identity != identity:
        raise InputError(
            f"{folder}: holds a training of another configuration or set: choose another folder with --out"
        )
    state.finished = config.end(state)
    if state.finished:
        return state
    with quiet(), threads(config.threads):
        trainer = make_trainer(config, folder)
        density = starting_point(config, state, field)
        if config.freeze:
            density = density.to(trainer.strategy.root_device)
            examples = frozen_examples(config, density, examples, progress)
        training, validation = streams(config, examples, trainer)
        learner = Learner(density, config.space, config, state, folder, progress)
        trainer.fit(learner, training, validation)
        learner.events.close()
    if trainer.interrupted:
        raise KeyboardInterrupt
    return state


def starting_point(config: TrainConfig, state: TrainingState, field: tuple[int, int]) -> Density:
    """The density to start from: that of the last epoch, of another estimator, or a fresh one."""
    torch.manual_seed(config.seed)
    density = build_density(config.density, config.network, field, len(config.space), config.passes, config.seed)
    if state.epoch:
        density.load_state_dict(state.part("model"))
    elif config.start_from:
        start_from(config, density, field)
    if config.freeze:
        density.embedding_net.requires_grad_(False)
    return density


def frozen_examples(
    config: TrainConfig,
    density: Density,
    examples: tuple[Any, ExampleSet],
    progress: Callable[[int, int, str], None],
) -> tuple[ExampleSet, ExampleSet]:
    """The features of the examples instead of their images: an epoch has each stamp in every symmetry."""
    symmetries = SYMMETRIES if config.augment else 1
    return (
        frozen(density, examples[0], config.space, symmetries, progress),
        frozen(density, examples[1], config.space, 1, progress),
    )


def streams(
    config: TrainConfig, examples: tuple[ExampleSet | FreshExamples, ExampleSet], trainer: lightning.Trainer
) -> tuple[BatchStream, BatchStream]:
    """This process' share of the training and validation batches."""
    rank, world = trainer.global_rank, trainer.world_size
    kind: Any = FreshBatches if isinstance(examples[0], FreshExamples) else SetBatches
    training = kind(examples[0], config.batch_size, config.seed, rank, world)
    return training, SetBatches(examples[1], VALIDATION_BATCH, None, rank, world)


def is_first_process() -> bool:
    """Whether this is the only process of the training, or the one of several that writes files and reports progress."""
    return not rank_zero_only.rank


def make_trainer(config: TrainConfig, folder: Path) -> lightning.Trainer:
    """A Lightning trainer that prints nothing and writes nothing."""
    graphics = torch.cuda.is_available()
    half = config.precision == "bfloat16" or (config.precision == "auto" and graphics)
    return lightning.Trainer(
        accelerator="gpu" if graphics else "cpu",
        devices=config.devices,
        plugins=[cluster()],
        precision="bf16-mixed" if half else "32-true",
        max_epochs=-1,
        gradient_clip_val=config.clip,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        default_root_dir=folder,
    )


def cluster() -> ClusterEnvironment:
    """The environment that starts the processes.

    Lightning would try MPI too, which fails if mpi4py is installed without an MPI library.
    """
    for environment in (TorchElasticEnvironment, SLURMEnvironment):
        if environment.detect():
            return environment()
    return LightningEnvironment()


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Use this number of CPU threads, and restore the former one at the end."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress Lightning's messages on hardware, loaders and loggers."""
    names: list[Any] = ["lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero"]
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"lightning\..*")
            warnings.filterwarnings("ignore", message=r".*(num_workers|does not have many workers|LeafSpec).*")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
