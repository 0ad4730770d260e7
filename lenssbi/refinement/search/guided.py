"""The search from a lens that is roughly known, such as a network's answer.

Least squares from there go astray while the source is one ellipse and the lens galaxy's light is that of a fit without a source: the mass
then moves to make up for both. So the mass is held near the start until source and light are found,

    mass held: source -> light of the lens galaxy less this source -> source -> ... -> mass free

and only then moved, under the prior of the fit. What is found competes with the other ends of the search by its evidence.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.parameters import Normal
from lenssbi.reconstruction.imaging import Imaging
from lenssbi.reconstruction.profiles import ProfileInversion, Profiles
from lenssbi.refinement.priors.blocks import JointPrior, Single
from lenssbi.refinement.search.fit import Fitter
from lenssbi.refinement.search.modes import Mode
from lenssbi.refinement.search.search import SearchSettings, enriched, quick_look, released
from lenssbi.refinement.search.space import SearchSpace
from lenssbi.refinement.search.start import Candidate, promising

HELD = 0.3  # of the scatter of the starts: how far a held mass may move
STARTS = 3  # at which the mass is held: the mean of all, and those of the others that explain the image best
APART = 0.1  # prior widths between them
STEPS = (10, 12)  # evaluations for the first ellipse of the source, and for each further one


@dataclass(frozen=True, eq=False)
class RoughLens:
    """What is known of a lens, on one stamp.

    Parameters
    ----------
    imaging, prior, settings
        As for :func:`lenssbi.refinement.search.search.search`.
    starts
        Draws of what is known of the mass parameters, in the order of ``prior.names`` without log10_strength, shape (n, parameter).
    """

    imaging: Imaging
    prior: JointPrior
    starts: FloatArray
    settings: SearchSettings

    def source(self, columns: FloatArray | None, before: Mode | None = None) -> Mode:
        """The source behind the mean of what is known.

        Parameters
        ----------
        columns
            Images of the lens light, shape (m, ny, nx); None if the stamp does not show it.
        before
            The same beside other lens light; None if it is not known yet.
        """
        return self._behind(self._inversion(columns), self.starts.mean(axis=0), before)

    def modes(self, columns: FloatArray | None, before: Mode | None = None) -> tuple[Mode, ...]:
        """Lenses near what is known; parameters as for `source`."""
        inversion, middle = self._inversion(columns), self.starts.mean(axis=0)
        space = SearchSpace(self.prior)
        look = quick_look(self.imaging, columns, space)
        chosen = promising([look(mass) for mass in self.starts], STARTS - 1, space, APART)
        held = [self._behind(inversion, middle, before)]
        held += [self._behind(inversion, one.vector[: middle.size]) for one in chosen]
        return tuple(released(inversion, self.prior, mode, self.settings.rounds[-1][1]) for mode in held)

    def _inversion(self, columns: FloatArray | None) -> ProfileInversion:
        return ProfileInversion(self.imaging, Profiles.gaussians(), columns)

    def _behind(self, inversion: ProfileInversion, mass: FloatArray, before: Mode | None = None) -> Mode:
        """The source of as many ellipses as the evidence is for, behind a mass that stays near where it is."""
        held = _held(self.prior, mass, HELD * self.starts.std(axis=0))
        space = SearchSpace(held, 1 if before is None else len(before.ellipses))
        fitter = Fitter(inversion, space)
        if before is None:
            start = quick_look(self.imaging, inversion.columns, space)(mass)
        else:
            start = Candidate(np.inf, before.vector)
        first, further = STEPS
        end = fitter.fit(start, first)
        return enriched(fitter, end, replace(self.settings, rounds=((1, further),)))


def _held(prior: JointPrior, mass: FloatArray, spread: FloatArray) -> JointPrior:
    """Normal distributions about a mass, within the bounds of a prior."""
    space = SearchSpace(prior)
    low, high = (ends[: len(space.names)] for ends in space.bounds)
    sizes = zip(space.names, np.clip(mass, low, high), spread, low, high, strict=True)
    return JointPrior(tuple(Single(name, Normal(*map(float, values))) for name, *values in sizes))
