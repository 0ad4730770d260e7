"""From a stamp as it was read to a fit that is ready: the lens light, the network's answer, the pixels, the prior.

The light is taken off or prepared for a joint fit, and the network is shown the stamp as it was trained on them. If the network calls
the stamp unlike its training, or the arcs say otherwise, a fit that may go without its answer only takes starts of the search from it.
Otherwise its answer also tells the images of the source from other galaxies: on simulated stamps it is right more often than the circle
through the arcs, which neighbours mislead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

from lenssbi.config import parse
from lenssbi.dataset.stamp import Stamp
from lenssbi.flags import Flag
from lenssbi.posteriors import DiagonalMixture, Summary
from lenssbi.refinement.circle import Circle
from lenssbi.refinement.companions import common_centre, without_companions
from lenssbi.refinement.config import LEARNED_MODES, RefineConfig, read_place, read_prior
from lenssbi.refinement.fit import solve
from lenssbi.refinement.lens_light import without_lens_light
from lenssbi.refinement.model_error import widened
from lenssbi.refinement.multiply_imaged import multiply_imaged
from lenssbi.refinement.observation import observe, seen_through, with_honest_noise
from lenssbi.refinement.problem import Problem, build_problem
from lenssbi.refinement.result import FitResult
from lenssbi.refinement.sampling.clock import processor_seconds
from lenssbi.refinement.sampling.draws import Watch
from lenssbi.status import InputError, ItemError, Status

CONFLICT = 3.0  # sigma
COMPANION = "companion="  # in a table
DRAWS = 4000  # for the quantiles of the network's answer


class Network(Protocol):
    """Interface that a fit needs of an estimator, for example :class:`lenssbi.estimators.estimator.Estimator`."""

    @property
    def identity(self) -> str:
        """Text that changes with anything that its answers depend on."""
        ...

    @property
    def sees_lens_light(self) -> bool:
        """Whether it was trained on stamps with their lens galaxies."""
        ...

    def applies_to(self, stamp: Stamp) -> str | None:
        """Why it is not for a stamp; None if it is."""
        ...

    def judge_stamp(self, stamp: Stamp) -> tuple[DiagonalMixture, tuple[str, ...]]:
        """The posterior of a stamp, and the flags that the network raises."""
        ...


def refine_stamp(
    stamp: Stamp,
    config: RefineConfig,
    *,
    estimator: Network | None = None,
    learned: DiagonalMixture | None = None,
    work: Path | None = None,
    watch: Watch = lambda evaluations, live: None,
) -> FitResult:
    """Fit one stamp, writing nothing but the sampler's state in ``work``.

    Parameters
    ----------
    stamp
        Stamp as it was read, lens light included.
    config
        Configuration of the fit.
    estimator
        Network, for a learned prior.
    learned
        Posterior of the network, if it has been computed already.
    work
        Folder for the sampler's state; None keeps none.
    watch
        Function that is called with (evaluations, missing share of the effective draws, or with Nautilus of the evidence).

    Raises
    ------
    ItemError
        If the stamp cannot be used.
    """
    problem, _ = set_up(stamp, config, estimator, learned)
    return solve(problem, work, watch)


def set_up(
    stamp: Stamp,
    config: RefineConfig,
    estimator: Network | None = None,
    learned: DiagonalMixture | None = None,
    raised: tuple[str, ...] = (),
) -> tuple[Problem, tuple[str, ...]]:
    """Take the lens light off, ask the network, and set the fit up; with the flags raised on the way.

    Parameters are those of `refine_stamp`, and the flags that the network `raised` with its answer `learned`.
    """
    as_read, start = stamp, processor_seconds()
    stamp, companions = without_companions(stamp, config.mass.companions, config.lens_light)
    stamp, light = without_lens_light(stamp, config.lens_light)
    observation = observe(stamp, config, light, common_centre(light, companions) if companions else None)
    flags = (*stamp.flags, *raised)
    network, may_go_without = learned, config.prior.mode == "auto"
    if network is None and estimator is not None:
        # Other networks are trained on independent pixels: they are shown the noise of single ones, as `predict` does.
        if estimator.sees_lens_light:
            seen = as_read
        else:
            seen = with_honest_noise(stamp, "measured", light, observation.sky)[0]
        network, more = _asked(estimator, seen, may_go_without)
        flags = (*flags, *(flag for flag in more if not (companions and flag == Flag.SEVERAL_LENSES)))
    learned = None if companions or (may_go_without and Flag.MISSPECIFIED in flags) else network
    if may_go_without and learned is not None:
        centre = 0j if light is None else complex(light.centre)
        observation = seen_through(observation, config, light, partial(multiply_imaged, learned, centre))
        if contradicts(learned, observation.circle):
            learned, flags = None, (*flags, Flag.ESTIMATE_CONFLICT)
    if config.prior.mode in LEARNED_MODES and companions:
        raise InputError(f"{stamp.name}: a network knows no companions: leave out the prior {config.prior.mode}")
    if config.prior.mode in LEARNED_MODES and learned is None:
        raise InputError(f"{stamp.name}: the prior {config.prior.mode} needs an estimator: name one with --estimator")
    seconds = processor_seconds() - start
    problem = build_problem(observation, config, learned, light, network, companions)
    return replace(problem, flags=flags, seconds=seconds), flags


def _asked(estimator: Network, stamp: Stamp, may_go_without: bool) -> tuple[DiagonalMixture | None, tuple[str, ...]]:
    """The network's answer, None if it is not applicable to such stamps, and what there is to say about it.

    Raises
    ------
    ItemError
        The network is not for such stamps (``NOT_APPLICABLE``), and the fit needs it.
    """
    reason = estimator.applies_to(stamp)
    if reason is not None:
        if not may_go_without:
            raise ItemError(Status.NOT_APPLICABLE, stamp.name, reason)
        return None, (Flag.ESTIMATOR_NOT_APPLICABLE,)
    return estimator.judge_stamp(stamp)


def contradicts(learned: DiagonalMixture, circle: Circle) -> bool:
    """Whether a network's Einstein radius lies CONFLICT sigma from all those that show several images where the arcs are."""
    which = learned.names.index("einstein_radius")
    middle, reach = learned.mean[which], CONFLICT * learned.sigma[which]
    low, high = circle.window
    return bool(middle + reach < low or middle - reach > high)


def with_shear(config: RefineConfig, truth: Mapping[str, float] | None) -> RefineConfig:
    """A shear is fitted to every real lens, to simulated ones that have it, and if the user gives it a prior."""
    if config.mass.shear != "auto":
        return config
    both = ("shear1", "shear2")
    shear = truth is None or any(truth.get(name, 0.0) or name in config.prior.gaussian for name in both)
    return config.model_copy(update={"mass": config.mass.model_copy(update={"shear": shear})})


def with_prior(config: RefineConfig, said: str | None, name: str) -> RefineConfig:
    """The fit with what a table knows of the mass of one lens, in addition to what the configuration knows.

    Parameters
    ----------
    config
        Configuration of the fit.
    said
        ``NAME=MEAN,SIGMA`` for a Gaussian prior, ``NAME=VALUE`` for a parameter that is held, ``companion=X,Y`` for a further lens galaxy,
        with blanks or semicolons between them.
    name
        Name of the lens.

    Raises
    ------
    ItemError
        If the text is none of these, or names no parameter of the fit (``BAD_PRIOR``).
    """
    if not said:
        return config
    try:
        items = said.replace(";", " ").split()
        others = [read_place(item.removeprefix(COMPANION)) for item in items if item.startswith(COMPANION)]
        known = dict(read_prior(item) for item in items if not item.startswith(COMPANION))
        for parameter, values in known.items():
            if len(values) == 2 and not values[1] > 0:
                raise ValueError(f"the standard deviation of {parameter} is above zero")
        data = config.model_dump()
        data["mass"]["companions"] = [*data["mass"]["companions"], *others]
        data["prior"]["gaussian"] |= {parameter: (*values, 0.0)[:2] for parameter, values in known.items()}
        return parse(data, RefineConfig, "mass_prior")
    except (InputError, ValueError) as error:
        raise ItemError(Status.BAD_PRIOR, name, str(error)) from None


def network_summary(problem: Problem) -> dict[str, Summary] | None:
    """Summary of each parameter of the network's answer, q and phi [deg] among them, with the fit's model error.

    None if no network was used or it is not applicable to such stamps.
    """
    if problem.network is None:
        return None
    draws = problem.network.sample(DRAWS, np.random.default_rng(0))  # the same answer has the same quantiles
    return widened(draws, problem.config.model_error).derived().summary()
