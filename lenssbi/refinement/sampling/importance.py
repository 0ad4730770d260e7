"""Adaptive importance sampling: a posterior from a good first guess in about a thousand evaluations, with its evidence.

Rounds of draws from mixtures of Student t distributions: adaptive multiple importance sampling (Cornuet et al. 2012) in two chains
that fit each other's proposals (:mod:`lenssbi.refinement.sampling.rounds`, :mod:`lenssbi.refinement.sampling.adapt`). The run
ends when

- Kish's effective number of draws reaches what was asked for,
- the largest weights have a tail that can be averaged (Pareto k of Vehtari et al. 2024 below 0.7), and
- the evidence has kept still for two rounds and the two chains agree about it, so that a mode found late has been followed up.

A run that does not get there says why; nested sampling is the remedy. The state lives in the rounds alone and the numbers of a round
follow from the seed and its index, so that a run continues from its checkpoint bit for bit as if it had not been stopped.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from lenssbi.refinement.sampling.adapt import next_mixture
from lenssbi.refinement.sampling.checkpoint import Checkpoint
from lenssbi.refinement.sampling.clock import processor_seconds
from lenssbi.refinement.sampling.draws import SAVE_EVERY, TELL_EVERY, Draws, LogLikelihood, Watch
from lenssbi.refinement.sampling.mixtures import Mixture
from lenssbi.refinement.sampling.rounds import (
    DensityPrior,
    Proposal,
    Round,
    begin_round,
    chains_of,
    read_rounds,
    weigh,
    weigh_chain,
    write_rounds,
)
from lenssbi.refinement.sampling.tail import pareto_k

AT_ONCE = 16  # evaluations between two looks at the clock
STILL = 0.2  # change of the log evidence in a round that keeps still
STILL_ROUNDS = 2
AGREED = 0.4  # difference of the two chains' log evidences
GOOD_TAIL = 0.7
HOPELESS_ROUNDS, HOPELESS_SHARE = 12, 0.1  # of the effective draws wanted, for a run to be given up


@dataclass(frozen=True)
class Settings:
    """How importance sampling runs.

    Parameters
    ----------
    n_eff
        Number of effective draws to reach.
    per_round
        Evaluations in a round; the first one, if it starts from the prior, has ``first_factor`` times as many.
    prior_share
        Share of prior draws in every proposal; 0 for a prior that is confined to the regions of the start.
    max_rounds, max_evaluations, max_seconds
        Limits; the last one is in :func:`~lenssbi.refinement.sampling.clock.processor_seconds`.
    seed
        Seed; the same seed gives the same draws.
    threads
        Threads of the likelihood.
    """

    n_eff: int = 300
    per_round: int = 200
    prior_share: float = 0.05
    first_factor: int = 4
    max_rounds: int = 30
    max_evaluations: int = 8000
    max_seconds: float = np.inf
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.prior_share < 1:
            raise ValueError(f"prior_share is at least 0 and below 1, got {self.prior_share}: it bounds the weights")


def sample(
    prior: DensityPrior,
    log_likelihood: LogLikelihood,
    settings: Settings,
    checkpoint: Checkpoint | None = None,
    watch: Watch = lambda evaluations, live: None,
    start: Mixture | None = None,
) -> Draws:
    """Sample a posterior.

    Parameters
    ----------
    prior
        Map of the unit cube to parameters, and its density.
    log_likelihood
        Batch of parameters (n, parameter) to log likelihoods (n,), finite.
    settings
        Effective draws, limits, seed.
    checkpoint
        File for the state; a state of the same key is continued. The key must depend on the settings, the start and the sampler.
    watch
        Function that is called, about every half second, with the evaluations and the missing share of effective draws.
    start
        Modes with covariances at which the posterior is expected, or
        :func:`lenssbi.refinement.sampling.mixture_fit.from_samples` of a network's posterior. None starts from the prior.
    """
    rounds, spent = _stored(checkpoint)
    progress = _Progress(settings, checkpoint, watch, processor_seconds(settings.threads) - spent)
    while (note := _ended(rounds, settings, progress.seconds)) is None:
        if not rounds or rounds[-1].complete:
            rounds.append(_next_round(rounds, prior, settings, start))
        part = rounds[-1]
        allowed = min(AT_ONCE, settings.max_evaluations - _evaluations(rounds))
        rounds[-1] = part.evaluated(log_likelihood(part.values[part.done : part.done + allowed]))
        if rounds[-1].complete:
            rounds[-1] = replace(rounds[-1], log_evidence=weigh(rounds).log_evidence)
        progress.look(rounds)
    progress.save(rounds)
    return _draws(rounds, progress.seconds, note)


def _stored(checkpoint: Checkpoint | None) -> tuple[list[Round], float]:
    """The rounds of an earlier run and the seconds it took."""
    spent = checkpoint.seconds() if checkpoint else None
    if checkpoint and spent is not None:
        try:
            return read_rounds(checkpoint.path), spent
        except Exception as error:  # whatever a damaged file makes the reader raise, the remedy is the same
            checkpoint.forsake(error)
    return [], 0.0


def _ended(rounds: list[Round], settings: Settings, seconds: float) -> str | None:
    """None while the run goes on, an empty note where it has converged, and otherwise what ended it."""
    if not rounds:
        return None
    if rounds[-1].complete and (note := _judged(rounds, settings)) is not None:
        return note
    if _evaluations(rounds) >= settings.max_evaluations:
        return f"the limit of {settings.max_evaluations} evaluations was reached"
    if seconds > settings.max_seconds:
        return f"the limit of {settings.max_seconds:.0f} seconds was reached"
    return None


def _judged(rounds: list[Round], settings: Settings) -> str | None:
    """The same after a complete round, by what the draws show."""
    draws = weigh(rounds)
    if draws.n_eff >= settings.n_eff and _still(rounds):
        tail = pareto_k(draws.log_weights)
        if tail < GOOD_TAIL:
            return ""
    if len(rounds) >= settings.max_rounds:
        return f"{draws.n_eff:.0f} effective draws after {len(rounds)} rounds"
    if len(rounds) >= HOPELESS_ROUNDS and draws.n_eff < HOPELESS_SHARE * settings.n_eff:
        return f"only {draws.n_eff:.0f} effective draws after {len(rounds)} rounds"
    return None


def _still(rounds: list[Round]) -> bool:
    """Whether the evidence has kept still, and the two chains agree about it."""
    recent = np.array([part.log_evidence for part in rounds[-STILL_ROUNDS - 1 :]])
    if len(recent) <= STILL_ROUNDS or np.abs(np.diff(recent)).max() > STILL:
        return False
    one, other = (weigh_chain(chain).log_evidence for chain in chains_of(rounds))
    return abs(one - other) < AGREED


def _next_round(rounds: list[Round], prior: DensityPrior, settings: Settings, start: Mixture | None) -> Round:
    mixture, count = start, settings.per_round
    if rounds:
        old = rounds[-2].proposal.mixture if len(rounds) > 1 else start
        mixture = next_mixture(old, weigh_chain(rounds[-1::-2]))
    elif start is None:
        count *= settings.first_factor
    return begin_round(Proposal(mixture, settings.prior_share), count, prior, settings.seed, len(rounds))


def _evaluations(rounds: list[Round]) -> int:
    return sum(part.done for part in rounds)


class _Progress:
    """Tells and stores how far a run is."""

    def __init__(self, settings: Settings, checkpoint: Checkpoint | None, watch: Watch, began: float) -> None:
        self._settings, self._checkpoint, self._watch, self._began = settings, checkpoint, watch, began
        self._saved = self._told = time.perf_counter()

    @property
    def seconds(self) -> float:
        return processor_seconds(self._settings.threads) - self._began

    def look(self, rounds: list[Round]) -> None:
        """Tell and store, if it is time to; a complete round is always stored."""
        now = time.perf_counter()
        if now - self._told > TELL_EVERY:
            self._told = now
            self._watch(_evaluations(rounds), max(0.0, 1 - weigh(rounds).n_eff / self._settings.n_eff))
        if rounds[-1].complete or now - self._saved > SAVE_EVERY:
            self.save(rounds)

    def save(self, rounds: list[Round]) -> None:
        if self._checkpoint:
            self._checkpoint.save(lambda path: write_rounds(path, rounds), self.seconds)
        self._saved = time.perf_counter()


def _draws(rounds: list[Round], seconds: float, note: str) -> Draws:
    found = weigh(rounds)
    count = sum(part.counted for part in rounds)
    return Draws(
        values=found.values,
        log_weights=found.log_weights,
        log_likelihood=found.log_likelihood,
        log_evidence=found.log_evidence,
        evaluations=len(found.values),
        seconds=seconds,
        converged=not note,
        note=note,
        log_evidence_error=float(np.sqrt(max(1 / found.n_eff - 1 / count, 0.0))),
    )
