"""What a user should look at before using a fit.

prior_conflict         a mass parameter lies more than 4 combined sigma from the network's answer
edge                   more than a tenth of the posterior lies within 2 per cent of the end of a uniform prior
demagnified            the source is hardly magnified: the fit may have found the solution in which it is a copy of the image
residuals              the best model leaves more than the noise allows: arcs, lens light or a neighbour
few_effective_samples  dividing the learned prior out left too few draws: the two disagree, or the prior was too narrow
"""

from __future__ import annotations

import numpy as np

from lenssbi.parameters import Uniform
from lenssbi.posteriors import GaussianMixture, Samples
from lenssbi.refinement.priors.blocks import Single
from lenssbi.refinement.priors.modes import Priors
from lenssbi.refinement.result import BestModel

CONFLICT = 4.0  # combined sigma
EDGE_WIDTH, EDGE_SHARE = 0.02, 0.1
MIN_MAGNIFICATION = 2.5
MAX_CHI2 = 1.5
MIN_N_EFF = 100


def find_flags(samples: Samples, priors: Priors, best: BestModel, learned: GaussianMixture | None) -> tuple[str, ...]:
    """Flags of a fit.

    Parameters
    ----------
    samples
        The result, the learned prior divided out.
    priors
        The fit's priors.
    best
        Its best model.
    learned
        The network's answer, if there is one.
    """
    found = {
        "prior_conflict": learned is not None and _conflict(samples, learned) > CONFLICT,
        "edge": _at_edge(samples, priors),
        "demagnified": is_wrong(best),
        "residuals": best.chi2 > MAX_CHI2,
        "few_effective_samples": samples.n_eff < MIN_N_EFF,
    }
    return tuple(flag for flag, raised in found.items() if raised)


def is_wrong(best: BestModel) -> bool:
    """Whether a model is recognised as one of the wrong solutions of a free-form source (:mod:`lenssbi.refinement.basins`)."""
    return not best.magnification >= MIN_MAGNIFICATION  # NaN, where no source stands out, is wrong as well


def _conflict(samples: Samples, learned: GaussianMixture) -> float:
    """Largest distance between fit and network [combined sigma]."""
    summary = samples.summary()
    answers = zip(learned.names, learned.mean, learned.sigma, strict=True)
    pulls = [
        abs(summary[name].mean - mean) / np.hypot(summary[name].sigma, sigma)
        for name, mean, sigma in answers
        if name in summary
    ]
    return float(max(pulls, default=0.0))


def _at_edge(samples: Samples, priors: Priors) -> bool:
    for block in priors.sampled.blocks:
        if not (isinstance(block, Single) and isinstance(block.marginal, Uniform)):
            continue
        low, high = block.marginal.support()
        place = (samples.column(block.name) - low) / (high - low)
        outside = np.abs(place - 0.5) > 0.5 - EDGE_WIDTH
        if block.name == "log10_strength":  # a source that departs from nothing smooth is as stiff as it can be
            outside = place < EDGE_WIDTH
        if samples.weights[outside].sum() > EDGE_SHARE:
            return True
    return False
