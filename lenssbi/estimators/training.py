"""Training a network on simulated stamps, with Lightning.

The loop is Lightning's, the loss the estimator's, the files ours. Everything is written inside the run's folder:
`training.safetensors` (the state, after each epoch) and `metrics.csv`. The same call again continues.
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

from lenssbi.dataset.loader import Batches, ExampleSet, loader
from lenssbi.estimators.bnn import DropoutBNN
from lenssbi.estimators.checkpoint import read_card, read_weights
from lenssbi.estimators.learner import Learner
from lenssbi.estimators.load import find_estimator
from lenssbi.estimators.network import CompactNetwork, PaperNetwork, build_network
from lenssbi.estimators.plan import TrainConfig
from lenssbi.estimators.state import TrainingState, load_state
from lenssbi.files import writing
from lenssbi.status import InputError

VALIDATION_BATCH = 256


def train_network(
    config: TrainConfig,
    examples: tuple[ExampleSet, ExampleSet],
    field: tuple[int, int],
    identity: str,
    folder: Path,
    progress: Callable[[int, int, str], None],
) -> TrainingState:
    """Train, or continue the training in `folder`.

    Parameters
    ----------
    config
        The plan.
    examples
        Training and validation examples; their values are targets (0-10).
    field
        Shape (y, x) of a stamp [pixels].
    identity
        Names the configuration and the sets: a folder with another training in it is refused.
    folder
        Of the run.
    progress
        Told (done, 1000, text) now and then.

    Returns
    -------
    The state at the end, with the best weights in `part("best")`.

    Raises
    ------
    InputError
        Where `folder` holds another training or cannot be written.
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
    torch.manual_seed(config.seed)
    network = build_network(config.network, field, len(config.space))
    estimator = DropoutBNN(network, len(config.space), field, config.passes, config.seed)
    if state.epoch:
        estimator.load_state_dict(state.part("model"))
    elif config.start_from:
        start_from(config, network, field)
    learner = Learner(estimator, config.space, config, state, folder, progress)
    with quiet(), threads(config.threads):
        trainer = make_trainer(config, folder)
        rank, world = trainer.global_rank, trainer.world_size
        training = Batches(len(examples[0]), config.batch_size, config.seed, rank, world)
        validation = Batches(len(examples[1]), VALIDATION_BATCH, None, rank, world)
        trainer.fit(learner, loader(examples[0], training), loader(examples[1], validation))
    if trainer.interrupted:
        raise KeyboardInterrupt
    return state


def start_from(config: TrainConfig, network: PaperNetwork | CompactNetwork, field: tuple[int, int]) -> None:
    """Give a fresh network the weights of the estimator `config.start_from`, which may have another dropout.

    Raises
    ------
    InputError
        Where there is no such estimator, or it is of another kind.
    """
    folder = find_estimator(str(config.start_from))
    card = read_card(folder)
    layout = card.network.model_copy(update={"dropout": config.network.dropout})
    same = layout == config.network and card.field == field and card.space == config.space
    if not same or card.preprocessing != config.preprocessing:
        raise InputError(
            f"{folder}: start_from needs the network, parameters, preprocessing and field of the plan: change one of them"
        )
    network.load_state_dict(read_weights(card, folder))


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
    """Where the processes come from.

    Lightning would ask MPI as well, and an mpi4py without an MPI library makes that question an error.
    """
    for environment in (TorchElasticEnvironment, SLURMEnvironment):
        if environment.detect():
            return environment()
    return LightningEnvironment()


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Use so many CPU threads, and go back to the former number."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence Lightning's remarks on hardware, loaders and loggers."""
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
