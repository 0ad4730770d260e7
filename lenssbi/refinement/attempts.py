"""The runs of a fit: the one that was asked for, and others where its solution is recognised as wrong.

A solution is wrong where its source is a copy of the image (:mod:`lenssbi.refinement.flags`), or where a later search finds a lens model
that explains the image better than all that the run has seen. Nested sampling, which takes ten times as long, is for what is left.

All of it has one limit of time: what the light, the search and earlier runs took is not the sampler's any more, but for the share
`LEAST` of the whole that every run may take, and a new one begins only if there is as much as `ANEW` left.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lenssbi.refinement.best import best_model
from lenssbi.refinement.first_stage import Stage, first_stage, mode_likelihood, start_mixture
from lenssbi.refinement.flags import is_wrong
from lenssbi.refinement.likelihood import IMPOSSIBLE
from lenssbi.refinement.problem import Problem
from lenssbi.refinement.result import BestModel
from lenssbi.refinement.sampling import importance, nautilus
from lenssbi.refinement.sampling.clock import processor_seconds
from lenssbi.refinement.sampling.nautilus import Draws, Watch
from lenssbi.refinement.tempering import flattened, restored
from lenssbi.status import ItemError, Status

LIVE_POINTS = {"cnn-uniform": 200, "cnn-gaussian": 150, "cnn-joint": 150}
WIDE_LIVE_POINTS = 250
TRIAL = 64  # prior draws that show whether the likelihood can be evaluated at all
ENOUGH = 100  # effective draws: with these a run that asked for more is not begun anew with Nautilus
WORSE_FIT = 1.1  # chi^2 of a restarted fit over that of the wrong solution, up to which it is preferred
LEAST, ANEW = 0.25, 0.4  # of the limit of time
BETTER = 5.0  # log likelihood by which a model found elsewhere must be better


class Attempt(NamedTuple):
    """One run of a sampler from one start; `allowed` are the seconds that it may take."""

    name: str
    problem: Problem
    stage: Stage
    draws: Draws
    best: BestModel
    sampler: str
    allowed: float = np.inf


def make_attempts(problem: Problem, work: Path | None, watch: Watch) -> list[Attempt]:
    """All runs of a fit, the last one converged unless a limit ended it.

    Parameters
    ----------
    problem, work, watch
        As for :func:`lenssbi.refinement.fit.solve`.

    Raises
    ------
    ItemError
        No model of the prior can be evaluated (``SINGULAR``).
    """
    limit = problem.config.sampler.seconds
    stage, searched = _timed_stage(problem)
    _check(problem, stage)
    spent = problem.seconds + searched
    done = [_sampled(problem, stage, "first", work, watch, allowed_seconds(limit, spent))]
    for number in range(problem.config.start.restarts):
        spent += done[-1].draws.seconds
        if _out_of_limits(done[-1]) or limit - spent < ANEW * limit:
            break
        last, wrong = done[-1], is_wrong(done[-1].best, done[-1].stage.seen_twice)
        if not wrong and last.stage.modes:  # the search has been asked
            break
        again = elsewhere(problem, number)
        stage, searched = _timed_stage(again)
        spent += searched
        if not wrong and not _beaten(last, stage):
            break
        done.append(_sampled(again, stage, f"restart{number}", work, watch, allowed_seconds(limit, spent)))
    lost = (
        not done[-1].draws.converged and not done[-1].stage.modes
    )  # around modes of the search there is no need to look elsewhere
    if problem.config.sampler.method == "auto" and lost and not _out_of_limits(done[-1]):
        done[-1] = _with_nautilus(done[-1], work, watch)
    return done


def forget(problem: Problem, work: Path) -> None:
    """Remove the states of all runs of a fit, and what a killed one left of a state that it was writing."""
    for one in (problem, *(elsewhere(problem, number) for number in range(problem.config.start.restarts))):
        for pattern in (f"{one.key}-*.h5", f".{one.key}-*.h5"):
            for path in work.glob(pattern):
                path.unlink(missing_ok=True)


def preferred(attempts: list[Attempt]) -> Attempt:
    """The last one, if it is no wrong solution and explains the image; otherwise the one of the highest likelihood."""
    last = attempts[-1]
    misfits = [attempt.best.chi2 for attempt in attempts]
    if not is_wrong(last.best, last.stage.seen_twice) and misfits[-1] < WORSE_FIT * min(misfits):
        return last
    return max(attempts, key=lambda attempt: attempt.best.log_likelihood)


def elsewhere(problem: Problem, number: int) -> Problem:
    """The same fit with a search of its own, among more candidates and from other random numbers."""
    config = problem.config
    start = config.start.model_copy(update={"place": "search", "candidates": 2 * config.start.candidates})
    sampler = config.sampler.model_copy(update={"seed": config.sampler.seed + 1 + number})
    return replace(problem, config=config.model_copy(update={"start": start, "sampler": sampler}))


def allowed_seconds(limit: float, spent: float) -> float:
    """Processor time that a sampler may take, of the limit of a fit that has spent some of it [s]."""
    return max(limit - spent, LEAST * limit)


def _timed_stage(problem: Problem) -> tuple[Stage, float]:
    """The first stage, and the processor time that it took [s]."""
    start = processor_seconds()
    return first_stage(problem), processor_seconds() - start


def _beaten(attempt: Attempt, stage: Stage) -> bool:
    """Whether one of the modes of a search is a better model of the image than the best that a run without one has seen."""
    likelihood, names = attempt.stage.likelihood, attempt.problem.priors.sampled.names
    found = [mode_likelihood(names, mode, likelihood) for mode in stage.modes]
    return max(found, default=-np.inf) > attempt.best.log_likelihood + BETTER


def _check(problem: Problem, stage: Stage) -> None:
    if stage.modes:
        return
    prior = problem.priors.sampled
    trial = prior.quantile(np.random.default_rng(problem.config.sampler.seed).random((TRIAL, len(prior.names))))
    if (stage.likelihood(trial) <= IMPOSSIBLE).all():
        raise ItemError(Status.SINGULAR, problem.observation.stamp.name)


def _out_of_limits(attempt: Attempt) -> bool:
    sampler, draws = attempt.problem.config.sampler, attempt.draws
    return draws.evaluations >= sampler.max_evaluations or draws.seconds >= attempt.allowed


def _sampled(
    problem: Problem, stage: Stage, name: str, work: Path | None, watch: Watch, allowed: float = np.inf
) -> Attempt:
    if problem.config.sampler.method == "nautilus":
        return _run_nautilus(problem, stage, name, work, watch, allowed)
    checkpoint = None if work is None else problem.checkpoint(work, f"{name}-importance")
    likelihood = flattened(stage.likelihood, problem.config.error_factor)
    start, settings = start_mixture(problem, stage), _importance_settings(problem, allowed)
    if stage.modes:
        settings = replace(settings, prior_share=0.0)
    draws = importance.sample(stage.prior, likelihood, settings, checkpoint, watch, start)
    attempt = _looked_at(problem, stage, name, draws, "importance")._replace(allowed=allowed)
    if not draws.converged and draws.n_eff >= ENOUGH and not _out_of_limits(attempt):
        return attempt._replace(draws=replace(attempt.draws, converged=True))  # fewer than wanted, but usable
    return attempt


def _with_nautilus(attempt: Attempt, work: Path | None, watch: Watch) -> Attempt:
    """The same attempt by nested sampling, its evaluations and seconds added to those spent already."""
    spent = attempt.draws
    allowed = attempt.allowed - spent.seconds
    found = _run_nautilus(attempt.problem, attempt.stage, attempt.name, work, watch, allowed, spent.evaluations)
    evaluations, seconds = found.draws.evaluations + spent.evaluations, found.draws.seconds + spent.seconds
    return found._replace(draws=replace(found.draws, evaluations=evaluations, seconds=seconds))


def _run_nautilus(
    problem: Problem, stage: Stage, name: str, work: Path | None, watch: Watch, allowed: float, evaluations: int = 0
) -> Attempt:
    checkpoint = None if work is None else problem.checkpoint(work, f"{name}-nautilus")
    likelihood = flattened(stage.likelihood, problem.config.error_factor)
    settings = _nautilus_settings(problem, evaluations, allowed)
    draws = nautilus.sample(problem.priors.sampled, likelihood, settings, checkpoint, watch)
    return _looked_at(problem, stage, name, draws, "nautilus")._replace(allowed=allowed)


def _looked_at(problem: Problem, stage: Stage, name: str, draws: Draws, sampler: str) -> Attempt:
    draws = restored(draws, problem.config.error_factor)
    peak = int(np.argmax(draws.log_likelihood))
    best = best_model(stage.likelihood, draws.values[peak], float(draws.log_likelihood[peak]))
    return Attempt(name, problem, stage, draws, best, sampler)


def _importance_settings(problem: Problem, allowed: float) -> importance.Settings:
    sampler = problem.config.sampler
    return importance.Settings(
        n_eff=sampler.importance_n_eff,
        max_rounds=sampler.max_rounds,
        max_evaluations=sampler.max_evaluations,
        max_seconds=allowed,
        seed=sampler.seed,
        threads=sampler.threads,
    )


def _nautilus_settings(problem: Problem, evaluations: int, allowed: float) -> nautilus.Settings:
    """Nautilus's settings, with the evaluations that have been spent already taken off the limit."""
    sampler, mode = problem.config.sampler, problem.priors.mode
    return nautilus.Settings(
        n_live=LIVE_POINTS.get(mode, WIDE_LIVE_POINTS) if sampler.n_live == "auto" else sampler.n_live,
        n_networks=sampler.n_networks,
        n_eff=sampler.n_eff,
        max_evaluations=sampler.max_evaluations - evaluations,
        max_seconds=allowed,
        seed=sampler.seed,
        threads=sampler.threads,
    )
