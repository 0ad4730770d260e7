"""`lenssbi calibrate`: how often is the estimator right, and what makes it right as often as it says.

Every other stamp of the set is used to fit the recalibration, the others to judge it, as a whole and in splits. What is found
goes into the estimator's folder:

    estimator.json          the recalibration, and the coverage before and after
    coverage.csv, .png      coverage of all stamps and, in the table, of every split
    splits.png              coverage of the recalibrated posteriors in every split
    diagnostics.csv, .png   sbi's tests: SBC, expected coverage, TARP, LC2ST
    misspecification.*      what stamps like those of the training look like (`calibration/misspecification.py`)
    detector.*              the network that tells other stamps, of an estimator of observed ones (`calibration/detector.py`)

Coverage misses nominal where |share - level| > tolerance + 2 sqrt(level (1 - level) / stamps), with one tolerance for all
stamps and another for the splits of at least 200 stamps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from lenssbi.dataset.hdf5 import StampSet, blocks
from lenssbi.pipelines.results import Progress, silent
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
FEWEST = 40
LC2ST_STAMPS = 1000  # stamps whose embedding the local test is given, at most


@dataclass(frozen=True)
class Tolerance:
    """How far coverage may be from nominal beyond the scatter of the count: of all stamps, and of a split."""

    overall: float = 0.02
    split: float = 0.05

    def of(self, split: Split) -> float:
        """The tolerance of a split; that of one with too few stamps has no end."""
        from lenssbi.calibration.splits import EVERYTHING

        if split.name == EVERYTHING:
            return self.overall
        return float("inf") if split.small else self.split


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
        """How many."""
        return int(self.split.rows.sum())

    def sentences(self) -> Iterator[str]:
        """Each miss in words."""
        for name, level in self.misses:
            share = self.after["credible"][name][level]
            yield (
                f"{name}, {self.split.name}: {100 * share:.1f} per cent of {self.stamps:,} truths inside the "
                f"{100 * float(level):.1f} per cent interval"
            )


@dataclass(frozen=True)
class CalibrateResult:
    """What was found on the stamps that the recalibration was not fitted to, and where the files are."""

    path: Path
    method: str
    judged: tuple[Judged, ...]
    findings: tuple[Finding, ...]

    @property
    def stamps(self) -> int:
        """Stamps judged."""
        return self.judged[0].stamps

    @property
    def coverage(self) -> Table:
        """Of the central credible intervals, of all stamps, recalibrated."""
        return self.judged[0].after["credible"]

    @property
    def before(self) -> Table:
        """The same as trained."""
        return self.judged[0].before["credible"]

    @property
    def misses(self) -> list[str]:
        """Where coverage misses nominal, in words."""
        return [sentence for judged in self.judged for sentence in judged.sentences()]

    @property
    def passed(self) -> bool:
        """Whether coverage misses nominal nowhere."""
        return not self.misses

    def as_json(self) -> dict[str, Any]:
        """The command's JSON object."""
        found = {"coverage": self.coverage, "passed": self.passed, "before": self.before, "stamps": self.stamps}
        splits = {j.split.name: {"stamps": j.stamps, "coverage": j.after["credible"]} for j in self.judged[1:]}
        files = {"path": self.path, "table": self.path / "coverage.csv", "figure": self.path / "coverage.png"}
        more = {"method": self.method, "misses": self.misses, "splits": splits}
        return {
            **found,
            **more,
            "findings": [f._asdict() for f in self.findings],
            **{k: str(v) for k, v in files.items()},
        }


def run(
    folder: str | Path,
    data: str | Path,
    *,
    method: Method = "auto",
    tolerance: Tolerance = Tolerance(),
    limit: int | None = None,
    detector: dict[str, Any] | None = None,
    progress: Progress = silent,
) -> CalibrateResult:
    """Calibrate an estimator.

    Parameters
    ----------
    folder
        Of the estimator.
    data
        A set that it was not trained on; of its own set, the stamps that were kept for validation are taken.
    method
        What to fit: scale and tail, the map of levels, that on top of the scale, or what does best on held-out stamps.
    tolerance
        How far coverage may be from nominal.
    limit
        Use at most so many stamps.
    detector
        Entries of `DetectorPlan`, for the detector of an estimator of observed stamps, that are not the defaults.
    progress
        Called with (done, total, text).

    Raises
    ------
    InputError
        Where the estimator or the set cannot be used, or the folder cannot be written.
    """
    from lenssbi.calibration.coverage import truths_of
    from lenssbi.calibration.detector import DetectorPlan
    from lenssbi.calibration.misspecification import fit_reference
    from lenssbi.calibration.splits import splits
    from lenssbi.estimators.load import load_estimator
    from lenssbi.pipelines.calibration_files import store, write_all

    folder = Path(folder)
    estimator = load_estimator(folder)
    with StampSet(data) as stamps:
        rows = rows_of(estimator.card, stamps, limit, FEWEST)
        truths = truths_of(estimator, stamps)[rows.start : rows.stop]
        posteriors = predict_all(estimator, stamps, rows, progress)
        progress(0, 3, "recalibrating")
        recalibration = fit(posteriors.take(slice(0, None, 2)), truths[::2], method)
        parts = [split.of(slice(rows.start + 1, rows.stop, 2)) for split in splits(stamps)]
        judged, tests = examine(posteriors.take(slice(1, None, 2)), truths[1::2], recalibration, parts, tolerance)
        progress(1, 3, "LC2ST")
        local = local_test(tests.mended, truths[1::2], estimator, stamps, rows[1::2])
        findings = (*tests.findings, *local.findings())
        result = CalibrateResult(folder, recalibration.method, judged, findings)
        progress(2, 3, "writing")
        store(estimator.card, recalibration, result, Path(data).name)
        write_all(result, tests.ranks, local, tolerance)
        fit_reference(estimator, stamps, rows, folder, progress, DetectorPlan(**(detector or {})))
    return result


class Tests(NamedTuple):
    """sbi's tests of the recalibrated posteriors, and the ranks of the truths as trained and recalibrated."""

    mended: Passes
    ranks: tuple[Ranks, Ranks]
    findings: list[Finding]


def examine(
    raw: Passes, truths: np.ndarray, recalibration: Recalibration, parts: list[Split], tolerance: Tolerance
) -> tuple[tuple[Judged, ...], Tests]:
    """Judge a recalibration on stamps that it was not fitted to, as a whole and in parts."""
    from lenssbi.calibration.ranks import findings, rank
    from lenssbi.calibration.recalibration import recalibrate

    mended = recalibrate(raw, recalibration)
    parts = [part for part in parts if part.rows.any()]
    judged = tuple(judge((raw, mended), truths, part, tolerance) for part in parts)
    ranks = rank(raw, truths), rank(mended, truths)
    return judged, Tests(mended, ranks, findings(ranks[1], parts))


def local_test(
    posteriors: Passes, truths: np.ndarray, estimator: Estimator, stamps: StampSet, rows: range
) -> LocalTest:
    """LC2ST on the embeddings of the first `LC2ST_STAMPS` of the stamps `rows`, whose posteriors and truths these are."""
    from lenssbi.calibration.lc2st import lc2st

    rows = rows[:LC2ST_STAMPS]
    features = np.concatenate([estimator.embed(stamps.images(where), stamps.noise(where)) for where in blocks(rows)])
    return lc2st(posteriors.take(slice(0, len(rows))), truths[: len(rows)], features)


def fit(posteriors: Passes, truths: np.ndarray, method: Method) -> Recalibration:
    """Fit a recalibration by a method, or by the one that does best."""
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
    """How many of the set's stamps the estimator was trained on: the first ones."""
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
