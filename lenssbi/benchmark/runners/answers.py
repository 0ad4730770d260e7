"""Results of a method for the stamps of a suite, stored in one small JSON file.

The file contains, for each stamp and parameter, the posterior's mean, the pull (truth - mean) / sigma and the mass below the
truth, and for each stamp the log of the density at the truth: everything that errors and coverage require. It also has the
hash of everything that it depends on (the stamps, the estimator, the version), so that a benchmark continues where it
stopped and a changed one starts again.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lenssbi.dataset.hdf5 import StampSet, blocks
from lenssbi.files import atomic
from lenssbi.flags import Flag
from lenssbi.pipelines.results import Progress
from lenssbi.refinement.config import NO_MODEL_ERROR, ModelErrorConfig
from lenssbi.refinement.model_error import widened
from lenssbi.status import InputError

if TYPE_CHECKING:
    from lenssbi.estimators.estimator import Estimator
    from lenssbi.posteriors import DiagonalMixture

DIGITS = 7
DRAWS = 1000  # number of draws of a posterior to which a model's error is added
ARRAYS = ("mean", "pulls", "below", "log_score", "flagged", "broad", "scores")


@dataclass(frozen=True)
class Answers:
    """Results of a method for a suite.

    Parameters
    ----------
    names
        Parameters that both the method and the suite have.
    mean
        Mean of the posterior in physical units, shape (stamp, parameter).
    pulls
        Pulls (truth - mean) / sigma, shape (stamp, parameter).
    below
        Mass of the marginal posterior below the truth, shape (stamp, parameter).
    log_score
        Natural log of the posterior's density at the truth, in physical units and before recalibration, shape (stamp,);
        empty if the suite lacks a true parameter.
    flagged
        Whether the stamp is flagged as unlike the training (0 or 1), shape (stamp,); empty if the method has no such flag.
    seconds
        Time [s].
    broad
        Whether the stamp has the flag `network_imprecise` (0 or 1), shape (stamp,); empty if the method has no such flag.
    scores
        Misspecification score of each stamp, shape (stamp,); empty if the method has none.
    """

    names: tuple[str, ...]
    mean: NDArray[np.float64]
    pulls: NDArray[np.float64]
    below: NDArray[np.float64]
    log_score: NDArray[np.float64]
    flagged: NDArray[np.float64]
    seconds: float
    broad: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    scores: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    @property
    def warned(self) -> NDArray[np.bool_]:
        """Whether any flag warns of the answer, shape (stamp,)."""
        warned = np.zeros(len(self.mean), dtype=bool)
        for raised in (self.flagged, self.broad):
            warned |= raised > 0 if len(raised) else False
        return warned


def reason_against(estimator: Estimator, stamps: StampSet) -> str | None:
    """Why an estimator does not apply to the stamps of a set; None if it does."""
    reason = estimator.applies_to(stamps.stamp(0))
    if reason is None and stamps.shape != estimator.field:
        reason = f"its stamps are of {stamps.shape} pixels, the estimator's of {estimator.field}"
    if reason is None:
        varies = np.ptp(stamps.params.get("slope", np.full(1, 2.0))) > 0
        if varies and "slope" not in estimator.space.names:
            reason = "its slopes vary, and the estimator does not infer them"
        elif not varies and "slope" in estimator.space.names:
            reason = "its lenses have one slope, and the estimator infers slopes"
    return reason


def predict_set(
    estimator: Estimator, stamps: StampSet, progress: Progress, error: ModelErrorConfig = NO_MODEL_ERROR
) -> Answers:
    """Apply an estimator to all stamps of a set, a block at a time; `error` is added to its posteriors, but not to log scores.

    Raises
    ------
    InputError
        If it was trained on these stamps, or they have no common parameter.
    """
    from lenssbi.calibration.coverage import deviates, marginal_cdf, stack
    from lenssbi.calibration.judgement import rows_of
    from lenssbi.estimators.misspecification import flags_of_answer, psf_widths

    if rows_of(estimator.card, stamps, None).start > 0:
        raise InputError(f"{stamps.path}: the estimator was trained on these stamps: give the suite another seed")
    params = stamps.params
    names = tuple(name for name in estimator.space.names if name in params)
    if not names:
        raise InputError(f"{stamps.path}: has none of the parameters {', '.join(estimator.space.names)}")
    columns = [estimator.space.names.index(name) for name in names]
    truths = np.stack([params[name] for name in names], axis=-1).astype(float)
    parts: dict[str, list[NDArray[np.float64]]] = {key: [] for key in ARRAYS}
    start = time.perf_counter()
    for rows in blocks(range(len(stamps))):
        images, noise = stamps.images(rows), stamps.noise(rows)
        mixtures, scores = estimator.predict_and_score(images, noise)
        if error.any:
            for key, values in _with_error(mixtures, names, truths[rows], error, rows.start).items():
                parts[key].append(values)
        else:
            found = stack(mixtures)
            found = found._replace(means=found.means[..., columns], sigmas=found.sigmas[..., columns], names=names)
            parts["mean"].append(found.means.mean(axis=1))
            parts["pulls"].append(deviates(found, truths[rows]))
            parts["below"].append(marginal_cdf(found, truths[rows]))
        if len(names) == len(estimator.space):
            parts["log_score"].append(np.asarray(estimator.log_prob(images, noise, truths[rows]), dtype=float))
        if estimator.reference is not None:
            widths = psf_widths(stamps, range(rows.start, rows.stop))
            raised = [flags_of_answer(estimator.card, *one) for one in zip(mixtures, scores, widths, strict=True)]
            for key, flag in (("flagged", Flag.MISSPECIFIED), ("broad", Flag.NETWORK_IMPRECISE)):
                parts[key].append(np.array([flag in one for one in raised], dtype=float))
            parts["scores"].append(scores[:, 0])
        progress(rows.stop, len(stamps), "predicting")
    seconds = time.perf_counter() - start
    arrays = {key: _rounded(np.concatenate(those)) if those else np.empty(0) for key, those in parts.items()}
    return Answers(names, **arrays, seconds=seconds)


def _with_error(
    mixtures: Sequence[DiagonalMixture],
    names: tuple[str, ...],
    truths: NDArray[np.float64],
    error: ModelErrorConfig,
    first: int,
) -> dict[str, NDArray[np.float64]]:
    """Mean, pull and mass below the truth of posteriors with the model's error, from draws; each of shape (stamp, parameter)."""
    found: dict[str, list[NDArray[np.float64]]] = {"mean": [], "pulls": [], "below": []}
    for index, (mixture, truth) in enumerate(zip(mixtures, truths, strict=True), start=first):
        draws = widened(mixture.sample(DRAWS, np.random.default_rng(index)).select(names), error, index)
        mean, sigma = draws.weights @ draws.values, np.sqrt(np.diag(draws.covariance()))
        found["mean"].append(mean)
        found["pulls"].append((truth - mean) / sigma)
        found["below"].append(draws.weights @ (draws.values < truth))
    return {key: np.stack(values) for key, values in found.items()}


def read_answers(path: Path, identity: str) -> Answers | None:
    """The results in a file; None if there are none, or they have another identity."""
    kept = read_kept(path, identity)
    if kept is None:
        return None
    arrays = {key: np.array(kept.get(key, []), dtype=float) for key in ARRAYS}
    return Answers(tuple(kept["names"]), **arrays, seconds=float(kept["seconds"]))


def write_answers(path: Path, identity: str, answers: Answers) -> None:
    """Store results.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    arrays = {key: getattr(answers, key).tolist() for key in ARRAYS}
    keep(path, identity, {"names": list(answers.names), "seconds": answers.seconds, **arrays})


def read_kept(path: Path, identity: str) -> dict[str, Any] | None:
    """The contents of a file; None if there is none, it is incomplete, or it has another identity."""
    try:
        kept = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return kept if isinstance(kept, dict) and kept.get("identity") == identity else None


def keep(path: Path, identity: str, value: dict[str, Any]) -> None:
    """Write a result with its identity."""
    with atomic(path) as temporary:
        temporary.write_text(json.dumps({"identity": identity, **value}))


def digest(*parts: str) -> str:
    """Hash of twelve hexadecimal digits."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values rounded to `DIGITS` digits, so that stored results give the same tables as new ones."""
    return np.array([float(f"{value:.{DIGITS}g}") for value in values.flat]).reshape(values.shape)
