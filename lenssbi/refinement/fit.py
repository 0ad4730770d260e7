"""A fit, from a stamp to its posterior.

pose -> search -> likelihood -> sample -> look at the solution, begin anew where it is a wrong one -> exchange priors -> flags
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from lenssbi.posteriors import Samples
from lenssbi.refinement.best import best_model
from lenssbi.refinement.config import LEARNED_MODES
from lenssbi.refinement.first_stage import Stage, first_stage, start_mixture
from lenssbi.refinement.flags import find_flags, is_wrong
from lenssbi.refinement.likelihood import IMPOSSIBLE
from lenssbi.refinement.observation import noise_in_words
from lenssbi.refinement.priors.exchange import exchange
from lenssbi.refinement.priors.modes import UNITS
from lenssbi.refinement.problem import Problem
from lenssbi.refinement.result import BestModel, FitResult
from lenssbi.refinement.sampling import importance, nautilus
from lenssbi.refinement.sampling.nautilus import Draws, Watch
from lenssbi.refinement.tempering import flattened, restored
from lenssbi.status import ItemError, Status

LIVE_POINTS = {"cnn-uniform": 200, "cnn-gaussian": 150, "cnn-joint": 150}
WIDE_LIVE_POINTS = 250
TRIAL = 64  # prior draws that show whether the likelihood can be evaluated at all
ENOUGH = 100  # effective draws: with these a run that asked for more is not begun anew with Nautilus
WORSE_FIT = 1.1  # chi^2 of a restarted fit over that of the wrong solution, up to which it is preferred


class Attempt(NamedTuple):
    """One run of a sampler from one start."""

    name: str
    stage: Stage
    draws: Draws
    best: BestModel
    sampler: str


def solve(problem: Problem, work: Path | None = None, watch: Watch = lambda evaluations, live: None) -> FitResult:
    """Sample the posterior of a fit.

    Parameters
    ----------
    problem
        The fit.
    work
        Folder for the sampler's state; a fit that was stopped goes on from there. None keeps no state.
    watch
        Told of the progress.

    Raises
    ------
    ItemError
        No model of the prior can be evaluated (``SINGULAR``).
    """
    with threadpool_limits(limits=1):  # the matrices are small: BLAS threads would spend their time waiting
        attempts = _attempts(problem, work, watch)
        return _result(problem, _preferred(attempts), attempts)


def _attempts(problem: Problem, work: Path | None, watch: Watch) -> list[Attempt]:
    """The run of the fit as it was asked for, and further ones while the solution is recognised as wrong."""
    stage = first_stage(problem)
    _check(problem, stage)
    done = [_attempt(problem, stage, "first", work, watch)]
    for number in range(problem.config.start.restarts):
        last = done[-1]
        if not last.draws.converged or not is_wrong(last.best):
            break
        elsewhere = first_stage(_elsewhere(problem, number))
        done.append(_attempt(_elsewhere(problem, number), elsewhere, f"restart{number}", work, watch))
    return done


def _elsewhere(problem: Problem, number: int) -> Problem:
    """The same fit with a search of its own, among more candidates and from other random numbers."""
    start = problem.config.start.model_copy(
        update={"place": "search", "candidates": 4 * problem.config.start.candidates}
    )
    sampler = problem.config.sampler.model_copy(update={"seed": problem.config.sampler.seed + 1 + number})
    return replace(problem, config=problem.config.model_copy(update={"start": start, "sampler": sampler}))


def _check(problem: Problem, stage: Stage) -> None:
    if stage.modes:
        return
    prior = problem.priors.sampled
    trial = prior.quantile(np.random.default_rng(problem.config.sampler.seed).random((TRIAL, len(prior.names))))
    if (stage.likelihood(trial) <= IMPOSSIBLE).all():
        raise ItemError(Status.SINGULAR, problem.observation.stamp.name)


def _attempt(problem: Problem, stage: Stage, name: str, work: Path | None, watch: Watch) -> Attempt:
    sampler, kind, factor = problem.config.sampler, problem.config.sampler.method, problem.config.error_factor
    likelihood = flattened(stage.likelihood, factor)
    draws = None
    if kind != "nautilus":
        checkpoint = None if work is None else problem.checkpoint(work, f"{name}-importance")
        start, settings = start_mixture(problem, stage), _importance_settings(problem)
        draws = importance.sample(problem.priors.sampled, likelihood, settings, checkpoint, watch, start)
        used = "importance"
        if not draws.converged and draws.n_eff >= ENOUGH and draws.evaluations < sampler.max_evaluations:
            draws = replace(draws, converged=draws.seconds < 60 * sampler.max_minutes)  # fewer than wanted, but usable
    spent = 0 if draws is None else draws.evaluations
    left = sampler.max_evaluations - spent
    if draws is None or (kind == "auto" and not draws.converged and left > 0):
        checkpoint = None if work is None else problem.checkpoint(work, f"{name}-nautilus")
        before = 0.0 if draws is None else draws.seconds
        settings_n = _nautilus_settings(problem, left, 60 * sampler.max_minutes - before)
        draws = nautilus.sample(problem.priors.sampled, likelihood, settings_n, checkpoint, watch)
        draws = replace(draws, evaluations=draws.evaluations + spent, seconds=draws.seconds + before)
        used = "nautilus"
    draws = restored(draws, factor)
    peak = int(np.argmax(draws.log_likelihood))
    best = best_model(stage.likelihood, draws.values[peak], float(draws.log_likelihood[peak]))
    return Attempt(name, stage, draws, best, used)


def _importance_settings(problem: Problem) -> importance.Settings:
    sampler = problem.config.sampler
    return importance.Settings(
        n_eff=sampler.importance_n_eff,
        max_rounds=sampler.max_rounds,
        max_evaluations=sampler.max_evaluations,
        max_seconds=60 * sampler.max_minutes,
        seed=sampler.seed,
    )


def _nautilus_settings(problem: Problem, evaluations: int, seconds: float) -> nautilus.Settings:
    sampler, mode = problem.config.sampler, problem.priors.mode
    return nautilus.Settings(
        n_live=LIVE_POINTS.get(mode, WIDE_LIVE_POINTS) if sampler.n_live == "auto" else sampler.n_live,
        n_networks=sampler.n_networks,
        n_eff=sampler.n_eff,
        max_evaluations=evaluations,
        max_seconds=seconds,
        seed=sampler.seed,
    )


def _preferred(attempts: list[Attempt]) -> Attempt:
    """The last one, if it is no wrong solution and explains the image; otherwise the one of the highest likelihood."""
    last = attempts[-1]
    misfits = [attempt.best.chi2 for attempt in attempts]
    if not is_wrong(last.best) and misfits[-1] < WORSE_FIT * min(misfits):
        return last
    return max(attempts, key=lambda attempt: attempt.best.log_likelihood)


def restore(problem: Problem, samples: Samples, with_prior: Samples | None) -> FitResult:
    """The result of a fit that was sampled earlier, from its posterior file."""
    info = samples.info
    values = np.array([info["best"][name] for name in problem.priors.sampled.names])
    with threadpool_limits(limits=1):
        attempt = info["attempt"]
        again = problem if attempt == "first" else _elsewhere(problem, int(attempt.removeprefix("restart")))
        best = best_model(first_stage(again).likelihood, values, info["best_log_likelihood"])
    return _assemble(problem, best, samples, with_prior)


def _result(problem: Problem, attempt: Attempt, attempts: list[Attempt]) -> FitResult:
    priors, draws, best = problem.priors, attempt.draws, attempt.best
    names = priors.sampled.names
    units = tuple(UNITS.get(name, "") for name in names)
    sampled = Samples(draws.values, names, units, draws.log_weights, draws.log_evidence)
    broad = exchange(sampled, priors.sampled, priors.broad) if priors.learned else sampled
    if priors.belief is None:
        believed = None
    else:
        believed = sampled if priors.learned else exchange(sampled, priors.broad, priors.belief)
    samples = sampled if broad is None else broad
    flags = find_flags(samples, priors, best, problem.learned)
    flags += ("outside_broad_prior",) if broad is None else ()
    info = _info(problem, attempt, attempts) | {"flags": list(flags), "n_eff": samples.n_eff}
    with_prior = None if believed is None else replace(believed, info=info)
    return _assemble(problem, best, replace(samples, info=info), with_prior)


def _assemble(problem: Problem, best: BestModel, samples: Samples, with_prior: Samples | None) -> FitResult:
    info, stamp = samples.info, problem.observation.stamp
    light = None if problem.light is None else problem.light.model_image
    if (
        best.lens_light is not None and light is not None
    ):  # what was fitted with the source takes the place of what was taken off before
        joint = np.where(np.isfinite(best.lens_light), best.lens_light, light)
        stamp, light = replace(stamp, image=stamp.image + light - joint), joint
    return FitResult(
        status=Status[info["status"]],
        stamp=stamp,
        mask=np.isfinite(best.image),
        lens_light=light,
        best=best,
        samples=samples,
        samples_with_prior=with_prior,
        learned=problem.learned,
        mode=problem.priors.mode,
        flags=tuple(info["flags"]),
        evaluations=info["evaluations"],
        seconds=info["seconds"],
        info=info,
    )


def _info(problem: Problem, attempt: Attempt, attempts: list[Attempt]) -> dict[str, Any]:
    observation, best, draws = problem.observation, attempt.best, attempt.draws
    return {
        "key": problem.key,
        "status": (Status.DONE if draws.converged else Status.TIMED_OUT).name,
        "stamp": observation.stamp.name,
        "prior": problem.priors.mode,
        "learned_prior_divided_out": problem.priors.mode in LEARNED_MODES,
        "sampler": attempt.sampler,
        "note": draws.note,
        "attempt": attempt.name,
        "attempts": len(attempts),
        "evaluations": sum(a.draws.evaluations for a in attempts),
        "seconds": sum(a.draws.seconds for a in attempts),
        "best": dict(best.params),
        "best_log_likelihood": best.log_likelihood,
        "chi2_per_pixel": best.chi2,
        "pixels": int(np.isfinite(best.image).sum()),
        "magnification": best.magnification,
        "compactness": best.compactness,
        "noise_scale": observation.noise_scale,
        "error_factor": problem.config.error_factor,
        "noise": noise_in_words(problem.config.noise_scale),
        "circle_radius": observation.circle.radius,
        "circle_error": observation.circle.error,
        "config": problem.config.model_dump(mode="json"),
    }
