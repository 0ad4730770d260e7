"""`lenssbi calibrate`: how often is the estimator right, and what makes it right as often as it says.

Every other stamp of the set is used to fit the recalibration, the others to judge it. The recalibration goes into
`estimator.json`, the coverage before and after into `coverage.csv` and `coverage.png` beside it.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lenssbi.dataset.hdf5 import StampSet
from lenssbi.files import atomic
from lenssbi.pipelines.results import Progress, silent
from lenssbi.status import InputError

if TYPE_CHECKING:
    from lenssbi.calibration.coverage import Passes, Table
    from lenssbi.estimators.checkpoint import EstimatorCard
    from lenssbi.estimators.estimator import Estimator

FEWEST = 8
BLOCK = 256  # stamps read at a time


@dataclass(frozen=True)
class CalibrateResult:
    """Coverage after the recalibration, on the stamps that it was not fitted to, and where the files are."""

    path: Path
    coverage: Table
    before: Table
    passed: bool
    stamps: int
    table: Path
    figure: Path

    def as_json(self) -> dict[str, Any]:
        """The command's JSON object."""
        files = {"path": str(self.path), "table": str(self.table), "figure": str(self.figure)}
        return {"coverage": self.coverage, "passed": self.passed, "before": self.before, "stamps": self.stamps, **files}


class Judged(NamedTuple):
    """Coverage of one set of posteriors by both definitions."""

    credible: Table
    sigma: Table


def run(
    folder: str | Path, data: str | Path, *, limit: int | None = None, progress: Progress = silent
) -> CalibrateResult:
    """Calibrate an estimator.

    Parameters
    ----------
    folder
        Of the estimator.
    data
        A set that it was not trained on; of its own set, the stamps that were kept for validation are taken.
    limit
        Use at most so many stamps.
    progress
        Called with (done, total, text).

    Raises
    ------
    InputError
        Where the estimator or the set cannot be used, or the folder cannot be written.
    """
    from lenssbi.calibration.coverage import credible_coverage, passed, sigma_coverage
    from lenssbi.calibration.recalibration import fit_recalibration, recalibrate
    from lenssbi.estimators.load import load_estimator

    folder = Path(folder)
    estimator = load_estimator(folder)
    with StampSet(data) as stamps:
        rows = rows_of(estimator.card, stamps, limit)
        truths = truths_of(estimator, stamps)[rows.start : rows.stop]
        posteriors = predict_all(estimator, stamps, rows, progress)
    fitted, judged = slice(0, None, 2), slice(1, None, 2)
    recalibration = fit_recalibration(posteriors.take(fitted), truths[fitted])
    raw = posteriors.take(judged)
    mended = recalibrate(raw, recalibration)
    before, after = (
        Judged(credible_coverage(p, truths[judged]), sigma_coverage(p, truths[judged])) for p in (raw, mended)
    )
    count = len(truths[judged])
    table, figure = folder / "coverage.csv", folder / "coverage.png"
    write_table(before, after, count, table)
    draw(before.credible, after.credible, count, figure)
    store(estimator.card, recalibration, before.credible, after.credible, count, Path(data).name, folder)
    good = passed(after.credible)
    return CalibrateResult(folder, after.credible, before.credible, good, count, table, figure)


def rows_of(card: EstimatorCard, stamps: StampSet, limit: int | None) -> range:
    """Rows of the set that the estimator has not been trained on."""
    if stamps.shape != card.field or abs(stamps.pixel_scale / card.pixel_scale - 1) > 0.02:
        raise InputError(
            f"{stamps.path}: its stamps are {stamps.shape} pixels of {stamps.pixel_scale:g} arcsec, those of the estimator "
            f"{card.field} of {card.pixel_scale:g}: simulate a set with the estimator's camera"
        )
    own = card.training.get("set", {})
    attributes = stamps.attributes
    seen = own.get("config") == str(attributes["config"]) and own.get("seed") == int(attributes["seed"])
    trained = int(card.training.get("trained_on", own.get("stamps", 0))) if seen else 0
    stop = min(len(stamps), trained + limit) if limit else len(stamps)
    if stop - trained < FEWEST:
        raise InputError(
            f"{stamps.path}: leaves {max(stop - trained, 0)} stamps that the estimator was not trained on, too few to judge it: "
            "simulate another set with --seed"
        )
    return range(trained, stop)


def truths_of(estimator: Estimator, stamps: StampSet) -> np.ndarray:
    """True values of all stamps, shape (stamp, parameter)."""
    try:
        return estimator.space.stack(stamps.params)
    except ValueError as error:
        raise InputError(f"{stamps.path}: {error}: simulate a set of the estimator's parameters") from None


def predict_all(estimator: Estimator, stamps: StampSet, rows: range, progress: Progress) -> Passes:
    """The uncalibrated posteriors of the stamps `rows`."""
    from lenssbi.calibration.coverage import stack

    mixtures = []
    for start in range(rows.start, rows.stop, BLOCK):
        where = slice(start, min(start + BLOCK, rows.stop))
        mixtures += estimator.predict(stamps.images(where), stamps.noise(where), recalibrated=False)
        progress(where.stop - rows.start, len(rows), "predicting")
    return stack(mixtures)


def write_table(before: Judged, after: Judged, count: int, path: Path) -> None:
    """Write `coverage.csv`: one row per definition, parameter and level."""
    from lenssbi.calibration.coverage import LEVELS, binomial_error

    with atomic(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["interval", "parameter", "nominal", "before", "after", "error", "stamps"])
        for interval in Judged._fields:
            one, other = getattr(before, interval), getattr(after, interval)
            for name in one:
                for label, level in LEVELS.items():
                    numbers = (level, one[name][label], other[name][label], binomial_error(level, count))
                    writer.writerow([interval, name, *(f"{x:.4f}" for x in numbers), count])


def draw(before: Table, after: Table, count: int, path: Path) -> None:
    """Draw `coverage.png`."""
    from lenssbi.plots.coverage import coverage_figure

    with atomic(path) as temporary:
        coverage_figure(before, after, count).savefig(temporary, dpi=150)


def store(
    card: EstimatorCard, recalibration: Any, before: Table, after: Table, count: int, name: str, folder: Path
) -> None:
    """Put the calibration into the card."""
    from lenssbi.estimators.checkpoint import CalibrationCard, RecalibrationCard, save_card

    entries = zip(recalibration.names, recalibration.scale, recalibration.tail, strict=True)
    stretches = {key: RecalibrationCard(scale=scale, tail=tail) for key, scale, tail in entries}
    calibration = CalibrationCard(recalibration=stretches, stamps=count, set=name, before=before, after=after)
    save_card(card.model_copy(update={"calibration": calibration}), folder)
