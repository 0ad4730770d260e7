"""What the search moves: the mass parameters of a prior and the source's ellipses, as one vector with bounds and pulls.

A prior enters a least-squares fit as bounds and as residuals: a normal parameter adds its deviation in sigmas, a uniform one is
bounded, an ellipse of the mass that is flatter than its prior allows pays for it. A block of any other kind counts as the normal
distribution of its own mean and covariance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lenssbi.arrays import ComplexArray, FloatArray
from lenssbi.parameters import Normal
from lenssbi.reconstruction.profiles import SourceEllipse
from lenssbi.refinement.priors.blocks import Block, Ellipse, JointPrior, Single
from lenssbi.refinement.priors.source_prior import MAX_STRETCH, SOURCE_FIELD, STRETCH_SIGMA
from lenssbi.systems import deflectors

ASIDE = ("log10_", "source_")  # first letters of parameters that are not of the mass
STEP = 1e-6  # of the finite differences [arcsec, or no unit]
EDGE = 0.02  # |e| by which an ellipse may be too flat for one sigma
FLATTEST = 0.97  # |e| of the flattest lens that is traced
DRAWS = 2048


@dataclass(frozen=True)
class SearchSpace:
    """Vectors of the search: the mass parameters in the prior's order, then centre_x, centre_y, stretch_1, stretch_2 of each source.

    Parameters
    ----------
    prior
        Prior of the mass parameters; strength of regularisation, factor on the noise, and position and shape of the source are left aside.
    sources
        Number of ellipses of the source.
    """

    prior: JointPrior
    sources: int = 1

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The prior of the mass."""
        return tuple(block for block in self.prior.blocks if not block.names[0].startswith(ASIDE))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The mass parameters."""
        return JointPrior(self.blocks).names

    def draw(self, u: FloatArray) -> FloatArray:
        """Mass parameters (n, parameter) at points of the unit cube (n, parameter)."""
        return JointPrior(self.blocks).quantile(u)

    def trace(self, vector: FloatArray, theta: ComplexArray) -> ComplexArray:
        """Traced angles [arcsec], shape of ``theta``."""
        params = {name: float(value) for name, value in zip(self.names, vector, strict=False)}
        shrink = min(1.0, FLATTEST / max(np.hypot(params["e1"], params["e2"]), FLATTEST))  # the corners of the bounds
        params |= {"e1": shrink * params["e1"], "e2": shrink * params["e2"]}
        return deflectors(params).source_angle(theta)

    def moved(self, vector: FloatArray, theta: ComplexArray) -> ComplexArray:
        """Derivatives of the traced angles by the mass parameters, shape (parameter, *theta.shape)."""
        middle = self.trace(vector, theta)
        steps = STEP * np.eye(len(vector))[: len(self.names)]
        return np.array([(self.trace(vector + step, theta) - middle) / STEP for step in steps])

    def ellipses(self, vector: FloatArray) -> list[SourceEllipse]:
        """The source's ellipses."""
        shapes = np.reshape(vector[len(self.names) :], (self.sources, 4))
        return [SourceEllipse(complex(x, y), complex(u, v)) for x, y, u, v in shapes]

    @cached_property
    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """Smallest and largest vector."""
        limits = [limit for block in self.blocks for limit in _limits(block)]
        limits += [(-SOURCE_FIELD, SOURCE_FIELD)] * 2 + [(-MAX_STRETCH, MAX_STRETCH)] * 2
        limits += limits[-4:] * (self.sources - 1)
        low, high = np.transpose(limits)
        return low, high

    @cached_property
    def scale(self) -> FloatArray:
        """How far each entry of a vector goes, for comparing them."""
        u = np.random.default_rng(0).random((DRAWS, len(self.names)))
        return np.append(self.draw(u).std(axis=0), [0.1, 0.1, STRETCH_SIGMA, STRETCH_SIGMA] * self.sources)

    def inside(self, vector: FloatArray) -> FloatArray:
        """The nearest vector that is safely within the bounds."""
        low, high = self.bounds
        margin = 1e-3 * np.minimum(high - low, self.scale)
        return np.clip(vector, low + margin, high - margin)

    def pulls(self, vector: FloatArray) -> FloatArray:
        """Residuals of the prior, shape (.,)."""
        parts = np.split(vector, np.cumsum([len(block.names) for block in self.blocks]))
        found = [pull(part) for pull, part in zip(self._pulls, parts, strict=False)]
        stretches = parts[-1].reshape(self.sources, 4)[:, 2:].ravel() / STRETCH_SIGMA
        return np.concatenate([*found, stretches])

    def pull_slopes(self, vector: FloatArray) -> FloatArray:
        """Derivatives of `pulls`, shape (., entry of the vector)."""
        middle = self.pulls(vector)
        return np.transpose([(self.pulls(vector + step) - middle) / STEP for step in STEP * np.eye(len(vector))])

    @cached_property
    def _pulls(self) -> list[Callable[[FloatArray], FloatArray]]:
        return [_pull(block) for block in self.blocks]


def _limits(block: Block) -> list[tuple[float, float]]:
    if isinstance(block, Single):
        return [block.marginal.support()]
    if isinstance(block, Ellipse):
        return [(-_flattest(block), _flattest(block))] * 2
    draws = _draws(block)
    middle, reach = (draws.max(axis=0) + draws.min(axis=0)) / 2, draws.max(axis=0) - draws.min(axis=0)
    return list(zip(middle - reach, middle + reach, strict=True))


def _pull(block: Block) -> Callable[[FloatArray], FloatArray]:
    if isinstance(block, Ellipse):
        flattest = _flattest(block)
        return lambda e: np.array([max(np.hypot(*e) - flattest, 0.0) / EDGE])
    if isinstance(block, Single):
        marginal = block.marginal
        if isinstance(marginal, Normal):
            return lambda x: (x - marginal.mean) / marginal.sigma
        return lambda x: np.zeros(0)
    draws = _draws(block)
    mean, whiten = draws.mean(axis=0), np.linalg.inv(np.linalg.cholesky(np.cov(draws, rowvar=False)))
    return lambda x: whiten @ (x - mean)


def _flattest(block: Ellipse) -> float:
    return (1 - block.q_low**2) / (1 + block.q_low**2)


def _draws(block: Block) -> FloatArray:
    return block.quantile(np.random.default_rng(0).random((DRAWS, len(block.names))))
