"""Rows of the tables from answers and truths, for all stamps and for every split.

The error of a parameter is the paper's: half the 68 per cent interval of predicted minus true, orientations wrapped
(Pearson et al. 2021, section 4). Its scatter is that of bootstrap draws of the stamps. Coverage has both
definitions of `calibration/coverage.py`; the largest deviation from nominal is that of the credible intervals, since
|truth - mean| < k sigma contains the nominal share of the truths for Gaussian posteriors only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lenssbi.benchmark.config import JUDGED, Paper
from lenssbi.benchmark.runners.answers import Answers
from lenssbi.benchmark.scores.shares import Row, share_columns
from lenssbi.calibration.scores import LEVELS, binomial_error, claimed, errors
from lenssbi.calibration.splits import Split

FEWEST = 20  # smallest number of stamps for percentiles
RESAMPLES = 100
FAR = 3.0  # [sigma]


def accuracy(answers: Answers, truths: Mapping[str, Any], splits: list[Split], paper: Paper | None) -> Iterator[Row]:
    """A row for each split and parameter, with the paper's error and the wanted one.

    Parameters
    ----------
    answers
        Answers of one method for one suite.
    truths
        True parameters of the suite, each of shape (stamp,).
    splits
        Splits of the suite; the first contains all stamps.
    paper
        Values of the paper for this suite.
    """
    true = np.stack([truths[name] for name in answers.names], axis=-1).astype(float)
    published = paper.errors if paper else {}
    for split in splits:
        count = int(split.rows.sum())
        if count < FEWEST and split is not splits[0]:
            continue
        for name, (error, scatter) in _errors(answers.names, answers.mean[split.rows], true[split.rows]).items():
            number = published.get(name)
            wanted = None if number is None or paper is None else number * paper.wanted
            row = {"split": split.name, "stamps": count, "parameter": name, "unit": JUDGED[name]}
            yield {**row, "error": error, "scatter": scatter, "paper": number, "wanted": wanted}


def coverage(answers: Answers, splits: list[Split]) -> Iterator[Row]:
    """A row for all stamps and each split of at least 200, and each parameter: coverage by both definitions [0-1]."""
    for split in splits:
        if split.small and split is not splits[0]:
            continue
        count = int(split.rows.sum())
        for i, name in enumerate(answers.names):
            nearer, pulls = claimed(answers.below[split.rows, i]), np.abs(answers.pulls[split.rows, i])
            shares: Row = {}
            for label, level in LEVELS.items():
                shares |= share_columns(f"credible_{label}", nearer < level, f"low_{label}", f"high_{label}")
            credible = {label: shares[f"credible_{label}"] for label in LEVELS}
            sigma = {label: float(np.mean(pulls < k)) for k, label in enumerate(LEVELS, start=1)}
            largest = max(LEVELS, key=lambda label: abs(credible[label] - LEVELS[label]))
            yield {
                "split": split.name,
                "stamps": count,
                "parameter": name,
                **{f"credible_{label}": share for label, share in credible.items()},
                **{f"sigma_{label}": share for label, share in sigma.items()},
                "largest_deviation": credible[largest] - LEVELS[largest],
                "at": largest,
                "scatter": binomial_error(LEVELS[largest], count),
                **shares,
            }


def log_score(answers: Answers, splits: list[Split]) -> Iterator[Row]:
    """A row for all stamps and each split of at least 200: the mean log density at the truth [nats], and its error."""
    if not len(answers.log_score):
        return
    for split in splits:
        if split.small and split is not splits[0]:
            continue
        values = answers.log_score[split.rows]
        row = {"split": split.name, "stamps": len(values), "parameters": " ".join(answers.names)}
        yield {**row, "log_score": float(values.mean()), "scatter": float(values.std() / np.sqrt(len(values)))}


def misspecification(answers: Answers) -> Iterator[Row]:
    """One row, if the method has a misspecification flag: share flagged, number with an error above 3 sigma, and share of these flagged.

    The shares with any flag are `warned` and `warned_of_far`.
    """
    if not len(answers.flagged):
        return
    far = (np.abs(answers.pulls) > FAR).any(axis=1)
    of_far, warned_of_far = (
        float(raised[far].mean()) if far.any() else None for raised in (answers.flagged, answers.warned)
    )
    yield {
        "stamps": len(answers.pulls),
        "flagged": float(answers.flagged.mean()),
        "far": int(far.sum()),
        "flagged_of_far": of_far,
        "warned": float(answers.warned.mean()),
        "warned_of_far": warned_of_far,
    }


def _errors(
    names: tuple[str, ...], predicted: NDArray[np.float64], true: NDArray[np.float64]
) -> dict[str, tuple[float, float]]:
    """Error and its scatter of every judged parameter."""
    rng = np.random.default_rng(0)
    draws = (rng.integers(len(true), size=len(true)) for _ in range(RESAMPLES))
    again = [errors(names, predicted[rows], true[rows]) for rows in draws]
    found = errors(names, predicted, true)
    return {name: (found[name], float(np.std([e[name] for e in again]))) for name in JUDGED if name in found}
