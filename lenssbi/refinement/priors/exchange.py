"""Exchanging the prior of a posterior: a learned one divided out, or multiplied in.

A network's answer comes from the same image as the likelihood, so a fit under it counts the data twice: with a prior as
wide as the likelihood the posterior is narrower by sqrt(2). The draws of such a fit are turned into draws under the
broad prior by their weights,

    log w -> log w + log p_broad - log p_learned,

and the evidence follows from the mean of the factor,

    Z_broad = Z_learned  E[p_broad / p_learned],

the mean taken over the posterior under the learned prior. What the learned prior excludes cannot come back: a small
effective sample size says that the learned prior and the likelihood disagree. The same weights, turned over, lead from a fit under the
broad prior to the one under the learned prior.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.special import logsumexp

from lenssbi.posteriors import Samples
from lenssbi.refinement.priors.blocks import JointPrior


def reweight_to_prior(samples: Samples, old: JointPrior, new: JointPrior) -> Samples | None:
    """Samples under another prior.

    Parameters
    ----------
    samples
        Weighted draws under ``old``.
    old, new
        Priors of the same parameters, in any order.

    Returns
    -------
    Samples or None
        The same draws with new weights and evidence; None if the new prior excludes every draw.
    """
    with np.errstate(invalid="ignore"):
        factor = new.log_prob(samples.select(new.names).values) - old.log_prob(samples.select(old.names).values)
    factor = np.where(np.isfinite(factor), factor, -np.inf)
    with np.errstate(divide="ignore"):
        mean = logsumexp(factor + np.log(samples.weights))
    if not np.isfinite(mean):
        return None
    exchanged = samples.reweighted(factor)
    if samples.log_evidence is None:
        return exchanged
    return replace(exchanged, log_evidence=samples.log_evidence + float(mean))
