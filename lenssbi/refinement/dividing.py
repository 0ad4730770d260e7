"""Dividing a learned prior out of a posterior.

A network's answer comes from the same image as the likelihood, so a fit under it counts the data twice: with a prior as
wide as the likelihood the posterior is narrower by sqrt(2). The draws of such a fit are turned into draws under the
broad prior by their weights,

    log w -> log w + log p_broad - log p_learned,

and the evidence follows from the mean of the factor,

    Z_broad = Z_learned  E[p_broad / p_learned],

the mean taken over the posterior under the learned prior. What the learned prior excludes cannot come back: a small
effective sample size says that the learned prior and the likelihood disagree.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.special import logsumexp

from lenssbi.posteriors import Samples
from lenssbi.refinement.prior_modes import Priors


def divide_out(samples: Samples, priors: Priors) -> Samples | None:
    """Samples under the broad prior instead of the learned one.

    Parameters
    ----------
    samples
        Weighted draws under ``priors.sampled``, the columns in its order.
    priors
        The two priors.

    Returns
    -------
    Samples or None
        The same draws with new weights and evidence; None if the broad prior excludes every draw.
    """
    draws = samples.select(priors.sampled.names).values
    with np.errstate(invalid="ignore"):
        factor = priors.broad.log_prob(draws) - priors.sampled.log_prob(draws)
    factor = np.where(np.isfinite(factor), factor, -np.inf)
    with np.errstate(divide="ignore"):
        mean = logsumexp(factor + np.log(samples.weights))
    if not np.isfinite(mean):
        return None
    divided = samples.reweighted(factor)
    if samples.log_evidence is None:
        return divided
    return replace(divided, log_evidence=samples.log_evidence + float(mean))
