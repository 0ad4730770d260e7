"""What is known before the sampling: where the lens models are that explain the image, and where the source shines.

    the lens light -> the light and a smooth source -> the light anew, without the source -> the smooth source anew -> pixels upon it

The lens light, where it is fitted jointly, stays in the data; its Gaussians become columns of the linear system. The search with a
source of few Gaussians (:mod:`lenssbi.refinement.search.search`) gives modes. Behind each the mesh and its regularisation follow the
light of its own source, as PyAutoLens's adapt images do (Nightingale, Dye & Massey 2018), whose Gaussians are what the pixels depart from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from lenssbi.arrays import FloatArray, pixel_grid
from lenssbi.dataset.stamp import Stamp
from lenssbi.light.mge import LensLightFit
from lenssbi.reconstruction.imaging import Imaging
from lenssbi.reconstruction.profiles import ProfileInversion, Profiles
from lenssbi.reconstruction.smooth import SmoothPart
from lenssbi.refinement.basins import SeveralImages
from lenssbi.refinement.kept_mode import KeptMode
from lenssbi.refinement.likelihood import (
    IMPOSSIBLE,
    LensLikelihood,
    VectorLikelihood,
    build_imaging,
    build_likelihood,
)
from lenssbi.refinement.observation import Observation
from lenssbi.refinement.priors.blocks import JointPrior
from lenssbi.refinement.priors.source_prior import SOURCE_NAMES
from lenssbi.refinement.problem import Problem, network_draws
from lenssbi.refinement.profile_likelihood import ProfileLikelihood
from lenssbi.refinement.regions import REACH, RegionalLikelihood, RegionalPrior, Regions
from lenssbi.refinement.sampling.mixture_fit import from_samples
from lenssbi.refinement.sampling.mixtures import Mixture
from lenssbi.refinement.search.guided import RoughLens
from lenssbi.refinement.search.light import light_columns, refitted
from lenssbi.refinement.search.modes import mode_at
from lenssbi.refinement.search.search import Mode, SearchSettings, polish, search
from lenssbi.refinement.starts import where_to_search
from lenssbi.status import ItemError, Status
from lenssbi.systems import deflectors

NETWORK_COMPONENTS = 4
WITH_NETWORK = 2  # the search is eased once more, as for a mask so many times larger, if a network has answered
LIGHTS = 2  # times that the lens light is fitted anew beside the network's lens
STRENGTHS = np.arange(-1.5, 3.6, 1.0)  # log10, where the strength is looked for
STRENGTH_SIGMA = 0.45
WIDER = 1.35  # how much wider than a mode of the search, with the factor on the error bars, its proposal is
LEAST = {"einstein_radius": 0.004, "slope": 0.03}  # sigma of a proposal at least; 0.01 for the others
HOPELESS = 30.0  # a mode whose best evidence is so much worse is left out
LIGHT_COST = 30.0  # log evidence: what a lens galaxy's shape and Gaussians have to gain
COMPACT = 0.3  # [arcsec]
SERSIC_INDICES, SERSIC_RADII = (0.5, 1.0, 2.0, 4.0), (0.05, 0.12, 0.3, 0.7)  # [arcsec]


@dataclass(frozen=True)
class Stage:
    """What the sampling begins with.

    Parameters
    ----------
    prior
        Sampled prior, confined to the regions around the modes if there are any.
    likelihood
        Likelihood of the prior's parameters.
    modes
        Lens models that the search found, the best first; none if no search was made.
    start
        Components at the modes, the better ones with more draws; None if there are no modes.
    light, shining
        Lens light as it was fitted beside the best mode, and which of its Gaussians are fitted with the source; None if there are none.
    """

    prior: JointPrior | RegionalPrior
    likelihood: VectorLikelihood
    modes: tuple[Mode, ...] = ()
    start: Mixture | None = None
    light: LensLightFit | None = None
    shining: NDArray[np.bool_] | None = None

    @property
    def seen_twice(self) -> bool:
        """Whether only lens models that show their source more than once are left."""
        return bool(self.modes) and all(mode.multiply_imaged for mode in self.modes)

    def kept_mode(self, row: FloatArray) -> KeptMode | None:
        """What the likelihood of one parameter vector (parameter,) takes from the search; None if no search was made."""
        if not self.modes:
            return None
        number = self.likelihood.nearest(row) if isinstance(self.likelihood, RegionalLikelihood) else 0
        return KeptMode(self.modes[number].vector, self.light, self.shining)


@dataclass(frozen=True)
class _View:
    """The stamp as the fit sees it: with the lens light, if that is fitted too, and the light's columns, all or those that shine."""

    imaging: Imaging
    stamp: Stamp
    light: LensLightFit | None
    columns: FloatArray | None
    shining: NDArray[np.bool_] | None = None


def first_stage(problem: Problem) -> Stage:
    """Search, where the fit asks for it, and build the likelihood."""
    prior, view = problem.priors.sampled, _view(problem)
    if problem.config.start.place != "search":
        return Stage(prior, _likelihood(problem, view.imaging, view.columns, None))
    view, modes = _searched(problem, view)
    found = [_Found.of(problem, view, mode) for mode in modes]
    best = max(one.evidence for one in found)
    if best <= IMPOSSIBLE:
        raise ItemError(Status.SINGULAR, problem.observation.stamp.name)
    found = sorted((one for one in found if one.evidence > best - HOPELESS), key=lambda one: -one.evidence)
    modes, likelihood = tuple(one.mode for one in found), found[0].likelihood
    regions = Regions(prior.names, modes, REACH * problem.error_factor)
    if problem.config.source == "pixels":
        parts = tuple(one.likelihood for one in found if isinstance(one.likelihood, LensLikelihood))
        likelihood = RegionalLikelihood(parts, regions, problem.config.sampler.threads)
    weights = np.array([1 / (1 + best - one.evidence) for one in found])
    start = Mixture(
        weights / weights.sum(), np.array([one.centre for one in found]), np.array([one.scale for one in found])
    )
    return Stage(RegionalPrior(prior, regions), likelihood, modes, start, view.light, view.shining)


def likelihood_again(problem: Problem, kept: KeptMode) -> VectorLikelihood:
    """The likelihood around one mode of an earlier search of the same problem, to the last digit, without a search."""
    view = _view(problem)
    columns = None if kept.light is None else light_columns(kept.light, view.stamp)
    prior, _ = where_to_search(problem)
    mode = mode_at(kept.vector, ProfileInversion(view.imaging, Profiles.gaussians(), columns), prior)
    return _around(problem, replace(view, columns=None if columns is None else columns[kept.shining]), mode)


class _Found(NamedTuple):
    """A mode as the sampler meets it: its likelihood, the log evidence at the best strength, centre and scale of its component."""

    mode: Mode
    likelihood: VectorLikelihood
    evidence: float
    centre: FloatArray
    scale: FloatArray

    @classmethod
    def of(cls, problem: Problem, view: _View, mode: Mode) -> _Found:
        part = _around(problem, view, mode)
        return cls(mode, part, *_component(problem.priors.sampled.names, mode, part, problem.error_factor))


def _around(problem: Problem, view: _View, mode: Mode) -> VectorLikelihood:
    """The likelihood with the source of a mode."""
    part = _likelihood(problem, replace(view.imaging, follow=mode.source_image), view.columns, mode)
    if isinstance(part, LensLikelihood) and mode.multiply_imaged:
        images = SeveralImages.of(mode.source_image[part.imaging.mask], mode.source_radius)
        beta = deflectors(mode.params).source_angle(part.imaging.theta)
        if images.shown(beta, part.imaging):  # not where the clumps of a source lie far apart
            return replace(part, images=images)
    return part


def _view(problem: Problem) -> _View:
    config, observation = problem.config, problem.observation
    stamp, light, columns = observation.stamp, None, None
    if problem.joint_light:
        light = problem.light
        assert light is not None
        stamp = replace(stamp, image=stamp.image + light.model_image)
        columns = light_columns(light, stamp)
    imaging = build_imaging(stamp, observation.mask, config.mesh, follow=observation.stamp.image)
    return _View(imaging, stamp, light, columns)


def _searched(problem: Problem, view: _View) -> tuple[_View, tuple[Mode, ...]]:
    """The modes, with the lens light as it is beside the best of them."""
    config = problem.config
    prior, starts = where_to_search(problem)
    draws = 2 ** int(np.ceil(np.log2(config.start.candidates)))  # the search takes a power of two
    settings = SearchSettings(draws=draws, seed=config.sampler.seed).eased(view.imaging.n_pixels)
    if config.source != "pixels":
        settings = replace(settings, sources=1)
    known: tuple[Mode, ...] = ()
    if len(starts):
        rough = RoughLens(view.imaging, prior, starts, settings)
        view, source = _relit(problem, view, rough)
        known = rough.modes(view.columns, source)
        settings = settings.eased(WITH_NETWORK * view.imaging.n_pixels)
    modes = search(view.imaging, prior, view.columns, starts, settings, known)
    if view.light is None:
        return view, modes
    if _may_be_an_image(view.light, problem.observation):
        bare = search(view.imaging, prior, None, starts, settings)
        if bare[0].log_evidence > modes[0].log_evidence - LIGHT_COST:
            return replace(view, light=None, columns=None), bare
    light = refitted(view.light, view.stamp, modes[0].source_image, ~problem.observation.others)
    columns = light_columns(light, view.stamp)
    modes = polish(view.imaging, prior, columns, modes, settings)
    shining = _shining(light, modes)
    return replace(view, light=light, columns=columns[shining], shining=shining), modes


def _relit(problem: Problem, view: _View, rough: RoughLens) -> tuple[_View, Mode | None]:
    """The view with the lens light as it is beside the source behind the network's lens, unless it may be an image of the source."""
    source, light = None, view.light
    if light is None or _may_be_an_image(light, problem.observation):
        return view, source
    for _ in range(LIGHTS):
        source = rough.source(view.columns, source)
        light = refitted(light, view.stamp, source.source_image, ~problem.observation.others)
        view = replace(view, light=light, columns=light_columns(light, view.stamp))
    return view, source


def _may_be_an_image(light: LensLightFit, observation: Observation) -> bool:
    """Whether what was taken for the lens galaxy is as small and faint as an image of the source near the middle."""
    distance = np.abs(pixel_grid(light.model_image.shape, observation.stamp.pixel_scale) - light.centre)
    flux, arcs = light.model_image.sum(), observation.stamp.image[observation.circle.arcs].sum()
    return bool(light.model_image[distance < COMPACT].sum() > 0.5 * flux and flux < arcs)


def _shining(light: LensLightFit, modes: tuple[Mode, ...]) -> NDArray[np.bool_]:
    """Which Gaussians of the lens light shine beside one of the modes, and their neighbours in width, shape (ellipse * gaussian,)."""
    bright = np.any([mode.columns > 0 for mode in modes], axis=0).reshape(light.amplitudes.shape)
    return np.asarray(binary_dilation(bright, np.ones((1, 3))).ravel())


def _likelihood(problem: Problem, imaging: Imaging, columns: FloatArray | None, mode: Mode | None) -> VectorLikelihood:
    config, names = problem.config, problem.priors.sampled.names
    if config.source == "pixels":
        mesh, smooth = config.mesh, None
        if mesh.smooth and mode is not None and mode.fluxes.any() and mesh.solver != "positive":
            beta = deflectors(mode.params).source_angle(imaging.theta)
            smooth = SmoothPart.found(
                imaging, Profiles.gaussians(), mode.ellipses, mode.fluxes, beta, mode.source_image
            )
        return build_likelihood(imaging, mesh, names, columns, smooth, config.sampler.threads)
    profiles = Profiles.gaussians() if config.source == "gaussians" else Profiles.sersics(SERSIC_INDICES, SERSIC_RADII)
    return ProfileLikelihood(ProfileInversion(imaging, profiles, columns), names, config.sampler.threads)


def start_mixture(problem: Problem, stage: Stage) -> Mixture | None:
    """Where importance sampling begins; None for draws of the prior."""
    if stage.start is not None:
        return stage.start
    if problem.config.start.place == "network" and problem.learned is not None:
        return from_samples(network_draws(problem, 1000), components=NETWORK_COMPONENTS)
    return None


def _component(
    names: tuple[str, ...], mode: Mode, likelihood: VectorLikelihood, factor: float = 1.0
) -> tuple[float, FloatArray, FloatArray]:
    """Best log likelihood of a mode over the strengths, and the centre and scale of its component, with a factor on the error bars."""
    source = mode.source_vector
    known = dict(zip((*mode.names, *SOURCE_NAMES), (*mode.values, *source), strict=True))
    centre = np.array([known.get(name, 0.0) for name in names])
    scale = np.diag([STRENGTH_SIGMA**2 if name.startswith("log10_") else 0.0 for name in names])
    fitted = [name for name in (*mode.names, *SOURCE_NAMES) if name in names]
    places = [names.index(name) for name in fitted]
    least = np.diag([LEAST.get(name, 0.01) ** 2 for name in fitted])
    scale[np.ix_(places, places)] = (WIDER * factor) ** 2 * mode.covariance[: len(fitted), : len(fitted)] + least
    value, centre = best_strength(names, centre, likelihood)
    return value, centre, scale


def best_strength(names: tuple[str, ...], values: FloatArray, likelihood: VectorLikelihood) -> tuple[float, FloatArray]:
    """A lens model with the strength of regularisation that suits it best, and its log likelihood."""
    if "log10_strength" not in names:
        return float(likelihood(values[None])[0]), values
    tries = np.tile(values, (len(STRENGTHS), 1))
    tries[:, names.index("log10_strength")] = STRENGTHS
    found = likelihood(tries)
    return float(found.max()), tries[int(np.argmax(found))]
