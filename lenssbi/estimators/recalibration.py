"""A calibrated posterior that is still an equal mixture of Gaussians, so that draws, sigma, density and intervals agree.

A network's posterior may be too narrow, too wide, or have tails that are too light or too heavy. Two corrections are available, alone
or one after the other; both leave the median unchanged, and both are fitted in `calibration`.

**Scale and tail.** About the mean m of the stamp's posterior, component t of T is stretched for each parameter by

    s_t = scale * exp(tail * z_t),   z_t the normal quantile at (t + 1/2) / T:
    mu_t -> m + s_t (mu_t - m),   sigma_t -> s_t sigma_t.

`scale` widens the posterior, `tail` >= 0 makes its tails heavier (0 keeps the shape). Since the components are exchangeable, the
assignment of the scales to them does not matter.

**Levels.** A monotone map gives, for the central interval of each credibility, the credibility of the network's own interval
to use: if 60 of 100 truths lie in its 68 per cent intervals, the 68 per cent interval must be a wider one. In
normal quantiles z, with F the marginal distribution function of the network and h the map, the calibrated quantile is

    G(z) = F^-1(Phi(sign(z) h(|z|))).

The components become N >= `COUNT` narrow ones: draws of the mixture are replaced, parameter by parameter, by their ranks' normal
quantiles (which keeps the parameters' dependence), narrowed to a z_i with kernels of width `KERNEL` (a^2 + KERNEL^2 = 1, so
that their mixture is the unit normal), and carried through G by the kernel's two points G(a z_i +- KERNEL).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from lenssbi.posteriors.mixtures import DiagonalMixture

Levels = tuple[tuple[float, float], ...]
"""(credibility wanted, credibility of the network's interval to use), both rising; empty if they are the same."""

COUNT = 500
KERNEL = 0.25
REACH = 6.0  # sigma that the distribution function is tabulated to; beyond, it continues as a normal one
GRID = 97
SEED = 0  # of the draws: a stamp's posterior depends on nothing else


@dataclass(frozen=True)
class Recalibration:
    """Correction of a network's posteriors.

    Parameters
    ----------
    names
        Names of the parameters.
    scale, tail
        Scale and tail of each parameter, without unit; scale > 0, tail >= 0.
    levels
        Levels of each parameter; () if no parameter has any.
    """

    names: tuple[str, ...]
    scale: tuple[float, ...]
    tail: tuple[float, ...]
    levels: tuple[Levels, ...] = ()

    def __post_init__(self) -> None:
        if not len(self.names) == len(self.scale) == len(self.tail):
            raise ValueError(f"each of {self.names} needs a scale and a tail, got {self.scale} and {self.tail}")
        if not all(s > 0 for s in self.scale) or not all(t >= 0 for t in self.tail):
            raise ValueError(f"a scale is above 0 and a tail not below 0, got {self.scale} and {self.tail}")
        if self.levels and len(self.levels) != len(self.names):
            raise ValueError(f"each of {self.names} needs its levels, got {len(self.levels)} sets of them")
        for pairs in filter(None, self.levels):
            steps = np.diff([(0.0, 0.0), *pairs, (1.0, 1.0)], axis=0)
            if not (steps > 0).all():
                raise ValueError(f"levels must rise between 0 and 1, got {pairs}")

    @property
    def method(self) -> str:
        """What was fitted: "scale", "level" or "both"."""
        stretched = any(s != 1 for s in self.scale) or any(t != 0 for t in self.tail)
        return "scale" if not any(self.levels) else ("both" if stretched else "level")

    def __call__(self, mixture: DiagonalMixture) -> DiagonalMixture:
        """Return the calibrated posterior.

        Raises
        ------
        ValueError
            If the mixture is of other parameters.
        """
        if mixture.names != self.names:
            raise ValueError(f"the calibration is of {self.names}, the posterior of {mixture.names}")
        columns = [
            stretch(mixture.means[:, i], mixture.sigmas[:, i], self.scale[i], self.tail[i])
            for i in range(len(self.names))
        ]
        means, sigmas = (np.stack(values, axis=-1) for values in zip(*columns, strict=True))
        if any(self.levels):
            means, sigmas = relevel(means, sigmas, self.levels)
        return DiagonalMixture(means, sigmas, mixture.names, mixture.units)


def stretch(
    means: NDArray[np.float64], sigmas: NDArray[np.float64], scale: float, tail: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Stretch the components of one parameter: means and sigmas of shape (..., component) into the same shapes."""
    middle = means.mean(axis=-1, keepdims=True)
    factors = scales(means.shape[-1], scale, tail)
    away = factors * (means - middle)
    # After different stretches the mean of the passes has moved: shift them back, so that the prediction stays.
    return middle + away - away.mean(axis=-1, keepdims=True), factors * sigmas


def scales(count: int, scale: float, tail: float) -> NDArray[np.float64]:
    """The `count` scales s_t."""
    return scale * np.exp(tail * ndtri((np.arange(count) + 0.5) / count))


def relevel(
    means: NDArray[np.float64], sigmas: NDArray[np.float64], levels: tuple[Levels, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Move the intervals of one posterior to the levels to use.

    Parameters
    ----------
    means, sigmas
        Means and standard deviations of the components, shape (component, parameter).
    levels
        Levels of each parameter.

    Returns
    -------
    Means and sigmas of N components; N is the smallest multiple of the old number that is not below `COUNT`.
    """
    each = -(-COUNT // len(means))
    noise = np.random.default_rng(SEED).standard_normal((each, *means.shape))
    ranks = (means + sigmas * noise).reshape(-1, means.shape[1]).argsort(axis=0).argsort(axis=0)
    z = ndtri((ranks + 0.5) / len(ranks)) * np.sqrt(1 - KERNEL**2)
    low, high = np.empty_like(z), np.empty_like(z)
    for i, pairs in enumerate(levels):
        quantile = _quantiles(means[:, i], sigmas[:, i])
        low[:, i], high[:, i] = (quantile(used_quantile(z[:, i] + side, pairs)) for side in (-KERNEL, KERNEL))
    return (low + high) / 2, (high - low) / 2


def used_quantile(z: NDArray[np.float64], levels: Levels) -> NDArray[np.float64]:
    """Normal quantiles sign(z) h(|z|) to use for those wanted: linear between the levels, and beyond the last one."""
    if not levels:
        return z
    wanted, used = (ndtri((1 + np.array(column)) / 2) for column in zip((0.0, 0.0), *levels, strict=True))
    return np.sign(z) * _continued(np.abs(z), wanted, used)


def _quantiles(means: NDArray[np.float64], sigmas: NDArray[np.float64]):  # type: ignore[no-untyped-def]
    """F^-1(Phi(z)) of a mixture of one parameter, as a function of z."""
    ends = (means - REACH * sigmas).min(), (means + REACH * sigmas).max()
    middle, wide = means.mean(), np.sqrt(np.mean(sigmas**2) + np.var(means))
    x = np.linspace(max(ends[0], middle - REACH * wide), min(ends[1], middle + REACH * wide), GRID)
    pulls = (x[:, None] - means) / sigmas
    z = np.where(x < middle, ndtri(ndtr(pulls).mean(axis=1)), -ndtri(ndtr(-pulls).mean(axis=1)))
    known = np.isfinite(z) & (np.abs(z) < REACH)
    rising = np.concatenate([[True], np.diff(z[known]) > 1e-6])
    return lambda quantile: _continued(quantile, z[known][rising], x[known][rising])


def _continued(at: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear interpolation, extrapolated with the first and the last slope."""
    slopes = np.diff(y) / np.diff(x)
    below, above = y[0] + slopes[0] * (at - x[0]), y[-1] + slopes[-1] * (at - x[-1])
    return np.where(at < x[0], below, np.where(at > x[-1], above, np.interp(at, x, y)))
