"""Everything that a posterior follows from."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import lenssbi
from lenssbi.dataset.stamp import Stamp
from lenssbi.posteriors import DiagonalMixture
from lenssbi.refinement.companions import Companion, mass_blocks
from lenssbi.refinement.config import RefineConfig
from lenssbi.refinement.observation import Observation
from lenssbi.refinement.priors.blocks import JointPrior
from lenssbi.refinement.priors.modes import Priors, build_priors, network_belief
from lenssbi.refinement.sampling.checkpoint import Checkpoint, identity

if TYPE_CHECKING:
    from lenssbi.light.mge import LensLightFit

WITHOUT_LIGHT, WITH_LIGHT = 1.2, 2.0
"""Factors on the error bars that simulated lenses ask for, without and with a lens galaxy in the fit."""
LIMITS = {"max_evaluations", "max_minutes", "threads"}


@dataclass(frozen=True)
class Problem:
    """A fit before it is done.

    Parameters
    ----------
    observation
        Pixels and noise.
    config
        Configuration of the fit.
    priors
        Sampled prior and broad prior.
    learned
        Posterior of the network, if the fit uses it.
    light
        Lens light that was found, if any.
    network
        Posterior of the network, whether or not the fit uses it; None if no network was used or it is not applicable to such stamps.
    guide
        The network's posterior as a prior, from which the search takes starts, whether or not the fit uses it further; None without one.
    flags
        Flags of the stamp and of the network from before the fit; the result has them as well.
    companions
        Further lens galaxies, whose light the stamp no longer has.
    seconds
        Processor time of the preparation [s]; it counts towards the fit's limit.
    """

    observation: Observation
    config: RefineConfig
    priors: Priors
    learned: DiagonalMixture | None = None
    light: LensLightFit | None = None
    network: DiagonalMixture | None = None
    guide: JointPrior | None = None
    flags: tuple[str, ...] = ()
    companions: tuple[Companion, ...] = ()
    seconds: float = 0.0

    @property
    def key(self) -> str:
        """Identity of the posterior: the same for the same data, choices and versions, whatever the sampler's limits."""
        stamp = self.observation.stamp
        parts = (
            stamp.image,
            stamp.noise,
            self.observation.mask,
            stamp.psf.image,
            stamp.psf.pixel_scale,
            stamp.psf.kind,
        )
        return identity(*parts, stamp.pixel_scale, choices_of(self.config), self.priors, self.guide, versions())

    @property
    def joint_light(self) -> bool:
        """Whether the lens light is fitted together with the source."""
        return self.light is not None and self.config.lens_light in ("auto", "joint")

    @property
    def error_factor(self) -> float:
        """Factor on the error bars (:mod:`lenssbi.refinement.tempering`)."""
        chosen = self.config.error_factor
        return float(chosen) if chosen != "auto" else (WITH_LIGHT if self.joint_light else WITHOUT_LIGHT)

    def checkpoint(self, work: Path, attempt: str) -> Checkpoint:
        """Where the sampler's state of one attempt is kept in the folder ``work``."""
        return Checkpoint(work / f"{self.key}-{attempt}.h5", identity(self.key, attempt))


def choices_of(config: RefineConfig) -> list[tuple[str, object]]:
    """The choices that a posterior depends on, by name: all but the sampler's limits."""
    return sorted((config.model_dump(mode="json") | {"sampler": config.sampler.model_dump(exclude=LIMITS)}).items())


def versions() -> tuple[str, str]:
    """Versions that a posterior depends on."""
    return lenssbi.__version__, version("nautilus-sampler")


def request_key(stamp: Stamp, config: RefineConfig, network: str | None) -> str:
    """Identity of the requested fit, known before any work: a finished fit with the same key need not be set up again.

    Parameters
    ----------
    stamp
        Stamp as it was read.
    config
        Configuration of the fit.
    network
        Identity of the network; None without a network.
    """
    pixels = (stamp.image, stamp.noise, stamp.mask, stamp.psf.image, stamp.psf.pixel_scale, stamp.psf.kind)
    light = stamp.info.get("lens_light_subtracted")
    said = (stamp.name, stamp.pixel_scale, stamp.zero_point, light, tuple(map(str, stamp.flags)))
    return identity(*pixels, said, choices_of(config), network, versions())


def build_problem(
    observation: Observation,
    config: RefineConfig,
    learned: DiagonalMixture | None = None,
    light: LensLightFit | None = None,
    network: DiagonalMixture | None = None,
    companions: tuple[Companion, ...] = (),
) -> Problem:
    """Set a fit up.

    Parameters
    ----------
    observation
        Stamp as prepared by :func:`~lenssbi.refinement.observation.observe`.
    config
        Configuration of the fit.
    learned
        Posterior of the network, for a learned prior or for the search.
    light
        Lens light that was found, if any.
    network
        Posterior of the network, if the search only is to take starts from it.
    companions
        Further lens galaxies.
    """
    centre, flux = (0j, None) if light is None else (complex(light.centre), float(light.amplitudes.sum()))
    masses = mass_blocks(companions, config, observation.circle.radius, flux)
    priors, network = build_priors(config, observation.circle, learned, centre, masses), learned or network
    guide = priors.belief
    if guide is None and network is not None and not companions:
        guide = network_belief(config.prior, priors.broad, network)
    return Problem(observation, config, priors, learned, light, network, guide, companions=companions)


def network_draws(problem: Problem, count: int) -> np.ndarray:
    """Lenses as the network sees them, what it does not know drawn from the prior, shape (draw, parameter); none without a network."""
    prior = problem.guide
    names = problem.priors.sampled.names
    if prior is None:
        return np.empty((0, len(names)))
    cube = np.random.default_rng(problem.config.sampler.seed).random((count, len(names)))
    values = prior.quantile(cube)
    return values[:, [prior.names.index(name) for name in names]]
