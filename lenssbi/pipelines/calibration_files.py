"""The files that `lenssbi calibrate` leaves in an estimator's folder."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lenssbi.files import atomic

if TYPE_CHECKING:
    from lenssbi.calibration.lc2st import LocalTest
    from lenssbi.calibration.ranks import Ranks
    from lenssbi.estimators.checkpoint import EstimatorCard
    from lenssbi.estimators.recalibration import Recalibration
    from lenssbi.pipelines.calibrate import CalibrateResult, Tolerance


def store(card: EstimatorCard, recalibration: Recalibration, result: CalibrateResult, name: str) -> None:
    """Put the recalibration, and the coverage on the set of this name, into the card."""
    from lenssbi.estimators.checkpoint import CalibrationCard, RecalibrationCard, save_card

    levels = recalibration.levels or ((),) * len(recalibration.names)
    entries = zip(recalibration.names, recalibration.scale, recalibration.tail, levels, strict=True)
    mends = {key: RecalibrationCard(scale=scale, tail=tail, levels=pairs) for key, scale, tail, pairs in entries}
    found = {"stamps": result.stamps, "set": name, "before": result.before, "after": result.coverage}
    calibration = CalibrationCard(recalibration=mends, **found)  # type: ignore[arg-type]
    save_card(card.model_copy(update={"calibration": calibration}), result.path)


def write_all(result: CalibrateResult, ranks: tuple[Ranks, Ranks], local: LocalTest, tolerance: Tolerance) -> None:
    """Write the tables and figures; `ranks` as trained and recalibrated."""
    from lenssbi.plots.coverage import coverage_figure
    from lenssbi.plots.diagnostics import diagnostics_figure
    from lenssbi.plots.splits import splits_figure
    from lenssbi.plots.style import save

    folder = result.path
    write_rows(folder / "coverage.csv", coverage_rows(result))
    write_rows(folder / "diagnostics.csv", [finding._asdict() for finding in result.findings])
    save(coverage_figure(result.before, result.coverage, result.stamps), folder / "coverage.png")
    shown = [(j.split.name, j.stamps, j.split.small, j.after["credible"]) for j in result.judged]
    save(splits_figure(shown, (tolerance.overall, tolerance.split)), folder / "splits.png")
    save(
        diagnostics_figure(curves(ranks), local.statistic.mean(), local.null.mean(axis=0), result.stamps),
        folder / "diagnostics.png",
    )


def coverage_rows(result: CalibrateResult) -> Iterable[dict[str, Any]]:
    """One row per split, definition, parameter and level; `judged` is no where a split has too few stamps to be held against."""
    from lenssbi.calibration.scores import LEVELS, binomial_error
    from lenssbi.calibration.splits import EVERYTHING

    for j in result.judged:
        whole = j.split.name == EVERYTHING
        for interval, tables in j.after.items():
            for name, row in tables.items():
                for label, level in LEVELS.items():
                    numbers = {
                        "nominal": level,
                        "before": j.before[interval][name][label],
                        "after": row[label],
                        "error": binomial_error(level, j.stamps),
                    }
                    told = {"interval": interval, "parameter": name, **{k: f"{v:.4f}" for k, v in numbers.items()}}
                    judged = "yes" if interval == "credible" and (whole or not j.split.small) else "no"
                    yield {**told, "stamps": j.stamps, "split": j.split.name, "judged": judged}


def curves(ranks: tuple[Ranks, Ranks]) -> dict[str, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Test -> curve -> (credibility or rank, share of the truths)."""
    from lenssbi.calibration.ranks import tarp

    raw, mended = ranks
    steps = np.arange(1, len(mended.joint) + 1) / len(mended.joint)
    grid = np.linspace(0, 1, 201)
    shares = {
        name: np.interp(grid, np.sort(column), steps, left=0.0)
        for name, column in zip(mended.names, mended.marginal.T, strict=True)
    }
    return {
        "SBC": {name: (grid, share) for name, share in shares.items()},
        "expected coverage": {
            "as trained": (np.sort(raw.joint), steps),
            "recalibrated": (np.sort(mended.joint), steps),
        },
        "TARP": {"as trained": tarp(raw)[::-1], "recalibrated": tarp(mended)[::-1]},
    }


def write_rows(path: Path, rows: Iterable[dict[str, Any]] | Sequence[dict[str, Any]]) -> None:
    """Write a table with the keys of its rows as columns."""
    rows = list(rows)
    with atomic(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
