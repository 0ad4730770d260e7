"""What every sampler takes and gives: a target in, weighted draws out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.refinement.sampling.checkpoint import Checkpoint
from lenssbi.refinement.sampling.mixture_fit import n_eff
from lenssbi.refinement.sampling.mixtures import Mixture
from lenssbi.refinement.sampling.rounds import DensityPrior

Watch = Callable[[int, float], None]
"""Called with (evaluations so far, share of the work that is left: of the evidence in the live points, or of the effective draws)."""
LogLikelihood = Callable[[FloatArray], FloatArray]
"""Batch of parameters (n, parameter) to log likelihoods (n,), finite."""
SAVE_EVERY, TELL_EVERY = 10.0, 0.5  # seconds


@dataclass(frozen=True)
class Target:
    """A posterior to be sampled.

    Parameters
    ----------
    prior
        Map of the unit cube to parameters, and its density.
    confined
        Prior with a density of zero outside the regions that a search has found; `prior` itself without a search.
    log_likelihood
        Log likelihood of parameters.
    start
        Modes with covariances at which the posterior is expected; None if nothing is known.
    """

    prior: DensityPrior
    confined: DensityPrior
    log_likelihood: LogLikelihood
    start: Mixture | None = None

    @property
    def is_confined(self) -> bool:
        """Whether a search has confined the prior."""
        return self.confined is not self.prior


class Sampler(Protocol):
    """A way to sample a posterior; its settings and limits are its own."""

    def sample(self, target: Target, checkpoint: Checkpoint | None, watch: Watch) -> Draws:
        """Draws from the target; a run that was stopped continues from the state in `checkpoint`."""
        ...


@dataclass(frozen=True)
class Draws:
    """What the sampler found.

    Parameters
    ----------
    values
        Parameters of every evaluation that is kept, shape (draw, parameter).
    log_weights, log_likelihood
        Natural logs, shape (draw,).
    log_evidence
        Natural log of the evidence.
    evaluations
        Likelihood evaluations, those of earlier, interrupted runs included.
    seconds
        Wall-clock time, earlier runs included.
    converged
        False if a limit ended the run.
    note
        Reason why a run that has not converged ended, if the sampler gives one.
    log_evidence_error
        Standard error of ``log_evidence``, if the sampler gives one.
    """

    values: FloatArray
    log_weights: FloatArray
    log_likelihood: FloatArray
    log_evidence: float
    evaluations: int
    seconds: float
    converged: bool
    note: str = ""
    log_evidence_error: float = float("nan")

    @property
    def n_eff(self) -> float:
        """Kish's effective number of draws."""
        return n_eff(np.exp(self.log_weights - self.log_weights.max()))
