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

from lenssbi.refinement.first_stage import Stage, best_strength, first_stage, start_mixture
from lenssbi.refinement.flags import is_wrong
from lenssbi.refinement.likelihood import IMPOSSIBLE
from lenssbi.refinement.problem import Problem
from lenssbi.refinement.result import LensModel
from lenssbi.refinement.samplers import SAMPLERS, Allowance
from lenssbi.refinement.sampling.clock import processor_seconds
from lenssbi.refinement.sampling.draws import Draws, Target, Watch
from lenssbi.refinement.sampling.mixtures import Mixture
from lenssbi.refinement.tempering import tempered, untempered
from lenssbi.status import ItemError, Status

TRIAL = 64  # prior draws that show whether the likelihood can be evaluated at all
ENOUGH = 100  # effective draws: with these a run that asked for more, or that a limit ended, is done
WORSE_FIT = 1.1  # chi^2 of a restarted fit over that of the wrong solution, up to which it is preferred
LEAST, ANEW = 0.25, 0.4  # of the limit of time
BETTER = 5.0  # log likelihood by which a model found elsewhere must be better


class Attempt(NamedTuple):
    """One run of a sampler from one start; `allowed` are the seconds that it may take."""

    name: str
    problem: Problem
    stage: Stage
    draws: Draws
    best: LensModel
    sampler: str
    allowed: float = np.inf


class _Run(NamedTuple):
    """A run before it is made; `start` is where it begins, None if the fit says where."""

    problem: Problem
    stage: Stage
    name: str
    work: Path | None
    watch: Watch
    start: Mixture | None = None


def make_attempts(problem: Problem, work: Path | None, watch: Watch, start: Mixture | None = None) -> list[Attempt]:
    """All runs of a fit, the last one converged unless a limit ended it.

    Parameters
    ----------
    problem, work, watch, start
        As for :func:`lenssbi.refinement.fit.solve`.

    Raises
    ------
    ItemError
        If no model of the prior can be evaluated (``SINGULAR``).
    """
    limit = problem.config.sampler.seconds
    (first, _), *others = runs_of(problem).items()
    stage, searched = _timed_stage(problem)
    _check(problem, stage)
    spent = problem.seconds + searched
    done = [_sampled(_Run(problem, stage, first, work, watch, start), allowed_seconds(limit, spent))]
    for name, again in others:
        spent += done[-1].draws.seconds
        if _out_of_limits(done[-1]) or limit - spent < ANEW * limit:
            break
        last, wrong = done[-1], is_wrong(done[-1].best, done[-1].stage.seen_twice)
        if not wrong and last.stage.modes:  # the search has been asked
            break
        stage, searched = _timed_stage(again)
        spent += searched
        if not wrong and not _beaten(last, stage):
            break
        done.append(_sampled(_Run(again, stage, name, work, watch), allowed_seconds(limit, spent)))
    lost = (
        not done[-1].draws.converged and not done[-1].stage.modes
    )  # around modes of the search there is no need to look elsewhere
    if problem.config.sampler.method == "auto" and lost and not _out_of_limits(done[-1]):
        done[-1] = _with_nautilus(done[-1], work, watch)
    return done


def remove_checkpoints(problem: Problem, work: Path) -> None:
    """Remove the states of all runs of a fit, and what a killed one left of a state that it was writing."""
    for one in runs_of(problem).values():
        for pattern in (f"{one.key}-*.h5", f".{one.key}-*.h5"):
            for path in work.glob(pattern):
                path.unlink(missing_ok=True)


def select_run(attempts: list[Attempt]) -> Attempt:
    """The last one, if it is no wrong solution and explains the image; otherwise the one of the highest likelihood."""
    last = attempts[-1]
    misfits = [attempt.best.chi2 for attempt in attempts]
    if not is_wrong(last.best, last.stage.seen_twice) and misfits[-1] < WORSE_FIT * min(misfits):
        return last
    return max(attempts, key=lambda attempt: attempt.best.log_likelihood)


def runs_of(problem: Problem) -> dict[str, Problem]:
    """The runs that a fit may make, in their order: the first one as it was asked for, then restarts with searches of their own."""
    restarts = range(problem.config.start.restarts)
    return {"first": problem} | {f"restart{number}": _reseeded(problem, number) for number in restarts}


def _reseeded(problem: Problem, number: int) -> Problem:
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
    least = attempt.best.log_likelihood + BETTER
    centres = () if stage.start is None else stage.start.means
    # the search has judged them by sources of their own: here they are judged as the run's models were, until one is better
    return any(best_strength(names, centre, likelihood)[0] > least for centre in centres)


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


def _sampled(run: _Run, allowed: float = np.inf) -> Attempt:
    method = run.problem.config.sampler.method
    if method not in ("auto", "importance"):
        return _run(run, method, Allowance(allowed))
    found = _run(run, "importance", Allowance(allowed))
    if not found.draws.converged and found.draws.n_eff >= ENOUGH:
        return found._replace(draws=replace(found.draws, converged=True))  # fewer than wanted, but usable
    return found


def _with_nautilus(attempt: Attempt, work: Path | None, watch: Watch) -> Attempt:
    """The same attempt by nested sampling, its evaluations and seconds added to those spent already."""
    spent = attempt.draws
    again = _Run(attempt.problem, attempt.stage, attempt.name, work, watch)
    found = _run(again, "nautilus", Allowance(attempt.allowed - spent.seconds, spent.evaluations))
    evaluations, seconds = found.draws.evaluations + spent.evaluations, found.draws.seconds + spent.seconds
    return found._replace(draws=replace(found.draws, evaluations=evaluations, seconds=seconds))


def _run(run: _Run, sampler: str, allowance: Allowance) -> Attempt:
    problem, stage = run.problem, run.stage
    factor, prior = problem.error_factor, problem.priors.sampled
    start = start_mixture(problem, stage) if run.start is None else run.start
    target = Target(prior, stage.prior, tempered(stage.likelihood, factor), start)
    checkpoint = None if run.work is None else problem.checkpoint(run.work, f"{run.name}-{sampler}")
    chosen = SAMPLERS[sampler](problem.config.sampler, problem.priors.mode, allowance)
    draws = untempered(chosen.sample(target, checkpoint, run.watch), factor)
    peak = int(np.argmax(draws.log_likelihood))
    best = replace(stage.likelihood.model(draws.values[peak]), log_likelihood=float(draws.log_likelihood[peak]))
    return Attempt(run.name, problem, stage, draws, best, sampler, allowance.seconds)
