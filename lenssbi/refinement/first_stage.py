"""What is known before the sampling: where the lens models are that explain the image, and where the source shines.

The lens' light, where it is fitted jointly, stays in the data; its Gaussians become columns of the linear system. The search with a
source of few Gaussians (:mod:`lenssbi.refinement.search.search`) gives modes; the mesh and its regularisation follow the light of the
best one, as PyAutoLens's adapt images do (Nightingale, Dye & Massey 2018), and its Gaussians are what the pixels depart from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.reconstruction.imaging import Imaging
from lenssbi.reconstruction.profiles import ProfileInversion, Profiles
from lenssbi.reconstruction.smooth import SmoothPart
from lenssbi.refinement.best import Likelihood
from lenssbi.refinement.likelihood import build_imaging, build_likelihood, deflectors
from lenssbi.refinement.priors.source_prior import SOURCE_NAMES
from lenssbi.refinement.problem import Problem, network_draws
from lenssbi.refinement.profile_likelihood import ProfileLikelihood
from lenssbi.refinement.sampling.mixture_fit import from_samples
from lenssbi.refinement.sampling.mixtures import Mixture
from lenssbi.refinement.search.light import light_columns
from lenssbi.refinement.search.search import Mode, SearchSettings, search

NETWORK_STARTS = 64
NETWORK_COMPONENTS = 4
STRENGTHS = np.arange(-2.5, 3.6, 0.5)  # log10, where the strength is looked for
STRENGTH_SIGMA = 0.4
WIDER = 2.0  # how much wider than a mode of the search its proposal is
LEAST = {"einstein_radius": 0.004, "slope": 0.03}  # sigma of a proposal at least; 0.01 for the others
HOPELESS = 60.0  # a mode whose best evidence is so much worse is left out
SERSIC_INDICES, SERSIC_RADII = (0.5, 1.0, 2.0, 4.0), (0.05, 0.12, 0.3, 0.7)  # [arcsec]
WRONG = {"under": 0.55, "over": 1.5}  # times the Einstein radius of the arcs


@dataclass(frozen=True, eq=False)
class Stage:
    """What the sampling begins with.

    Parameters
    ----------
    likelihood
        Of the sampled prior's parameters.
    modes
        Lens models that the search found, the best first; none if it was not asked.
    """

    likelihood: Likelihood
    modes: tuple[Mode, ...] = ()


def first_stage(problem: Problem) -> Stage:
    """Search, where the fit asks for it, and build the likelihood."""
    config, observation = problem.config, problem.observation
    stamp, columns = observation.stamp, None
    if problem.joint_light:
        assert problem.light is not None
        stamp = replace(stamp, image=stamp.image + problem.light.model_image)
        columns = light_columns(problem.light, stamp)
    imaging = build_imaging(stamp, observation.mask, config.mesh, follow=observation.stamp.image)
    modes: tuple[Mode, ...] = ()
    if config.start.place == "search":
        modes = find_modes(problem, imaging, columns, config.start.candidates, config.sampler.seed)
        if modes:
            imaging = replace(imaging, follow=modes[0].source_image)
    return Stage(_likelihood(problem, imaging, columns, modes), modes)


def _likelihood(problem: Problem, imaging: Imaging, columns: FloatArray | None, modes: tuple[Mode, ...]) -> Likelihood:
    config, names = problem.config, problem.priors.sampled.names
    if config.source == "pixels":
        mesh, smooth = config.mesh, None
        if mesh.smooth and modes and modes[0].fluxes.any() and columns is None and mesh.solver != "positive":
            beta = deflectors(modes[0].params).source_angle(imaging.theta)
            smooth = SmoothPart.found(
                imaging, Profiles.gaussians(), modes[0].ellipses, modes[0].fluxes, beta, modes[0].source_image
            )
        return build_likelihood(imaging, mesh, names, columns, smooth, config.sampler.threads)
    profiles = Profiles.gaussians() if config.source == "gaussians" else Profiles.sersics(SERSIC_INDICES, SERSIC_RADII)
    return ProfileLikelihood(ProfileInversion(imaging, profiles, columns), names, config.sampler.threads)


def find_modes(
    problem: Problem, imaging: Imaging, columns: FloatArray | None, candidates: int, seed: int
) -> tuple[Mode, ...]:
    """The lens models that explain the image with a source of few Gaussians."""
    prior = problem.priors.sampled
    starts = network_draws(problem, NETWORK_STARTS)
    mass = [i for i, name in enumerate(prior.names) if not name.startswith(("log10_", "source_"))]
    draws = 2 ** int(np.ceil(np.log2(candidates)))  # the search takes a power of two
    settings = SearchSettings(draws=draws, seed=seed)
    if problem.config.source != "pixels":
        settings = replace(settings, sources=1)
    return search(imaging, prior, columns, starts[:, mass], settings)


def start_mixture(problem: Problem, stage: Stage) -> Mixture | None:
    """Where importance sampling begins; None for draws of the prior."""
    kind = problem.config.start.place
    if kind in WRONG:
        return _wrong(problem, stage.likelihood)
    if stage.modes:
        return _around(problem, stage)
    if kind == "network" and problem.learned is not None:
        return from_samples(network_draws(problem, 1000), components=NETWORK_COMPONENTS)
    return None


def _around(problem: Problem, stage: Stage) -> Mixture:
    """Components at the modes, the better ones with more draws."""
    found = [_component(problem.priors.sampled.names, mode, stage.likelihood) for mode in stage.modes]
    evidence = np.array([value for value, _, _ in found])
    kept = np.flatnonzero(evidence > evidence.max() - HOPELESS)
    weights = 1 / (1 + evidence.max() - evidence[kept])
    return Mixture(
        weights / weights.sum(), np.array([found[i][1] for i in kept]), np.array([found[i][2] for i in kept])
    )


def mode_likelihood(names: tuple[str, ...], mode: Mode, likelihood: Likelihood) -> float:
    """Log likelihood of a mode at the strength of regularisation that suits it best."""
    return _component(names, mode, likelihood)[0]


def _component(names: tuple[str, ...], mode: Mode, likelihood: Likelihood) -> tuple[float, FloatArray, FloatArray]:
    """Best log likelihood of a mode over the strengths, and the centre and scale of its component."""
    source = mode.source_vector
    known = dict(zip((*mode.names, *SOURCE_NAMES), (*mode.values, *source), strict=True))
    centre = np.array([known.get(name, 0.0) for name in names])
    scale = np.diag([STRENGTH_SIGMA**2 if name.startswith("log10_") else 0.0 for name in names])
    fitted = [name for name in (*mode.names, *SOURCE_NAMES) if name in names]
    places = [names.index(name) for name in fitted]
    least = np.diag([LEAST.get(name, 0.01) ** 2 for name in fitted])
    scale[np.ix_(places, places)] = WIDER**2 * mode.covariance[: len(fitted), : len(fitted)] + least
    value, centre = best_strength(names, centre, likelihood)
    return value, centre, scale


def best_strength(names: tuple[str, ...], values: FloatArray, likelihood: Likelihood) -> tuple[float, FloatArray]:
    """A lens model with the strength of regularisation that suits it best, and its log likelihood."""
    if "log10_strength" not in names:
        return float(likelihood(values[None])[0]), values
    tries = np.tile(values, (len(STRENGTHS), 1))
    tries[:, names.index("log10_strength")] = STRENGTHS
    found = likelihood(tries)
    return float(found.max()), tries[int(np.argmax(found))]


def _wrong(problem: Problem, likelihood: Likelihood) -> Mixture:
    names, radius = problem.priors.sampled.names, problem.observation.circle.radius
    values = np.zeros(len(names))
    values[names.index("einstein_radius")] = WRONG[problem.config.start.place] * radius
    if "slope" in names:
        values[names.index("slope")] = 2.0
    _, centre = best_strength(names, values, likelihood)
    sigma = np.array([STRENGTH_SIGMA if name.startswith("log10_") else 0.05 for name in names])
    return Mixture(np.ones(1), centre[None], np.diag(sigma**2)[None])
