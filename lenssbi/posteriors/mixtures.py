"""The network's posterior: an equal mixture of diagonal Gaussians, one for each dropout pass.

Pass k returns a mean mu_k and a width sigma_k. The mean over passes is the prediction; the spread of the mu_k is
the epistemic uncertainty, the root mean square of the sigma_k the aleatoric one, and the two add in quadrature (Pearson
et al. 2021, section 3.2.2), which is exactly the variance of the mixture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lenssbi.posteriors.samples import Samples


@dataclass(frozen=True)
class DiagonalMixture:
    """Equal-weight mixture of diagonal Gaussians in physical units.

    Parameters
    ----------
    means, sigmas
        Centre and width of each pass, shape (pass, parameter).
    names, units
        Name and unit of each column.
    """

    means: np.ndarray
    sigmas: np.ndarray
    names: tuple[str, ...]
    units: tuple[str, ...]

    def __post_init__(self) -> None:
        # Sums over transposed arrays are rounded in another order.
        means, sigmas = (np.ascontiguousarray(part, dtype=float) for part in (self.means, self.sigmas))
        if means.ndim != 2 or means.shape != sigmas.shape:
            raise ValueError(f"means {means.shape} and sigmas {sigmas.shape} must both be (pass, parameter)")
        if not means.shape[1] == len(self.names) == len(self.units):
            raise ValueError(f"{means.shape[1]} columns, {len(self.names)} names, {len(self.units)} units")
        if not (np.isfinite(means).all() and np.isfinite(sigmas).all() and (sigmas > 0).all()):
            raise ValueError("means must be finite, sigmas finite and above 0")
        object.__setattr__(self, "means", means)
        object.__setattr__(self, "sigmas", sigmas)
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "units", tuple(self.units))

    @property
    def mean(self) -> np.ndarray:
        """Mean of the mixture, shape (parameter,)."""
        return self.means.mean(axis=0)

    @property
    def aleatoric(self) -> np.ndarray:
        """Root mean square of the passes' widths, shape (parameter,)."""
        return np.sqrt(np.mean(self.sigmas**2, axis=0))

    @property
    def epistemic(self) -> np.ndarray:
        """Standard deviation of the passes' means, shape (parameter,)."""
        return self.means.std(axis=0)

    @property
    def sigma(self) -> np.ndarray:
        """Standard deviation of the mixture, shape (parameter,)."""
        return np.hypot(self.aleatoric, self.epistemic)

    def sample(self, count: int, rng: np.random.Generator) -> Samples:
        """``count`` draws of equal weight."""
        rows = rng.integers(len(self.means), size=count)
        values = rng.normal(self.means[rows], self.sigmas[rows])
        return Samples(values, self.names, self.units)

    def log_prob(self, values: np.ndarray) -> np.ndarray:
        """Natural log of the density at ``values`` (..., parameter), shape (...)."""
        values = np.asarray(values, dtype=float)[..., None, :]
        pulls = (values - self.means) / self.sigmas
        terms = -0.5 * np.sum(pulls**2 + np.log(2.0 * np.pi) + 2.0 * np.log(self.sigmas), axis=-1)
        peak = terms.max(axis=-1, keepdims=True)
        return peak[..., 0] + np.log(np.mean(np.exp(terms - peak), axis=-1))
