"""The network's answer about a stamp that was fitted: shown beside the fit, even if the fit did not trust it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lenssbi.flags import about
from lenssbi.pipelines.results import NetworkAnswer
from lenssbi.refinement.model_error import widened
from lenssbi.refinement.problem import Problem

DRAWS = 4000  # for the quantiles


def network_answer(problem: Problem, flags: Sequence[str]) -> NetworkAnswer | None:
    """The answer as `lenssbi predict` gives it; None if no network was asked or it is not for such stamps.

    Parameters
    ----------
    problem
        The fit.
    flags
        What was said of stamp and network while the fit was set up.
    """
    if problem.network is None:
        return None
    draws = problem.network.sample(DRAWS, np.random.default_rng(0))  # the same answer has the same quantiles
    summary = widened(draws, problem.config.model_error).derived().summary()
    return NetworkAnswer(summary, tuple(flag for flag in flags if flag in about("network")))
