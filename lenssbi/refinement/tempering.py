"""Error bars as wide as they have to be: the likelihood to a power below 1.

The overconfidence that is left after all known causes were corrected (the mesh, the sub-grid, the source's prior) is measured on simulated
lenses, and taken away by sampling

    p(params) L(params)^(1 / f^2)

instead of p L: all widths that the data set grow by f, correlations and priors stay (Holmes & Walker 2017). The evidence is still that
of L: the draws under the flatter likelihood are weighted by the rest of it,

    Z = Z_f E[L^(1 - 1 / f^2)].
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.special import logsumexp

from lenssbi.arrays import FloatArray
from lenssbi.refinement.likelihood import IMPOSSIBLE
from lenssbi.refinement.sampling.draws import Draws, LogLikelihood


def tempered(log_likelihood: LogLikelihood, factor: float) -> LogLikelihood:
    """The log likelihood over f^2; impossible models stay impossible."""
    if factor == 1:
        return log_likelihood

    def flat(values: FloatArray) -> FloatArray:
        found = log_likelihood(values)
        return np.where(found > IMPOSSIBLE, found / factor**2, IMPOSSIBLE)

    return flat


def untempered(draws: Draws, factor: float) -> Draws:
    """The same draws, weighted as they were sampled, with the likelihood and the evidence of L itself."""
    if factor == 1:
        return draws
    whole = np.where(draws.log_likelihood > IMPOSSIBLE, draws.log_likelihood * factor**2, IMPOSSIBLE)
    weights = draws.log_weights - logsumexp(draws.log_weights)
    rest = np.where(np.isfinite(weights), whole - draws.log_likelihood, 0.0)
    return replace(draws, log_likelihood=whole, log_evidence=float(draws.log_evidence + logsumexp(weights + rest)))
