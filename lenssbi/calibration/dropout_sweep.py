"""The dropout rate whose error bars are right (Pearson et al. 2021, section 3.2.2 and figure 4).

The paper trains a network for each rate and keeps the one whose truths lie within 1, 2, 3 sigma as often as they should. Rates
can also be tried without training, by silencing other shares of the neurons when a trained network predicts: cheap, and not
the same, since its weights were fitted under the rate of the training.

Best is the rate with the smallest mean of |share - level| over the three levels and all parameters.
"""

from copy import deepcopy
from dataclasses import replace

import numpy as np

from lenssbi.calibration.coverage import Table
from lenssbi.calibration.scores import LEVELS
from lenssbi.estimators.dropout import MCDropout
from lenssbi.estimators.estimator import Estimator


def at_rate(estimator: Estimator, rate: float) -> Estimator:
    """The estimator that silences neurons with probability `rate`, 0 <= rate < 1, when it predicts; not calibrated.

    Raises
    ------
    ValueError
        Where the rate is no probability, or the estimator has no dropout that could be changed.
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
