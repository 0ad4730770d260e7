"""A fit, from a stamp to its posterior.

build the problem -> search -> likelihood -> sample -> look at the solution, begin anew where it is a wrong one -> reweight to the broad
prior -> add the model's own error -> flags
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from lenssbi.arrays import FloatArray
from lenssbi.dataset.observed import describe
from lenssbi.dataset.stamp import Stamp
from lenssbi.flags import Flag
from lenssbi.parameters.conventions import COMPANION
from lenssbi.posteriors import Samples
from lenssbi.refinement.attempts import Attempt, make_attempts, runs_of, select_run
from lenssbi.refinement.config import LEARNED_MODES
from lenssbi.refinement.drawn_light import drawn_photometry
from lenssbi.refinement.first_stage import first_stage, likelihood_again
from lenssbi.refinement.flags import find_flags, is_wrong
from lenssbi.refinement.kept_mode import KeptMode
from lenssbi.refinement.likelihood import VectorLikelihood
from lenssbi.refinement.model_error import widened
from lenssbi.refinement.observation import noise_in_words
from lenssbi.refinement.photometry import photometry
from lenssbi.refinement.points import find_points
from lenssbi.refinement.priors.exchange import reweight_to_prior
from lenssbi.refinement.priors.modes import UNITS
from lenssbi.refinement.problem import Problem
from lenssbi.refinement.result import FitResult, LensModel, arcs_of
from lenssbi.refinement.sampling.draws import Watch
from lenssbi.refinement.sampling.mixtures import Mixture
from lenssbi.refinement.signal import source_signal_to_noise
from lenssbi.status import Status

SEARCH = "search"  # the entry of a posterior file with the kept mode
UNEXPLAINED = {Flag.EDGE, Flag.RESIDUALS, Flag.DEMAGNIFIED}  # flags of a best model that does not explain the stamp


def solve(
    problem: Problem,
    work: Path | None = None,
    watch: Watch = lambda evaluations, live: None,
    start: Mixture | None = None,
) -> FitResult:
    """Sample the posterior of a fit.

    Parameters
    ----------
    problem
        Problem to fit.
    work
        Folder for the sampler's state; a fit that was stopped is continued from there. None keeps no state.
    watch
        Function that is called with the progress.
    start
        Lens models at which the first run begins, with covariances; None for those that the configuration names. Restarts make a search.

    Raises
    ------
    ItemError
        If no model of the prior can be evaluated (``SINGULAR``).
    """
    with threadpool_limits(limits=1):  # the matrices are small: BLAS threads would spend their time waiting
        attempts = make_attempts(problem, work, watch, start)
        return _result(problem, select_run(attempts), attempts)


def restore(problem: Problem, samples: Samples, with_prior: Samples | None) -> FitResult:
    """The result of a fit that was sampled earlier, from its posterior file.

    The file holds what the likelihood of the best model takes from the search (:mod:`lenssbi.refinement.kept_mode`). For a file without
    it the search is made again with the seed of its run.

    Parameters
    ----------
    problem
        Problem of the fit.
    samples, with_prior
        Posterior in the file, and the one with the network's prior, if there is one.
    """
    info = samples.info
    values = np.array([info["best"][name] for name in problem.priors.sampled.names])
    with threadpool_limits(limits=1):
        best = replace(_likelihood_of(problem, info).model(values), log_likelihood=info["best_log_likelihood"])
    return _assemble(problem, best, samples, with_prior)


def _likelihood_of(problem: Problem, info: Mapping[str, Any]) -> VectorLikelihood:
    """The likelihood of a fit's best model."""
    run, kept = runs_of(problem)[info["attempt"]], info.get(SEARCH)
    return first_stage(run).likelihood if kept is None else likelihood_again(run, KeptMode.of_info(kept))


def _result(problem: Problem, attempt: Attempt, attempts: list[Attempt]) -> FitResult:
    priors, draws, best = problem.priors, attempt.draws, attempt.best
    names = priors.sampled.names
    units = tuple("arcsec" if COMPANION.fullmatch(name) else UNITS.get(name, "") for name in names)
    sampled = Samples(draws.values, names, units, draws.log_weights, draws.log_evidence)
    broad = reweight_to_prior(sampled, priors.sampled, priors.broad) if priors.learned else sampled
    samples = sampled if broad is None else broad
    flags = find_flags(samples, priors, best, problem.learned, attempt.stage.seen_twice, problem.observation.sky_chi2)
    flags += (Flag.OUTSIDE_BROAD_PRIOR,) if broad is None else ()
    flags += (Flag.POINT_IMAGES,) if _shows_points(problem, best) else ()
    info = _info(problem, attempt, attempts) | {
        "status": _status(attempt, flags).name,
        "flags": list(dict.fromkeys((*flags, *problem.flags))),
        "flags_of_fit": list(flags),
        "n_eff": samples.n_eff,
        "drawn_photometry": drawn_photometry(
            samples, attempt.stage.likelihood, lambda model: _light_apart(problem, model)
        ),
    }
    of_mass = widened(samples, problem.config.model_error, problem.config.sampler.seed)
    if priors.belief is None:
        believed = None
    elif priors.learned and (of_mass is samples or broad is None):
        believed = sampled
    else:
        believed = reweight_to_prior(of_mass, priors.broad, priors.belief)
    with_prior = None if believed is None else replace(believed, info=info)
    return _assemble(problem, best, replace(of_mass, info=info), with_prior)


def _assemble(problem: Problem, best: LensModel, samples: Samples, with_prior: Samples | None) -> FitResult:
    stamp, light = _light_apart(problem, best)
    if problem.companions:
        others = np.sum([one.image for one in problem.companions], axis=0)
        light = others if light is None else light + others
    return FitResult(stamp, light, best, samples, with_prior, problem.learned, problem.network)


def _light_apart(problem: Problem, best: LensModel) -> tuple[Stamp, FloatArray | None]:
    """The stamp without the lens light as it was fitted in the end, and that light; None if there is none."""
    stamp, light = problem.observation.stamp, None if problem.light is None else problem.light.model_image
    if light is None:
        return stamp, None
    if best.lens_light is not None:  # what was fitted takes the place of what was taken off before
        joint = np.where(np.isfinite(best.lens_light), best.lens_light, light)
        return replace(stamp, image=stamp.image + light - joint), joint
    if problem.joint_light:  # it was found to be an image of the source
        return replace(stamp, image=stamp.image + light), None
    return stamp, light


def _shows_points(problem: Problem, best: LensModel) -> bool:
    """Whether the images of the source are points."""
    stamp, _ = _light_apart(problem, best)
    mask = arcs_of(np.isfinite(best.image))
    return find_points(stamp.image, stamp.noise, mask, stamp.psf, stamp.pixel_scale).explain


def _status(attempt: Attempt, flags: Sequence[str]) -> Status:
    """How the sampling ended; a limit that is reached with a model that explains nothing is no reason to raise it."""
    if is_wrong(attempt.best, attempt.stage.seen_twice):
        return Status.WRONG
    if attempt.draws.converged:
        return Status.DONE
    return Status.NOT_EXPLAINED if UNEXPLAINED & set(flags) else Status.TIMED_OUT


def _info(problem: Problem, attempt: Attempt, attempts: list[Attempt]) -> dict[str, Any]:
    observation, best, draws = problem.observation, attempt.best, attempt.draws
    stamp, light = _light_apart(problem, best)
    kept = attempt.stage.kept_mode(np.array(list(best.params.values())))
    return {
        "key": problem.key,
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
        "chi2_per_pixel_of_sky": observation.sky_chi2,
        "worst_residual": best.worst,
        "pixels": int(np.isfinite(best.image).sum()),
        "magnification": best.magnification,
        "compactness": best.compactness,
        "counter_images": best.counter,
        "photometry": photometry(stamp, best, light)._asdict(),
        "noise_scale": observation.noise_scale,
        "error_factor": problem.error_factor,
        "noise": noise_in_words(problem.config.noise_scale),
        "circle_radius": observation.circle.radius,
        "circle_error": observation.circle.error,
        "snr": source_signal_to_noise(observation.stamp, observation.circle.arcs),
        "observation": describe(observation.stamp),
        "config": problem.config.model_dump(mode="json"),
        SEARCH: None if kept is None else kept.as_info(),
    }
