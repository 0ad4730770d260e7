"""Where lens models are looked for: around the modes of the search, each with a source of its own.

A free-form source explains many an image behind the wrong lens, and the room that such lenses have among all that the prior allows can
outweigh a right one that is far better confined. A smooth source cannot: so the lenses that it supports are where a sampler may go, and a
lens model is judged by the pixels that depart from the smooth source of the nearest mode.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.reconstruction.imaging import Imaging
from lenssbi.refinement.likelihood import LensLikelihood, VectorLikelihood
from lenssbi.refinement.priors.blocks import JointPrior
from lenssbi.refinement.result import LensModel
from lenssbi.refinement.search.modes import Mode

REACH = 5.0  # sigma as the likelihood has it, times the factor on the error bars
ROOM = {
    "einstein_radius": 0.03,
    "slope": 0.1,
    "centre_x": 0.02,
    "centre_y": 0.02,
}  # added to a sigma; 0.03 for the others


@dataclass(frozen=True, eq=False)
class Regions:
    """Ellipsoids around modes, in the parameters of the mass.

    Parameters
    ----------
    names
        Parameters of a vector, in order.
    modes
        Modes, with their centres and errors.
    reach
        Extent of a region [sigma].
    """

    names: tuple[str, ...]
    modes: tuple[Mode, ...]
    reach: float = REACH

    @cached_property
    def _shapes(self) -> list[tuple[list[int], FloatArray, FloatArray]]:
        shapes = []
        for mode in self.modes:
            room = np.diag([ROOM.get(name, 0.03) ** 2 for name in mode.names])
            places = [self.names.index(name) for name in mode.names]
            shapes.append((places, mode.values, np.linalg.inv(np.linalg.cholesky(mode.mass_covariance + room))))
        return shapes

    def distances(self, values: FloatArray) -> FloatArray:
        """Distance of parameter vectors (n, parameter) from each mode [sigma], shape (n, mode)."""
        found = [
            np.linalg.norm((values[:, places] - middle) @ whiten.T, axis=1) for places, middle, whiten in self._shapes
        ]
        return np.stack(found, axis=1)


@dataclass(frozen=True)
class RegionalPrior:
    """A prior, but for lens models outside all regions, which have none."""

    prior: JointPrior
    regions: Regions

    @property
    def names(self) -> tuple[str, ...]:
        """Parameters, in order."""
        return self.prior.names

    def quantile(self, u: FloatArray) -> FloatArray:
        """Unit cube (..., parameter) to parameters (..., parameter), inside the regions or not."""
        return self.prior.quantile(u)

    def log_prob(self, x: FloatArray) -> FloatArray:
        """Log density at (n, parameter), shape (n,)."""
        near = self.regions.distances(x).min(axis=1) < self.regions.reach
        return np.where(near, self.prior.log_prob(x), -np.inf)


@dataclass(frozen=True)
class RegionalLikelihood(VectorLikelihood):
    """Log likelihood of parameter vectors, each with the mesh and the smooth source of the nearest mode.

    Parameters
    ----------
    parts
        Likelihoods, in the order of the modes.
    regions
        Modes, with their centres and errors.
    threads
        Vectors evaluated at a time.
    """

    parts: tuple[LensLikelihood, ...]
    regions: Regions
    threads: int = 1

    @property
    def names(self) -> tuple[str, ...]:  # type: ignore[override]
        """Parameters of a vector, in order."""
        return self.parts[0].names

    @property
    def imaging(self) -> Imaging:
        """The stamp as it is fitted."""
        return self.parts[0].imaging

    def one(self, row: FloatArray) -> float:
        """Log likelihood of one parameter vector (parameter,)."""
        return self._part(row).one(row)

    def model(self, row: FloatArray) -> LensModel:
        """The model of one parameter vector (parameter,), with its source and images."""
        return self._part(row).model(row)

    def nearest(self, row: FloatArray) -> int:
        """Number of the mode by whose source a parameter vector (parameter,) is judged."""
        return int(np.argmin(self.regions.distances(row[None])[0]))

    def _part(self, row: FloatArray) -> LensLikelihood:
        return self.parts[self.nearest(row)]
