"""`lenssbi train`: a set of stamps makes an estimator.

The run's folder holds the state after each epoch (`training.safetensors`), `metrics.csv`, and at the end the estimator of
the epoch with the lowest validation loss. The same call again continues a killed run.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lenssbi.config import config_hash, dump_yaml
from lenssbi.dataset.hdf5 import StampSet
from lenssbi.estimators.plan import TrainConfig
from lenssbi.pipelines.results import Progress, silent
from lenssbi.status import InputError

if TYPE_CHECKING:
    from lenssbi.dataset.loader import ExampleSet
    from lenssbi.estimators.state import TrainingState

LENGTHS = {"max_epochs", "max_minutes", "patience", "threads", "devices", "in_memory", "name", "passes"}


@dataclass(frozen=True)
class TrainResult:
    """Where the estimator is, how long it was trained, why the training ended, and the scores of its best epoch."""

    path: Path
    epochs: int
    seconds: float
    finished: str
    scores: dict[str, float]

    def as_json(self) -> dict[str, Any]:
        """The command's JSON object."""
        numbers = {"epochs": self.epochs, "seconds": round(self.seconds, 3)}
        return {"path": str(self.path), **numbers, "finished": self.finished, "scores": self.scores}


def run(
    config: TrainConfig,
    data: str | Path,
    out: str | Path,
    *,
    validation: str | Path | None = None,
    progress: Progress = silent,
) -> TrainResult:
    """Train an estimator, or continue.

    Parameters
    ----------
    config
        What to train and for how long; a longer plan may continue a shorter one.
    data
        The set.
    out
        Folder of the run.
    validation
        Another set to validate on; None keeps the last stamps of `data` for it.
    progress
        Called with (done, total, text).

    Raises
    ------
    InputError
        Where a set cannot be read, or `out` holds another training or cannot be written.
    """
    from lenssbi.estimators.training import train_network

    out = Path(out)
    with StampSet(data) as stamps:
        split = rows_of(config, stamps, validation)
        provenance = describe(config, stamps, split, validation)
        training = examples_of(config, stamps, split[0], progress)
        if validation is None:
            held_out = examples_of(config, stamps, split[1], progress)
        else:
            with StampSet(validation) as others:
                _check_alike(stamps, others)
                held_out = examples_of(config, others, range(len(others)), progress)
        state = train_network(config, (training, held_out), stamps.shape, provenance["identity"], out, progress)
        return finish(config, state, stamps, provenance, out)


def rows_of(config: TrainConfig, stamps: StampSet, validation: str | Path | None) -> tuple[range, range]:
    """Rows of the set to train on, and the last ones to validate on."""
    count = len(stamps)
    kept = 0 if validation is not None else max(1, round(config.validation_fraction * count))
    if count - kept < 2:
        raise InputError(f"{stamps.path}: {count} stamps are too few to train on: simulate more with --count")
    return range(count - kept), range(count - kept, count)


def describe(
    config: TrainConfig, stamps: StampSet, split: tuple[range, range], validation: str | Path | None
) -> dict[str, Any]:
    """What the estimator's card says of its training, as far as it is known at the start."""
    attributes = stamps.attributes
    fixed = config_hash(config.model_copy(update={key: TrainConfig.model_fields[key].default for key in LENGTHS}))
    told = config.model_copy(update={"start_from": config.start_from and Path(config.start_from).name})
    seed, version = int(attributes["seed"]), str(attributes["lenssbi_version"])
    identity = (
        f"{fixed} {stamps.path.name} {len(stamps)} {seed} {version} {Path(validation).name if validation else ''}"
    )
    return {
        "identity": identity.strip(),
        "set": {
            "name": stamps.path.name,
            "stamps": len(stamps),
            "seed": seed,
            "lenssbi_version": version,
            "config": str(attributes["config"]),
        },
        "trained_on": len(split[0]),
        "validation": Path(validation).name if validation else f"the last {len(split[1])} stamps of the set",
        "config": dump_yaml(told),
    }


def examples_of(config: TrainConfig, stamps: StampSet, rows: range, progress: Progress) -> ExampleSet:
    """The stamps `rows` of a set as the network sees them."""
    from lenssbi.dataset.loader import LazyExamples, read_examples

    try:
        values = config.space.to_targets(config.space.stack(stamps.params))[rows.start : rows.stop]
    except ValueError as error:
        raise InputError(f"{stamps.path}: {error}: choose other parameters or simulate a set that has them") from None
    if not config.in_memory:
        return LazyExamples(stamps, values, rows, config.preprocessing)
    return read_examples(stamps, values, rows, config.preprocessing, progress)


def finish(
    config: TrainConfig, state: TrainingState, stamps: StampSet, provenance: dict[str, Any], out: Path
) -> TrainResult:
    """Write the estimator of the best epoch, unless it is there already (it may be calibrated)."""
    from lenssbi.estimators.checkpoint import WEIGHTS, EstimatorCard, ParameterCard, read_card, save_estimator

    best = min(state.history, key=lambda row: row["val_loss"])
    done = {"epochs": state.epoch, "seconds": round(state.seconds, 1), "finished": state.finished, "best": best}
    card = EstimatorCard(
        name=config.name,
        network=config.network,
        preprocessing=config.preprocessing,
        parameters=tuple(ParameterCard(**p) for p in config.space.as_json()),
        field=stamps.shape,
        pixel_scale=stamps.pixel_scale,
        band=str(stamps.attributes["band"]),
        passes=config.passes,
        seed=config.seed,
        training={**provenance, **done},
    )
    there = (out / "estimator.json").exists() and (out / WEIGHTS).exists()
    if not there or read_card(out).training != card.training:
        weights = {key.removeprefix("net."): tensor for key, tensor in state.part("best").items()}
        save_estimator(card, weights, out)
    scores = {key: value for key, value in best.items() if key.startswith("error_") or key == "val_loss"}
    return TrainResult(out, state.epoch, state.seconds, state.finished, scores)


def _check_alike(stamps: StampSet, others: StampSet) -> None:
    if stamps.shape != others.shape or abs(stamps.pixel_scale / others.pixel_scale - 1) > 1e-6:
        raise InputError(f"{others.path}: its stamps have another shape or pixel scale than those of {stamps.path}")
