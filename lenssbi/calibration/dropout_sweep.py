"""Choice of the dropout rate by coverage (Pearson et al. 2021, section 3.2.2 and figure 4).

The paper trains a network for each rate and keeps the one with nominal coverage of the intervals of 1, 2 and 3 sigma. Rates can
also be tried without training, if another share of the neurons is dropped when a trained network predicts. This is cheap but not
equivalent, because the weights were fitted at the rate of the training.

The best rate has the smallest mean of |share - level| over the three levels and all parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lenssbi.calibration.coverage import Table, sigma_coverage, truths_of
from lenssbi.calibration.judgement import FEWEST, Progress, predict_all, rows_of
from lenssbi.calibration.scores import LEVELS
from lenssbi.dataset.hdf5 import StampSet
from lenssbi.estimators.checkpoint import EstimatorCard
from lenssbi.estimators.dropout import MCDropout
from lenssbi.estimators.estimator import Estimator
from lenssbi.status import InputError

Run = tuple[Path, Estimator]


@dataclass(frozen=True)
class Tried:
    """One rate: run, rate, sigma coverage, its mean difference from nominal, and card of an estimator with this rate."""

    run: Path
    rate: float
    coverage: Table
    miss: float
    card: EstimatorCard


def try_rates(
    runs: Sequence[Run], rates: Sequence[float], stamps: StampSet, limit: int | None, progress: Progress
) -> tuple[list[Tried], int]:
    """Coverage of several runs, or of one run at several rates, on the stamps that a recalibration would be fitted to.

    Parameters
    ----------
    runs
        Folder and estimator of each run.
    rates
        Rates to try if there is a single run.
    stamps
        Set that the runs were not trained on.
    limit
        Largest number of stamps to use.
    progress
        Function that is called with (done, total, text).

    Returns
    -------
    The rates in rising order, and the number of stamps.

    Raises
    ------
    InputError
        If the set cannot be used, a rate is not a probability, or an estimator has no dropout.
    """
    first = max(rows_of(estimator.card, stamps, None, FEWEST).start for _, estimator in runs)
    rows = range(first, min(len(stamps), first + limit) if limit else len(stamps))[::2]
    truths = truths_of(runs[0][1], stamps)[rows.start : rows.stop : rows.step]
    tried = []
    for folder, estimator in _candidates(runs, rates):
        coverage = sigma_coverage(predict_all(estimator, stamps, rows, progress), truths)
        card = estimator.card
        tried.append(Tried(folder, card.network.dropout, coverage, mean_miss(coverage), card))
    return sorted(tried, key=lambda one: one.rate), len(rows)


def _candidates(runs: Sequence[Run], rates: Sequence[float]) -> Iterator[Run]:
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


def at_rate(estimator: Estimator, rate: float) -> Estimator:
    """The estimator with dropout rate `rate`, 0 <= rate < 1, for predictions; not calibrated.

    Raises
    ------
    ValueError
        If the rate is not a probability, or the estimator has no dropout.
    """
    if not 0 <= rate < 1:
        raise ValueError(f"a dropout rate lies in [0, 1), got {rate}")
    changed = deepcopy(estimator)
    layers = [layer for density in changed.densities for layer in density.modules() if isinstance(layer, MCDropout)]
    if not layers or estimator.card.density.kind != "bnn":
        raise ValueError(
            f"{estimator.name} is of the kind {estimator.card.density.kind}, which has no dropout to sweep"
        )
    for layer in layers:
        layer.rate = rate
    network = estimator.card.network.model_copy(update={"dropout": rate})
    return replace(changed, card=estimator.card.model_copy(update={"network": network, "calibration": None}))


def mean_miss(table: Table) -> float:
    """Mean of |share - level| over levels and parameters."""
    return float(np.mean([abs(share - LEVELS[label]) for row in table.values() for label, share in row.items()]))


def sweep_rows(tried: Sequence[Tried], best: Tried, how: str, count: int) -> Iterator[dict[str, Any]]:
    """One row per rate, parameter and level; `how` describes the comparison, `count` is the number of stamps."""
    for one in tried:
        for name, row in one.coverage.items():
            for label, level in LEVELS.items():
                entry = {"run": one.run.name, "rate": one.rate, "parameter": name, "nominal": f"{level:.4f}"}
                shares = {"share": f"{row[label]:.4f}", "mean_miss": f"{one.miss:.4f}"}
                yield {**entry, **shares, "best": "yes" if one is best else "no", "stamps": count, "how": how}
