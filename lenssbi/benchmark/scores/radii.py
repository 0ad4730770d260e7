"""Errors of a network's Einstein radii, shares of gross errors, and separation of unfamiliar stamps by its score.

NMAD       1.4826 times the median distance of the error from its median
gross      share of the stamps with an error of einstein_radius above 15 per cent
unflagged  share of the stamps with a gross error and no flag
broad      share of the stamps whose answer is flagged as imprecise
area       under the ROC curve of the score: the probability that a stamp of a suite scores higher than one of the references
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from lenssbi.arrays import FloatArray
from lenssbi.benchmark.runners.answers import Answers
from lenssbi.benchmark.scores.shares import Row, share_columns
from lenssbi.calibration.scores import gross, nmad, rms

BRIGHT = 50.0  # S/N above which ellipticities are judged


def radii(answers: Answers, truths: Mapping[str, NDArray[Any]], snr: NDArray[Any] | None) -> Iterator[Row]:
    """One row, if the method infers einstein_radius.

    Parameters
    ----------
    answers
        Answers of one method for one suite.
    truths
        True parameters of the suite, each of shape (stamp,).
    snr
        S/N of the arcs, shape (stamp,); None if it is not known.
    """
    if "einstein_radius" not in answers.names:
        return
    away = _errors(answers, truths, "einstein_radius")
    wrong = gross(away, np.asarray(truths["einstein_radius"], dtype=float))
    bright = np.ones(len(wrong), bool) if snr is None else np.asarray(snr) > BRIGHT
    row: Row = {"stamps": len(wrong), "nmad": float(nmad(away)), "rms": float(rms(away))}
    row |= share_columns("gross", wrong) | share_columns("unflagged", wrong & ~answers.warned)
    row["broad"] = float(np.mean(answers.broad)) if len(answers.broad) else None
    for name in ("e1", "e2"):
        known = name in answers.names and bright.any()
        row[f"rms_{name}"] = float(rms(_errors(answers, truths, name)[bright])) if known else None
    yield {**row, "bright": int(bright.sum())}


def areas(scores: Mapping[str, FloatArray], references: Sequence[str]) -> Iterator[Row]:
    """A row for each suite that is not a reference: the area under the ROC curve with its error (Hanley & McNeil 1982).

    Parameters
    ----------
    scores
        Misspecification scores of the stamps, by suite.
    references
        Suites of stamps like those of the training.
    """
    usual = [scores[name] for name in references if len(scores.get(name, ()))]
    if not usual:
        return
    plain = np.concatenate(usual)
    for suite, values in scores.items():
        if suite in references or not len(values):
            continue
        area = float(stats.mannwhitneyu(values, plain).statistic) / (len(values) * len(plain))
        yield {"suite": suite, "stamps": len(values), "references": len(plain), "area": area} | {
            "scatter": _error_of_area(area, len(values), len(plain))
        }


def _error_of_area(area: float, strange: int, plain: int) -> float:
    """Standard error of an area from the numbers of stamps of either kind (Hanley & McNeil 1982, eqs. 1 and 2)."""
    first, second = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (strange - 1) * (first - area**2) + (plain - 1) * (second - area**2)
    return float(np.sqrt(max(variance, 0.0) / (strange * plain)))


def _errors(answers: Answers, truths: Mapping[str, NDArray[Any]], name: str) -> FloatArray:
    return answers.mean[:, answers.names.index(name)] - np.asarray(truths[name], dtype=float)
