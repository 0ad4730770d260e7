"""How well reviewers agree beyond chance: Cohen's kappa for two of them, Fleiss' for more.

    kappa = (P - P_e) / (1 - P_e)

with the observed share P of agreeing pairs, and P_e of pairs that would agree by chance (Cohen 1960, Educational and Psychological
Measurement 20, 37, equation 1; Fleiss 1971, Psychological Bulletin 76, 378, pages 379 to 380). 1 is perfect, 0 is chance.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import NamedTuple

import numpy as np

from lenssbi.catalogue.verdicts import Verdict


class Agreement(NamedTuple):
    """Agreement of reviewers on the lenses that all of them judged; `kappa` is NaN if all of their verdicts are one."""

    measure: str
    kappa: float
    lenses: int
    reviewers: int


def agreement(labels: Sequence[Sequence[str]]) -> Agreement:
    """Cohen's kappa of two reviewers, Fleiss' of more.

    Parameters
    ----------
    labels
        Category that each reviewer chose for each lens, shape (lens, reviewer).

    Examples
    --------
    >>> agreement([["a", "a"], ["b", "b"], ["a", "b"], ["b", "a"]])
    Agreement(measure="Cohen's kappa", kappa=0.0, lenses=4, reviewers=2)
    """
    chosen = np.array(labels, dtype=str)
    lenses, reviewers = chosen.shape
    if reviewers > 2:
        return Agreement("Fleiss' kappa", fleiss_kappa(_counts(chosen)), lenses, reviewers)
    if np.unique(chosen).size == 1:  # chance alone agrees always
        return Agreement("Cohen's kappa", float("nan"), lenses, reviewers)
    from sklearn.metrics import cohen_kappa_score

    with warnings.catch_warnings(action="ignore"):
        return Agreement("Cohen's kappa", float(cohen_kappa_score(chosen[:, 0], chosen[:, 1])), lenses, reviewers)


def agreement_of(counted: Mapping[str, Sequence[Verdict]]) -> Agreement | None:
    """Agreement of reviewers on the lenses that all of them judged; None for a single one, and if there is no such lens.

    Parameters
    ----------
    counted
        Verdicts that count, by the name of the lens.
    """
    reviewers = sorted({one.reviewer for several in counted.values() for one in several})
    by_all = [{one.reviewer: one.verdict for one in several} for several in counted.values()]
    labels = [[said[name] for name in reviewers] for said in by_all if len(said) == len(reviewers)]
    return agreement(labels) if len(reviewers) > 1 and labels else None


def agreement_in_words(found: Agreement) -> str:
    """The agreement of reviewers as a sentence."""
    who = f"of {found.reviewers} reviewers on {found.lenses:,} lenses that all of them judged"
    if not isfinite(found.kappa):
        return f"{found.measure} {who} is not defined: all verdicts are the same"
    return f"{found.measure} {who}: {found.kappa:.2f} (1 perfect, 0 chance)"


def fleiss_kappa(counts: np.ndarray) -> float:
    """Agreement of a fixed number of raters (Fleiss 1971, pages 379 to 380; the comments give his symbols).

    Parameters
    ----------
    counts
        Number of raters who chose each category, shape (subject, category); every row has the same sum, at least 2.

    Returns
    -------
    Kappa; NaN if all raters chose one category for all subjects.

    Raises
    ------
    ValueError
        If the rows have different sums.
    """
    counts = np.asarray(counts, dtype=float)
    raters = counts.sum(axis=1)
    if not len(counts) or raters.min() != raters.max() or raters[0] < 2:
        raise ValueError(
            "Fleiss' kappa needs at least one subject, and the same number of raters, two or more, for all"
        )
    n = raters[0]
    share = counts.sum(axis=0) / counts.sum()  # p_j
    observed = ((counts**2).sum(axis=1) - n) / (n * (n - 1))  # P_i
    chance = float((share**2).sum())  # P_e
    return float((observed.mean() - chance) / (1 - chance)) if chance < 1 else float("nan")


def _counts(chosen: np.ndarray) -> np.ndarray:
    return np.stack([(chosen == name).sum(axis=1) for name in np.unique(chosen)], axis=1)
