"""Least squares in the vectors of `search_space.py`, with the fluxes solved for within every step.

Derivatives are those of the variable projection (Golub & Pereyra 1973) in Kaufman's (1975) approximation. Where one ellipse does not
make a source, another is put beside it, at the place of the source plane where it helps most.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage, optimize

from lenssbi.arrays import ComplexArray, FloatArray
from lenssbi.reconstruction.profiles import ProfileFit, ProfileInversion
from lenssbi.refinement.search.space import SearchSpace
from lenssbi.refinement.search.start import Candidate

PLACES = 12  # of the source plane at which a further ellipse is tried
APART = 2  # [pixels] between them, in the image


@dataclass(eq=False)
class Fitter:
    """Least squares on one stamp; remembers its last evaluation, which the derivatives need: one thread at a time.

    Parameters
    ----------
    inversion
        Stamp and components of the source.
    space
        Space of the vectors.
    """

    inversion: ProfileInversion
    space: SearchSpace

    def __post_init__(self) -> None:
        imaging = self.inversion.imaging
        self._rows = imaging.tiles.weight.ravel() > 0
        self.centres = imaging.theta.reshape(-1, imaging.subgrid**2).mean(axis=1)
        self._last: tuple[FloatArray, ComplexArray, ProfileFit] | None = None

    def fit(self, start: Candidate, steps: int) -> Candidate:
        """Where least squares lead from here; its misfit includes the prior's share."""
        end = optimize.least_squares(
            self.residuals,
            self.space.inside(start.vector),
            self.slopes,
            bounds=self.space.bounds,
            x_scale=self.space.scale,
            max_nfev=steps,
            ftol=1e-5,
            xtol=1e-6,
        )
        return Candidate(2 * float(end.cost), end.x)

    def evaluate(self, vector: FloatArray) -> tuple[ComplexArray, ProfileFit]:
        """The traced angles of a vector, and the best fluxes."""
        if self._last is None or not np.array_equal(self._last[0], vector):
            beta = self.space.trace(vector, self.inversion.imaging.theta)
            self._last = vector.copy(), beta, self.inversion.evaluate(beta, self.space.ellipses(vector))
        return self._last[1], self._last[2]

    def residuals(self, vector: FloatArray) -> FloatArray:
        """Of the pixels, then of the prior."""
        return np.append(self.evaluate(vector)[1].residual[self._rows], self.space.pulls(vector))

    def slopes(self, vector: FloatArray) -> FloatArray:
        """Derivatives of `residuals`, shape (., entry of the vector)."""
        beta, fit = self.evaluate(vector)
        moved = self.space.moved(vector, self.centres)
        rows = self.inversion.derivatives(beta, moved, self.space.ellipses(vector), fit)
        return np.concatenate([rows[:, self._rows].T, self.space.pull_slopes(vector)])

    def cost(self, vector: FloatArray) -> float:
        """chi^2 and the prior's share."""
        residuals = self.residuals(vector)
        return float(residuals @ residuals)

    def with_another(self, end: Candidate) -> tuple[Fitter, Candidate]:
        """The fitter for one more ellipse of the source, and the best place to start it."""
        grown = Fitter(self.inversion, replace(self.space, sources=self.space.sources + 1))
        places = self._unexplained(end.vector)
        starts = [np.append(end.vector, [place.real, place.imag, 0.0, 0.0]) for place in places]
        return grown, min(
            (Candidate(grown.cost(s), s) for s in map(grown.space.inside, starts)), key=lambda c: c.misfit
        )

    def _unexplained(self, vector: FloatArray) -> ComplexArray:
        """Places of the source plane behind the pixels at which most light is missing, the middle of the source first."""
        imaging = self.inversion.imaging
        missing = np.zeros(imaging.mask.shape)
        tiles, (_, fit) = imaging.tiles, self.evaluate(vector)
        missing.ravel()[tiles.place[tiles.place >= 0]] = -fit.residual.reshape(tiles.place.shape)[tiles.place >= 0]
        smooth = ndimage.gaussian_filter(missing, 1.0)
        peaks = (smooth == ndimage.maximum_filter(smooth, 2 * APART + 1)) & imaging.mask & (smooth > 0)
        order = np.argsort(-np.where(peaks, smooth, 0.0)[imaging.mask])[: min(PLACES, int(peaks.sum()))]
        traced = self.space.trace(vector, self.centres[imaging.fitted[order]])
        return np.append(self.space.ellipses(vector)[0].centre, traced)
