"""The first stage of a fit: which lens, seen with a smooth source.

    prior draws -> a quick look at each -> a few steps of least squares for the best that differ -> more steps for the best of those

The source is a sum of non-negative Gaussians (:mod:`lenssbi.reconstruction.profiles`), its fluxes and those of the lens light
are solved for within every step, so that only the mass and the source's places and shapes are searched for. A source that is
smooth and positive cannot imitate the image in front of the wrong lens: from the population's prior each of 70 simulated ones
(`sie_real`) was found. What misleads it is light that is no source's, such as the rest of a badly subtracted lens galaxy, and a source of
several clumps behind a sum of too few ellipses: so each end, however badly it explains the image, gets as many as the evidence is
for before ends are compared. Several that explain the image about equally well are several modes: the second stage is given all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from operator import attrgetter

import numpy as np
from scipy import optimize
from scipy.stats import qmc

from lenssbi.arrays import FloatArray
from lenssbi.reconstruction.imaging import Imaging
from lenssbi.reconstruction.profiles import ProfileInversion, Profiles
from lenssbi.refinement.priors.blocks import JointPrior
from lenssbi.refinement.search.fit import Fitter
from lenssbi.refinement.search.modes import Mode, describe, distinct
from lenssbi.refinement.search.space import SearchSpace
from lenssbi.refinement.search.start import Candidate, QuickLook, promising

POLISH = 15  # evaluations from one light of the lens to the next
MANY = 4000  # pixels; the search of a mask with more is eased
FEWEST = 4  # fits of a round
NEAR = 0.05  # prior widths: fits on their way to one end


@dataclass(frozen=True)
class SearchSettings:
    """How hard to look.

    Parameters
    ----------
    draws
        Number of lenses drawn from the prior, a power of two.
    apart
        Distance between the lenses that are fitted, in units of the prior's width.
    rounds
        Rounds of least squares: number of the best lenses that are continued, and number of evaluations of each.
    within
        Largest difference of a mode from the best one [chi^2].
    sources
        Largest number of ellipses of a source.
    gain
        Improvement that a further ellipse must promise before it is fitted [chi^2]; it is kept if the evidence increases.
    enriched
        Number of the best modes that get a source of several ellipses.
    seed
        Seed of the draws.
    """

    draws: int = 512
    apart: float = 0.4
    rounds: tuple[tuple[int, int], ...] = ((32, 5), (12, 12), (8, 40))
    within: float = 100.0
    sources: int = 5
    gain: float = 10.0
    enriched: int = 5
    seed: int = 0

    def eased(self, pixels: int) -> SearchSettings:
        """The same for a mask of so many pixels: fewer fits where each takes longer, so that a search has an end."""
        share = min(1.0, MANY / pixels)
        rounds = tuple((max(round(share * count), FEWEST), steps) for count, steps in self.rounds)
        return replace(self, rounds=rounds, enriched=max(round(share * self.enriched), 2))


def search(
    imaging: Imaging,
    prior: JointPrior,
    columns: FloatArray | None = None,
    starts: FloatArray | None = None,
    settings: SearchSettings | None = None,
    known: tuple[Mode, ...] = (),
) -> tuple[Mode, ...]:
    """Find the lenses that explain a stamp, that of the highest evidence first.

    Parameters
    ----------
    imaging
        Stamp.
    prior
        Prior of the mass parameters; ``log10_strength`` is left aside.
    columns
        Images of the lens light [any unit per pixel], shape (m, ny, nx), if the stamp shows it.
    starts
        Further lenses to try, such as draws of a network's posterior, in the order of ``prior.names`` without log10_strength, shape
        (n, parameter).
    settings
        Settings of the search.
    known
        Modes that were found otherwise, which compete with those of the search.
    """
    settings = settings or SearchSettings()
    fitter = Fitter(ProfileInversion(imaging, Profiles.gaussians(), columns), SearchSpace(prior))
    space = fitter.space
    look = quick_look(imaging, columns, space)
    masses = space.draw(qmc.Sobol(len(space.names), seed=settings.seed).random(settings.draws).clip(1e-6, 1 - 1e-6))
    if starts is not None:
        masses = np.concatenate([masses, starts])
    ends, apart = [look(mass) for mass in masses], settings.apart
    for count, steps in settings.rounds:
        ends, apart = [fitter.fit(end, steps) for end in promising(ends, count, space, apart)], NEAR
    modes = [(describe(fitter, end), end) for end in ends]
    # the right lens may explain a source of several ellipses worse by one of them than a wrong lens does
    found = distinct(_possible([mode for mode, _ in modes]), np.inf)[: settings.enriched]
    richer = [enriched(fitter, end, settings) for mode, end in modes if mode in found]
    return _ranked([*richer, *known], settings)


def polish(
    imaging: Imaging, prior: JointPrior, columns: FloatArray | None, modes: tuple[Mode, ...], settings: SearchSettings
) -> tuple[Mode, ...]:
    """The same modes, fitted once more together with other images of the lens light; arguments as for `search`, the best first."""
    inversion = ProfileInversion(imaging, Profiles.gaussians(), columns)
    return _ranked([released(inversion, prior, mode, POLISH) for mode in modes], settings)


def released(inversion: ProfileInversion, prior: JointPrior, mode: Mode, steps: int) -> Mode:
    """A mode of another prior or of other images of the lens light after so many steps of least squares."""
    fitter = Fitter(inversion, SearchSpace(prior, len(mode.ellipses)))
    return describe(fitter, fitter.fit(Candidate(np.inf, mode.vector), steps))


def _ranked(modes: list[Mode], settings: SearchSettings) -> tuple[Mode, ...]:
    """Those that differ and are possible, the best first."""
    chosen = distinct(_possible(modes), settings.within)
    return tuple(sorted(chosen, key=attrgetter("total_evidence"), reverse=True))


def _possible(modes: list[Mode]) -> list[Mode]:
    """Those that show their source more than once, if there are any."""
    return [mode for mode in modes if mode.multiply_imaged] or modes


def enriched(fitter: Fitter, end: Candidate, settings: SearchSettings) -> Mode:
    """An end of the search with as many ellipses as the evidence is for."""
    mode = describe(fitter, end)
    while fitter.space.sources < settings.sources:
        fitter, start = fitter.with_another(end)
        if end.misfit - start.misfit < settings.gain * max(mode.misfit / mode.pixels, 1.0):
            break
        end = fitter.fit(start, settings.rounds[-1][1])
        richer = describe(fitter, end)
        if richer.total_evidence <= mode.total_evidence:
            break
        mode = richer
    return mode


def quick_look(imaging: Imaging, columns: FloatArray | None, space: SearchSpace) -> QuickLook:
    """What judges lenses before they are fitted."""
    return QuickLook(imaging, _without(imaging, columns), space)


def _without(imaging: Imaging, columns: FloatArray | None) -> FloatArray:
    """The image without a first guess of the lens light."""
    if columns is None:
        return imaging.data
    inside = imaging.mask
    design = np.asarray(columns)[:, inside] / imaging.noise[inside]
    fluxes, _ = optimize.nnls(design.T, imaging.data[inside] / imaging.noise[inside])
    return imaging.data - np.tensordot(fluxes, columns, 1)
