"""`lenssbi train`: training of an estimator on sets of stamps or on populations.

The run's folder holds the state after each epoch (`training.safetensors`), `metrics.csv`, TensorBoard's `events`, and at
the end `training.png` and the estimator of the epoch with the lowest validation loss; those of an ensemble's networks are in
`member-0`, `member-1`, ... The same call again continues a killed run.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lenssbi.config import dump_yaml
from lenssbi.estimators.inputs import Inputs, training_inputs
from lenssbi.estimators.plan import TrainConfig, fingerprint
from lenssbi.pipelines.results import Progress, silent
from lenssbi.status import InputError

if TYPE_CHECKING:
    from lenssbi.estimators.state import TrainingState


@dataclass(frozen=True)
class TrainResult:
    """Path of the estimator, epochs and wall-clock time [s] of the training, reason for its end, and scores of the best epoch.

    For an ensemble, the epochs and seconds are those of all networks together and the scores are means.
    """

    path: Path
    epochs: int
    seconds: float
    finished: str
    scores: dict[str, float]

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        numbers = {"epochs": self.epochs, "seconds": round(self.seconds, 3)}
        return {"path": str(self.path), **numbers, "finished": self.finished, "scores": self.scores}


def run(
    config: TrainConfig,
    data: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    validation: str | Path | None = None,
    base: str | Path = ".",
    progress: Progress = silent,
) -> TrainResult:
    """Train an estimator, or continue.

    Parameters
    ----------
    config
        Configuration and length of the training; a longer plan may continue a shorter one.
    data
        One set or several; empty if the plan uses fresh stamps.
    out
        Folder of the run.
    validation
        Another set to validate on; None uses the last stamps of each of `data`, or fresh ones that are in no epoch.
    base
        Folder to which the populations of fresh stamps are relative: that of the configuration's file.
    progress
        Function that is called with (done, total, text).

    Raises
    ------
    InputError
        If a set cannot be read, or `out` contains another training or cannot be written.
    """
    from lenssbi.estimators.training import is_first_process

    out, data = Path(out), [data] if isinstance(data, str | Path) else data
    folders = [out] if config.ensemble == 1 else [out / f"member-{i}" for i in range(config.ensemble)]
    _check_folder(out, len(folders))
    progress = progress if is_first_process() else silent
    with training_inputs(config, data, validation, Path(base), progress) as inputs:
        states = [train_member(config, i, inputs, folder, progress) for i, folder in enumerate(folders)]
    if not is_first_process():
        sys.exit()  # of several processes of a training, only the first one writes results
    return finish(config, states, inputs, out)


def train_member(config: TrainConfig, index: int, inputs: Inputs, folder: Path, progress: Progress) -> TrainingState:
    """Train one network, or continue its training, and draw its curves."""
    from lenssbi.estimators.metrics import write_metrics
    from lenssbi.estimators.training import is_first_process, train_network
    from lenssbi.plots.style import save
    from lenssbi.plots.training import training_figure

    def show(done: int, total: int, text: str) -> None:
        progress(done, total, f"network {index + 1} of {config.ensemble}, {text}" if config.ensemble > 1 else text)

    member = config.member(index)
    identity = f"{fingerprint(member)} {inputs.identity}"
    state = train_network(member, (inputs.training, inputs.validation), inputs.shape, identity, folder, show)
    if is_first_process():
        write_metrics(state.history, folder)  # the last run may have been killed before it wrote this file
        columns = {name: [row[name] for row in state.history] for name in state.history[0]}
        save(training_figure(columns), folder / "training.png")
    return state


def finish(config: TrainConfig, states: Sequence[TrainingState], inputs: Inputs, out: Path) -> TrainResult:
    """Write the estimator of the best epochs, unless it exists (it may be calibrated)."""
    from lenssbi.estimators.checkpoint import WEIGHTS, EstimatorCard, ParameterCard, read_card, save_estimator
    from lenssbi.estimators.densities import pack

    bests = [min(state.history, key=lambda row: row["val_loss"]) for state in states]
    done: list[dict[str, Any]] = [
        {"epochs": state.epoch, "seconds": round(state.seconds, 1), "finished": state.finished, "best": best}
        for state, best in zip(states, bests, strict=True)
    ]
    stored = config.model_copy(update={"start_from": config.start_from and Path(config.start_from).name})
    identity = f"{fingerprint(config)} {inputs.identity}"
    card = EstimatorCard(
        name=config.name,
        network=config.network,
        density=config.density,
        members=len(states),
        symmetric=config.symmetric and inputs.shape[0] == inputs.shape[1],
        preprocessing=config.preprocessing,
        parameters=tuple(ParameterCard(**p) for p in config.space.as_json()),
        field=inputs.shape,
        pixel_scale=inputs.pixel_scale,
        band=inputs.band,
        psf_fwhm=inputs.psf_fwhm,
        passes=config.passes,
        seed=config.seed,
        training={
            "identity": identity,
            **inputs.provenance,
            "config": dump_yaml(stored),
            **(done[0] if len(done) == 1 else {"members": done}),
        },
    )
    exists = (out / "estimator.json").exists() and (out / WEIGHTS).exists()
    if not exists or read_card(out).training != card.training:
        save_estimator(card, pack([state.part("best") for state in states]), out)
    kept = [name for name in bests[0] if name.startswith("error_") or name == "val_loss"]
    scores = {name: sum(best[name] for best in bests) / len(bests) for name in kept}
    epochs, seconds = sum(state.epoch for state in states), sum(state.seconds for state in states)
    return TrainResult(out, epochs, seconds, states[-1].finished, scores)


def _check_folder(out: Path, members: int) -> None:
    from lenssbi.estimators.state import FILE

    if (members == 1 and (out / "member-0").exists()) or (members > 1 and (out / FILE).exists()):
        kind = "an ensemble" if members == 1 else "a single network"
        raise InputError(f"{out}: holds the training of {kind}: choose another folder with --out")
