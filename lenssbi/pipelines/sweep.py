"""`lenssbi sweep-dropout`: the paper's choice of the dropout rate (`calibration/dropout_sweep.py`).

Several runs are compared as they were trained, one rate each: the paper's way. Of one run, rates are tried when it predicts,
and the best goes into its card. Either way the rates are judged by |truth - mean| < 1, 2, 3 sigma, as trained (before any
recalibration), on those stamps that `lenssbi calibrate` fits to, so that its judgement stays one on other stamps. The table `dropout.csv`
and the paper's figure 4, `dropout.png`, go into the folder of the best run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lenssbi.calibration.judgement import FEWEST, predict_all, rows_of
from lenssbi.dataset.hdf5 import StampSet
from lenssbi.pipelines.calibration_files import write_rows
from lenssbi.pipelines.results import Progress, silent
from lenssbi.status import InputError

if TYPE_CHECKING:
    from lenssbi.calibration.coverage import Table
    from lenssbi.estimators.estimator import Estimator

RATES = (0.0, 0.01, 0.02, 0.03, 0.05, 0.1)
TRAINED, PREDICTED = "trained with each rate", "rate changed when predicting"


@dataclass(frozen=True)
class Tried:
    """One rate: the run, the rate, the sigma coverage found, and its mean distance from nominal."""

    run: Path
    rate: float
    coverage: Table
    miss: float


@dataclass(frozen=True)
class SweepResult:
    """All rates in rising order, how they were tried, the best, on how many stamps, and where table and figure are."""

    how: str
    tried: tuple[Tried, ...]
    best: Tried
    stamps: int
    table: Path
    figure: Path

    def as_json(self) -> dict[str, Any]:
        """What the command's JSON object says of the sweep."""
        rates = [{"run": str(t.run), "rate": t.rate, "coverage": t.coverage, "mean_miss": t.miss} for t in self.tried]
        best = {"run": str(self.best.run), "rate": self.best.rate}
        return {"how": self.how, "best": best, "rates": rates, "stamps": self.stamps, "figure": str(self.figure)}


def run(
    folders: Sequence[str | Path],
    data: str | Path,
    *,
    rates: Sequence[float] = RATES,
    limit: int | None = None,
    progress: Progress = silent,
) -> SweepResult:
    """Sweep the dropout rate over several runs, or over `rates` of one run.

    Parameters
    ----------
    folders
        Folders of the runs; for a single one, the best rate is written into its card, and its calibration is removed.
    data
        Set that the runs were not trained on.
    rates
        Rates to try if a single run predicts, each 0 <= rate < 1.
    limit
        Largest number of stamps to use.
    progress
        Function that is called with (done, total, text).

    Raises
    ------
    InputError
        If a run or the set cannot be used, a rate is not a probability, or an estimator has no dropout.
    """
    from lenssbi.calibration.coverage import sigma_coverage, truths_of
    from lenssbi.calibration.dropout_sweep import mean_miss
    from lenssbi.estimators.checkpoint import save_card
    from lenssbi.estimators.load import load_estimator
    from lenssbi.plots.dropout import dropout_figure
    from lenssbi.plots.style import save

    runs = [(Path(folder), load_estimator(folder)) for folder in folders]
    tried, cards = [], {}
    with StampSet(data) as stamps:
        starts = [rows_of(estimator.card, stamps, None, FEWEST).start for _, estimator in runs]
        rows = range(max(starts), min(len(stamps), max(starts) + limit) if limit else len(stamps))[::2]
        truths = truths_of(runs[0][1], stamps)[rows.start : rows.stop : rows.step]
        for folder, estimator in _candidates(runs, rates):
            rate = estimator.card.network.dropout
            coverage = sigma_coverage(predict_all(estimator, stamps, rows, progress), truths)
            tried.append(Tried(folder, rate, coverage, mean_miss(coverage)))
            cards[folder, rate] = estimator.card
    tried.sort(key=lambda t: t.rate)
    best = min(tried, key=lambda t: t.miss)
    if len(runs) == 1:
        save_card(cards[best.run, best.rate], best.run)
    how = PREDICTED if len(runs) == 1 else TRAINED
    table, figure = best.run / "dropout.csv", best.run / "dropout.png"
    write_rows(table, _rows(tried, best, how, len(rows)))
    save(dropout_figure([(t.rate, t.coverage) for t in tried], tried.index(best), how, len(rows)), figure)
    return SweepResult(how, tuple(tried), best, len(rows), table, figure)


def _candidates(runs: list[tuple[Path, Estimator]], rates: Sequence[float]) -> Iterator[tuple[Path, Estimator]]:
    from lenssbi.calibration.dropout_sweep import at_rate

    if len(runs) > 1:
        for folder, estimator in runs:
            if estimator.card.density.kind != "bnn":
                raise InputError(
                    f"{folder}: is of the kind {estimator.card.density.kind}, which has no dropout to sweep"
                )
            yield folder, estimator
        return
    for rate in rates:
        try:
            yield runs[0][0], at_rate(runs[0][1], rate)
        except ValueError as error:
            raise InputError(f"{runs[0][0]}: {error}: give other --rates or another run") from None


def _rows(tried: Sequence[Tried], best: Tried, how: str, count: int) -> Iterator[dict[str, Any]]:
    from lenssbi.calibration.scores import LEVELS

    for t in tried:
        for name, row in t.coverage.items():
            for label, level in LEVELS.items():
                told = {"run": t.run.name, "rate": t.rate, "parameter": name, "nominal": f"{level:.4f}"}
                shares = {"share": f"{row[label]:.4f}", "mean_miss": f"{t.miss:.4f}"}
                yield {**told, **shares, "best": "yes" if t is best else "no", "stamps": count, "how": how}
