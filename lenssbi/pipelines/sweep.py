"""`lenssbi sweep-dropout`: the paper's choice of the dropout rate (`calibration/dropout_sweep.py`).

Several runs are compared as they were trained, one rate each, as in the paper. For one run, rates are tried in its predictions,
and the best is stored in its card. In both cases the criterion is |truth - mean| < 1, 2, 3 sigma, as trained (before any
recalibration), on the stamps that `lenssbi calibrate` fits to, so that its test stamps are not used. The table `dropout.csv`
and the figure `dropout.png` (figure 4 of the paper) are written to the folder of the best run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lenssbi.dataset.hdf5 import StampSet
from lenssbi.files import write_csv
from lenssbi.pipelines.results import Progress, silent

if TYPE_CHECKING:
    from lenssbi.calibration.dropout_sweep import Tried

RATES = (0.0, 0.01, 0.02, 0.03, 0.05, 0.1)
TRAINED, PREDICTED = "trained with each rate", "rate changed when predicting"


@dataclass(frozen=True)
class SweepResult:
    """Rates in rising order, description of the comparison, best rate, number of stamps, and paths of table and figure."""

    how: str
    tried: tuple[Tried, ...]
    best: Tried
    stamps: int
    table: Path
    figure: Path

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
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
    from lenssbi.calibration.dropout_sweep import sweep_rows, try_rates
    from lenssbi.estimators.checkpoint import save_card
    from lenssbi.estimators.load import load_estimator
    from lenssbi.plots.dropout import dropout_figure
    from lenssbi.plots.style import save

    runs = [(Path(folder), load_estimator(folder)) for folder in folders]
    with StampSet(data) as stamps:
        tried, count = try_rates(runs, rates, stamps, limit, progress)
    best = min(tried, key=lambda t: t.miss)
    if len(runs) == 1:
        save_card(best.card, best.run)
    how = PREDICTED if len(runs) == 1 else TRAINED
    table, figure = best.run / "dropout.csv", best.run / "dropout.png"
    write_csv(list(sweep_rows(tried, best, how, count)), table)
    save(dropout_figure([(t.rate, t.coverage) for t in tried], tried.index(best), how, count), figure)
    return SweepResult(how, tuple(tried), best, count, table, figure)
