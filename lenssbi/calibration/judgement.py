"""Judgement of a calibration on stamps that nothing was fitted to: as a whole, in splits, and by sbi's tests.

Coverage misses nominal if |share - level| > tolerance + 2 sqrt(level (1 - level) / stamps), with one tolerance for all
stamps and another for the splits of at least 200 stamps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from lenssbi.dataset.hdf5 import StampSet, blocks
from lenssbi.status import InputError

if TYPE_CHECKING:
    from lenssbi.calibration.coverage import Passes, Table
    from lenssbi.calibration.lc2st import LocalTest
    from lenssbi.calibration.ranks import Finding, Ranks
    from lenssbi.calibration.splits import Split
    from lenssbi.estimators.checkpoint import EstimatorCard
    from lenssbi.estimators.estimator import Estimator
    from lenssbi.estimators.recalibration import Recalibration

Method = Literal["scale", "level", "both", "auto"]
Progress = Callable[[int, int, str], None]
FEWEST = 40  # smallest number of stamps for a judgement
LC2ST_STAMPS = 1000  # largest number of stamps in the local test


@dataclass(frozen=True)
class Tolerance:
    """Allowed difference of coverage from nominal beyond the scatter of the count: for all stamps, and for a split."""

    overall: float = 0.02
    split: float = 0.05

    def of(self, split: Split) -> float:
        """Tolerance for a split; infinite for a split with too few stamps."""
        from lenssbi.calibration.splits import EVERYTHING

        if split.name == EVERYTHING:
            return self.overall
        return float("inf") if split.small else self.split


USUAL = Tolerance()


@dataclass(frozen=True)
class Judged:
    """Coverage of some stamps by both definitions, before and after the recalibration.

    Parameters
    ----------
    split
        The stamps.
    before, after
        "credible" and "sigma" -> parameter -> level -> share.
    misses
        (parameter, level) of the credible intervals that miss nominal after the recalibration.
    """

    split: Split
    before: dict[str, Table]
    after: dict[str, Table]
    misses: list[tuple[str, str]]

    @property
    def stamps(self) -> int:
        """Number of stamps."""
        return int(self.split.rows.sum())

    def sentences(self) -> Iterator[str]:
        """One sentence for each miss."""
        for name, level in self.misses:
            share = self.after["credible"][name][level]
            yield (
                f"{name}, {self.split.name}: {100 * share:.1f} per cent of {self.stamps:,} truths inside the "
                f"{100 * float(level):.1f} per cent interval"
            )


class Diagnostics(NamedTuple):
    """sbi's tests of the recalibrated posteriors, and the ranks of the truths as trained and recalibrated."""

    recalibrated: Passes
    ranks: tuple[Ranks, Ranks]
    findings: list[Finding]


def examine(
    raw: Passes, truths: np.ndarray, recalibration: Recalibration, parts: list[Split], tolerance: Tolerance
) -> tuple[tuple[Judged, ...], Diagnostics]:
    """Judge a recalibration on stamps that it was not fitted to, as a whole and in parts."""
    from lenssbi.calibration.ranks import findings, rank
    from lenssbi.calibration.recalibration import recalibrate

    recalibrated = recalibrate(raw, recalibration)
    parts = [part for part in parts if part.rows.any()]
    judged = tuple(judge((raw, recalibrated), truths, part, tolerance) for part in parts)
    ranks = rank(raw, truths), rank(recalibrated, truths)
    return judged, Diagnostics(recalibrated, ranks, findings(ranks[1], parts))


def local_test(
    posteriors: Passes, truths: np.ndarray, estimator: Estimator, stamps: StampSet, rows: range
) -> LocalTest:
    """LC2ST on the embeddings, posteriors and truths of the first `LC2ST_STAMPS` of the stamps `rows`."""
    from lenssbi.calibration.lc2st import lc2st

    rows = rows[:LC2ST_STAMPS]
    features = np.concatenate([estimator.embed(stamps.images(where), stamps.noise(where)) for where in blocks(rows)])
    return lc2st(posteriors.take(slice(0, len(rows))), truths[: len(rows)], features)


def fit(posteriors: Passes, truths: np.ndarray, method: Method) -> Recalibration:
    """Fit a recalibration with a method, or with the best one."""
    from lenssbi.calibration.recalibration import choose_method, fit_recalibration

    return fit_recalibration(posteriors, truths, choose_method(posteriors, truths) if method == "auto" else method)


def judge(posteriors: tuple[Passes, Passes], truths: np.ndarray, split: Split, tolerance: Tolerance) -> Judged:
    """Coverage of some of the stamps by posteriors as trained and recalibrated."""
    from lenssbi.calibration.coverage import credible_coverage, misses, sigma_coverage

    measures = {"credible": credible_coverage, "sigma": sigma_coverage}
    before, after = (
        {key: measure(p.take(split.rows), truths[split.rows]) for key, measure in measures.items()} for p in posteriors
    )
    return Judged(split, before, after, misses(after["credible"], int(split.rows.sum()), tolerance.of(split)))


def rows_of(card: EstimatorCard, stamps: StampSet, limit: int | None, fewest: int = 1) -> range:
    """Rows of the set that the estimator has not been trained on, at most `limit` and not below `fewest`."""
    if stamps.shape != card.field or abs(stamps.pixel_scale / card.pixel_scale - 1) > 0.02:
        raise InputError(
            f"{stamps.path}: its stamps are {stamps.shape} pixels of {stamps.pixel_scale:g} arcsec, those of the estimator "
            f"{card.field} of {card.pixel_scale:g}: simulate a set with the estimator's camera"
        )
    trained = _trained_on(card, stamps)
    stop = min(len(stamps), trained + limit) if limit else len(stamps)
    if stop - trained < fewest:
        raise InputError(
            f"{stamps.path}: leaves {max(stop - trained, 0)} stamps that the estimator was not trained on, too few to judge it: "
            "simulate another set with --seed"
        )
    return range(trained, stop)


def _trained_on(card: EstimatorCard, stamps: StampSet) -> int:
    """Number of the set's stamps, the first ones, that the estimator was trained on."""
    wanted = str(stamps.attributes["config"]), int(stamps.attributes["seed"])
    for known in card.training.get("sets", [card.training.get("set", {})]):
        if (known.get("config"), known.get("seed")) == wanted:
            return int(known.get("trained_on", card.training.get("trained_on", known.get("stamps", 0))))
    return 0


def predict_all(estimator: Estimator, stamps: StampSet, rows: range, progress: Progress) -> Passes:
    """The uncalibrated posteriors of the stamps `rows`."""
    from lenssbi.calibration.coverage import stack

    mixtures = []
    for where in blocks(rows):
        mixtures += estimator.predict(stamps.images(where), stamps.noise(where), recalibrated=False)
        progress(len(mixtures), len(rows), "predicting")
    return stack(mixtures)
