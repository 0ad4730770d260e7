"""A calibrated posterior that is still a mixture of Gaussians.

A network's posterior may be too narrow, too wide, or have tails that are too light. It is mended by a mixture of scales:
about the mean m of the stamp's posterior, pass t of T is stretched for each parameter by

    s_t = scale * exp(tail * z_t),   z_t the normal quantile at (t + 1/2) / T:
    mu_t -> m + s_t (mu_t - m),   sigma_t -> s_t sigma_t.

`scale` widens, `tail` >= 0 fattens (0 leaves the shape alone). Since the passes of a network are exchangeable, which of them
gets which scale does not matter. The result is an equal mixture of Gaussians again, so that its draws, its sigma and its
density agree without further ado. The two numbers of each parameter are fitted in `calibration`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lenssbi.posteriors.gaussians import GaussianMixture


@dataclass(frozen=True)
class Recalibration:
    """Stretch of a network's posteriors.

    Parameters
    ----------
    names
        Of the parameters.
    scale, tail
        Of each parameter, without unit; scale > 0, tail >= 0.
    """

    names: tuple[str, ...]
    scale: tuple[float, ...]
    tail: tuple[float, ...]

    def __post_init__(self) -> None:
        if not len(self.names) == len(self.scale) == len(self.tail):
            raise ValueError(f"each of {self.names} needs a scale and a tail, got {self.scale} and {self.tail}")
        if not all(s > 0 for s in self.scale) or not all(t >= 0 for t in self.tail):
            raise ValueError(f"a scale is above 0 and a tail not below 0, got {self.scale} and {self.tail}")

    def __call__(self, mixture: GaussianMixture) -> GaussianMixture:
        """Return the calibrated posterior.

        Raises
        ------
        ValueError
            Where the mixture is of other parameters.
        """
        if mixture.names != self.names:
            raise ValueError(f"the calibration is of {self.names}, the posterior of {mixture.names}")
        columns = [
            stretch(mixture.means[:, i], mixture.sigmas[:, i], self.scale[i], self.tail[i])
            for i in range(len(self.names))
        ]
        means, sigmas = (np.stack(values, axis=-1) for values in zip(*columns, strict=True))
        return GaussianMixture(means, sigmas, mixture.names, mixture.units)


def stretch(
    means: NDArray[np.float64], sigmas: NDArray[np.float64], scale: float, tail: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Stretch the passes of one parameter: means and sigmas of shape (..., pass) into the same shapes."""
    middle = means.mean(axis=-1, keepdims=True)
    factors = scales(means.shape[-1], scale, tail)
    away = factors * (means - middle)
    # Differently stretched, the passes no longer average to the middle: put them back, or the prediction would move.
    return middle + away - away.mean(axis=-1, keepdims=True), factors * sigmas


def scales(count: int, scale: float, tail: float) -> NDArray[np.float64]:
    """The `count` scales s_t."""
    from scipy.special import ndtri

    return scale * np.exp(tail * ndtri((np.arange(count) + 0.5) / count))
