"""A fit, from a stamp to its posterior.

observe -> priors -> likelihood -> sample -> divide the learned prior out -> best model, flags
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

import lenssbi
from lenssbi.lensing.curves import caustics, critical_curves
from lenssbi.posteriors import GaussianMixture, Samples
from lenssbi.reconstruction.inversion import Reconstruction
from lenssbi.refinement.checkpoint import Checkpoint, identity
from lenssbi.refinement.config import RefineConfig
from lenssbi.refinement.dividing import divide_out
from lenssbi.refinement.flags import find_flags
from lenssbi.refinement.likelihood import IMPOSSIBLE, LensLikelihood, build_likelihood
from lenssbi.refinement.nautilus import Draws, Settings, Watch, sample
from lenssbi.refinement.observation import Observation
from lenssbi.refinement.prior_modes import UNITS, Priors, build_priors
from lenssbi.refinement.result import BestModel, FitResult, SourceImage
from lenssbi.status import ItemError, Status

if TYPE_CHECKING:
    from lenssbi.light.mge import LensLightFit

LIVE_POINTS = {"blind": 250, "cnn-uniform": 200, "cnn-gaussian": 150}
SOURCE_SIDE = 150  # pixels of the source's image
TRIAL = 64  # prior draws that show whether the likelihood can be evaluated at all


@dataclass(frozen=True)
class Problem:
    """Everything that the posterior follows from.

    Parameters
    ----------
    observation
        Pixels and noise.
    config
        The choices.
    priors
        The sampled and the broad prior.
    likelihood
        Of the sampled prior's parameters.
    learned
        The network's answer, if the fit uses it.
    light
        The lens light that was taken off, if any.
    """

    observation: Observation
    config: RefineConfig
    priors: Priors
    likelihood: LensLikelihood
    learned: GaussianMixture | None = None
    light: LensLightFit | None = None

    @property
    def key(self) -> str:
        """Identity of the posterior: the same for the same data, choices and versions, whatever the sampler's limits."""
        stamp, config = self.observation.stamp, self.config
        limits = {"max_evaluations", "max_minutes", "threads"}
        choices = config.model_dump(mode="json") | {"sampler": config.sampler.model_dump(exclude=limits)}
        parts = (
            stamp.image,
            stamp.noise,
            self.observation.mask,
            stamp.psf.image,
            stamp.psf.pixel_scale,
            stamp.psf.kind,
        )
        versions = (lenssbi.__version__, version("nautilus-sampler"))
        return identity(*parts, stamp.pixel_scale, sorted(choices.items()), self.priors, versions)

    def checkpoint(self, work: Path) -> Checkpoint:
        """Where the sampler's state is kept in the folder ``work``."""
        return Checkpoint(work / f"{self.key}.h5", self.key)


def pose(
    observation: Observation,
    config: RefineConfig,
    learned: GaussianMixture | None = None,
    light: LensLightFit | None = None,
) -> Problem:
    """Set a fit up.

    Parameters
    ----------
    observation
        The stamp made ready by :func:`~lenssbi.refinement.observation.observe`.
    config
        The choices.
    learned
        The network's answer, for a learned prior.
    light
        The lens light that was taken off, if any.
    """
    centre = 0j if light is None else complex(light.centre)
    priors = build_priors(config, observation.circle, learned, centre)
    names = priors.sampled.names
    likelihood = build_likelihood(observation.stamp, observation.mask, config.mesh, names, config.sampler.threads)
    return Problem(observation, config, priors, likelihood, learned, light)


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
    prior, sampler = problem.priors.sampled, problem.config.sampler
    trial = prior.quantile(np.random.default_rng(sampler.seed).random((TRIAL, len(prior.names))))
    with threadpool_limits(limits=1):
        hopeless = (problem.likelihood(trial) <= IMPOSSIBLE).all()
    if hopeless:
        raise ItemError(Status.SINGULAR, problem.observation.stamp.name)
    settings = Settings(
        n_live=LIVE_POINTS[problem.priors.mode] if sampler.n_live == "auto" else sampler.n_live,
        n_networks=sampler.n_networks,
        n_eff=sampler.n_eff,
        max_evaluations=sampler.max_evaluations,
        max_seconds=60 * sampler.max_minutes,
        seed=sampler.seed,
    )
    checkpoint = None if work is None else problem.checkpoint(work)
    with threadpool_limits(limits=1):  # the matrices are small: BLAS threads would spend their time waiting
        draws = sample(prior, problem.likelihood, settings, checkpoint, watch)
        return _result(problem, draws)


def restore(problem: Problem, samples: Samples, with_prior: Samples | None) -> FitResult:
    """The result of a fit that was sampled earlier, from its posterior file."""
    info = samples.info
    values = np.array([info["best"][name] for name in problem.priors.sampled.names])
    best = best_model(problem, values, info["best_log_likelihood"])
    return _assemble(problem, best, samples, with_prior)


def _result(problem: Problem, draws: Draws) -> FitResult:
    priors, names = problem.priors, problem.priors.sampled.names
    units = tuple(UNITS.get(name, "") for name in names)
    sampled = Samples(draws.values, names, units, draws.log_weights, draws.log_evidence)
    divided = divide_out(sampled, priors) if priors.learned else sampled
    samples = sampled if divided is None else divided
    peak = int(np.argmax(draws.log_likelihood))
    best = best_model(problem, draws.values[peak], float(draws.log_likelihood[peak]))
    flags = find_flags(samples, priors, best, problem.learned if priors.learned else None)
    if divided is None:
        flags += ("outside_broad_prior",)
    info = _info(problem, best, draws) | {"flags": list(flags), "n_eff": samples.n_eff}
    with_prior = replace(sampled, info=info) if priors.learned else None
    return _assemble(problem, best, replace(samples, info=info), with_prior)


def _assemble(problem: Problem, best: BestModel, samples: Samples, with_prior: Samples | None) -> FitResult:
    info = samples.info
    return FitResult(
        status=Status[info["status"]],
        stamp=problem.observation.stamp,
        mask=problem.likelihood.inversion.imaging.mask,
        lens_light=None if problem.light is None else problem.light.model_image,
        best=best,
        samples=samples,
        samples_with_prior=with_prior,
        learned=problem.learned if problem.priors.learned else None,
        mode=problem.priors.mode,
        flags=tuple(info["flags"]),
        evaluations=info["evaluations"],
        seconds=info["seconds"],
        info=info,
    )


def best_model(problem: Problem, values: np.ndarray, log_likelihood: float) -> BestModel:
    """The model of one parameter vector (parameter,), with everything a figure shows."""
    likelihood, stamp = problem.likelihood, problem.observation.stamp
    lens, found = likelihood.reconstruct(values)
    params = likelihood.params(values)
    image, extent = found.source_on_grid(SOURCE_SIDE, _around_source(found, params["einstein_radius"]))
    half_width = max(0.5 * max(stamp.shape) * stamp.pixel_scale, 2.0 * params["einstein_radius"])
    curves = critical_curves(lens, half_width, n=400)
    cell = (extent[1] - extent[0]) * (extent[3] - extent[2]) / image.size
    source_flux = float(np.nansum(image)) * cell
    return BestModel(
        params=params,
        log_likelihood=log_likelihood,
        image=found.model_image,
        source=SourceImage(image, extent),
        critical_curves=tuple(curves),
        caustics=tuple(caustics(lens, curves)),
        magnification=float(np.nansum(found.model_image)) / source_flux if source_flux > 0 else float("nan"),
    )


def _around_source(found: Reconstruction, einstein_radius: float) -> tuple[float, float, float, float]:
    """A square twice as wide as what stands out of the source's noise, and never narrower than the lens would show it."""
    x0, x1, y0, y1 = found.source_on_grid(2)[1]
    x, y, half = (x0 + x1) / 2, (y0 + y1) / 2, max(x1 - x0, 0.3 * einstein_radius)
    return x - half, x + half, y - half, y + half


def _info(problem: Problem, best: BestModel, draws: Draws) -> dict[str, Any]:
    observation = problem.observation
    residual = ((observation.stamp.image - best.image) / observation.stamp.noise)[np.isfinite(best.image)]
    return {
        "key": problem.key,
        "status": (Status.DONE if draws.converged else Status.TIMED_OUT).name,
        "stamp": observation.stamp.name,
        "prior": problem.priors.mode,
        "learned_prior_divided_out": problem.priors.learned,
        "evaluations": draws.evaluations,
        "seconds": draws.seconds,
        "best": dict(best.params),
        "best_log_likelihood": best.log_likelihood,
        "chi2_per_pixel": float(np.mean(residual**2)),
        "pixels": int(residual.size),
        "magnification": best.magnification,
        "noise_scale": observation.noise_scale,
        "circle_radius": observation.circle.radius,
        "circle_error": observation.circle.error,
        "config": problem.config.model_dump(mode="json"),
    }
