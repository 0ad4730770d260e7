"""What a user should look at before using a fit.

Their words are those of :mod:`lenssbi.flags`; here is when they are raised. `edge`: more than a tenth of the posterior lies within 2
per cent of the end of a uniform prior, or of the flattest ellipse. `few_effective_samples`: mostly, dividing the learned prior out left
too few draws, as the two disagree or the prior was too narrow.
"""

from __future__ import annotations

import numpy as np

from lenssbi.flags import Flag, is_imprecise
from lenssbi.parameters import Uniform, axis_ratio
from lenssbi.posteriors import DiagonalMixture, Samples
from lenssbi.refinement.priors.blocks import Ellipse, Single
from lenssbi.refinement.priors.modes import Priors
from lenssbi.refinement.result import LensModel

CONFLICT = 2.5  # combined sigma: network and fit share the image, so that right ones lie nearer (47 simulated stamps: within 2.1)
EDGE_WIDTH, EDGE_SHARE = 0.02, 0.1
MIN_MAGNIFICATION = 1.5  # an isothermal sphere has 2 for a point that is seen twice; real lenses have 2.0 to 3.2
MIN_COUNTER = 0.005  # of the light, in images of the rarer parity
MAX_CHI2 = 1.5  # times that of the sky
MAX_WORST = 3.0  # mean square of residuals in the worst square of 7 pixels, over that of the typical one
MIN_N_EFF = 100


def find_flags(
    samples: Samples,
    priors: Priors,
    best: LensModel,
    learned: DiagonalMixture | None,
    seen_twice: bool = False,
    sky_chi2: float = 1.0,
) -> tuple[Flag, ...]:
    """Flags of a fit.

    Parameters
    ----------
    samples
        Result, from which the learned prior has been divided out.
    priors
        Priors of the fit.
    best
        Best model of the fit.
    learned
        Posterior of the network; None if there is none.
    seen_twice
        Whether lens models that show the source only once were excluded beforehand.
    sky_chi2
        Mean square of sky over its noise, with which that of the residuals is compared: noise maps of mosaics overstate the scatter of
        single pixels, which would hide a bad model.
    """
    radius = samples.summary().get("einstein_radius")
    found = {
        Flag.PRIOR_CONFLICT: learned is not None and _conflict(samples, learned) > CONFLICT,
        Flag.EDGE: _at_edge(samples, priors),
        Flag.DEMAGNIFIED: is_wrong(best, seen_twice),
        Flag.RESIDUALS: best.chi2 > MAX_CHI2 * sky_chi2 or best.worst > MAX_WORST,
        Flag.IMPRECISE: radius is not None and is_imprecise(radius.mean, radius.sigma),
        Flag.FEW_EFFECTIVE_SAMPLES: samples.n_eff < MIN_N_EFF,
    }
    return tuple(flag for flag, raised in found.items() if raised)


def is_wrong(best: LensModel, seen_twice: bool = False) -> bool:
    """Whether a model is recognised as one of the wrong solutions of a free-form source (:mod:`lenssbi.refinement.basins`).

    Parameters
    ----------
    best
        Model.
    seen_twice
        Whether lens models that show the source only once were excluded beforehand; if so, a faint counter-image is no reason.
    """
    # NaN, where no source stands out, is wrong as well
    return not (best.magnification >= MIN_MAGNIFICATION and (seen_twice or best.counter >= MIN_COUNTER))


def _conflict(samples: Samples, learned: DiagonalMixture) -> float:
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
        if isinstance(block, Ellipse):
            q = axis_ratio(samples.column("e1") + 1j * samples.column("e2"))
            flattest = q - block.q_low < EDGE_WIDTH * (block.q_high - block.q_low)
            if samples.weights[flattest].sum() > EDGE_SHARE:
                return True
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
