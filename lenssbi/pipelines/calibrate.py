"""`lenssbi calibrate`: coverage of an estimator, and a correction that makes it nominal.

Every other stamp of the set is used to fit the recalibration, the others to test it, as a whole and in splits. The results
are written to the estimator's folder:

    estimator.json          the recalibration, and the coverage before and after
    coverage.csv, .png      coverage of all stamps and, in the table, of every split
    splits.png              coverage of the recalibrated posteriors in every split
    diagnostics.csv, .png   sbi's tests: SBC, expected coverage, TARP, LC2ST
    misspecification.*      statistics of training-like stamps (`calibration/misspecification.py`)
    detector.*              the network that detects unfamiliar stamps, for an estimator of observed stamps (`calibration/detector.py`)

The criteria for coverage are in `calibration/judgement.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lenssbi.calibration.judgement import (
    FEWEST,
    USUAL,
    Method,
    Tolerance,
    examine,
    fit,
    local_test,
    predict_all,
    rows_of,
)
from lenssbi.calibration.result import CalibrateResult, coverage_rows, store
from lenssbi.dataset.hdf5 import StampSet
from lenssbi.files import write_csv
from lenssbi.pipelines.results import Progress, silent

if TYPE_CHECKING:
    from lenssbi.calibration.lc2st import LocalTest
    from lenssbi.calibration.ranks import Ranks


def run(
    folder: str | Path,
    data: str | Path,
    *,
    method: Method = "auto",
    tolerance: Tolerance = USUAL,
    limit: int | None = None,
    detector: dict[str, Any] | None = None,
    progress: Progress = silent,
) -> CalibrateResult:
    """Calibrate an estimator.

    Parameters
    ----------
    folder
        Folder of the estimator.
    data
        Set that it was not trained on; of the training set, only the stamps for validation are used.
    method
        Correction to fit: scale and tail, the map of levels, that on top of the scale, or the best of them on held-out stamps.
    tolerance
        Allowed difference of the coverage from nominal.
    limit
        Largest number of stamps to use.
    detector
        Entries of `DetectorPlan` that differ from the defaults, for the detector of an estimator of observed stamps.
    progress
        Function that is called with (done, total, text).

    Raises
    ------
    InputError
        If the estimator or the set cannot be used, or the folder cannot be written.
    """
    from lenssbi.calibration.coverage import truths_of
    from lenssbi.calibration.detector import DetectorPlan
    from lenssbi.calibration.misspecification import fit_reference
    from lenssbi.calibration.splits import splits
    from lenssbi.estimators.load import load_estimator

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
        local = local_test(tests.recalibrated, truths[1::2], estimator, stamps, rows[1::2])
        findings = (*tests.findings, *local.findings())
        result = CalibrateResult(folder, recalibration.method, judged, findings)
        progress(2, 3, "writing")
        store(estimator.card, recalibration, result, Path(data).name)
        _write(result, tests.ranks, local, tolerance)
        fit_reference(estimator, stamps, rows, folder, progress, DetectorPlan(**(detector or {})))
    return result


def _write(result: CalibrateResult, ranks: tuple[Ranks, Ranks], local: LocalTest, tolerance: Tolerance) -> None:
    """Write the tables and figures; `ranks` as trained and recalibrated."""
    from lenssbi.calibration.ranks import curves
    from lenssbi.plots.coverage import coverage_figure
    from lenssbi.plots.diagnostics import diagnostics_figure
    from lenssbi.plots.splits import splits_figure
    from lenssbi.plots.style import save

    folder = result.path
    write_csv(list(coverage_rows(result)), folder / "coverage.csv")
    write_csv([finding._asdict() for finding in result.findings], folder / "diagnostics.csv")
    save(coverage_figure(result.before, result.coverage, result.stamps), folder / "coverage.png")
    shown = [(j.split.name, j.stamps, j.split.small, j.after["credible"]) for j in result.judged]
    save(splits_figure(shown, (tolerance.overall, tolerance.split)), folder / "splits.png")
    save(
        diagnostics_figure(curves(ranks), local.statistic.mean(), local.null.mean(axis=0), result.stamps),
        folder / "diagnostics.png",
    )
