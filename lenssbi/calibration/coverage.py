"""Coverage: how often the truth lies inside the interval that claims to hold it.

Two definitions, equal for Gaussian posteriors:

    sigma      |truth - mean| < k sigma, k = 1, 2, 3 (Pearson et al. 2021, section 3.2.2)
    credible   the truth lies in the central interval of that credibility: |F(truth) - 1/2| < level / 2, with F the
               marginal distribution function of the posterior (the limit of rank statistics for many draws)
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, erfinv, ndtr

from lenssbi.posteriors.gaussians import GaussianMixture

LEVELS = {"0.683": float(erf(1 / np.sqrt(2))), "0.955": float(erf(2 / np.sqrt(2))), "0.997": float(erf(3 / np.sqrt(2)))}
"""One, two and three sigma."""

Table = dict[str, dict[str, float]]
"""Parameter -> level -> share of the truths inside."""


class Passes(NamedTuple):
    """Posteriors of many stamps as arrays.

    Parameters
    ----------
    means, sigmas
        Of each pass, shape (stamp, pass, parameter).
    names
        Of the parameters.
    """

    means: NDArray[np.float64]
    sigmas: NDArray[np.float64]
    names: tuple[str, ...]

    def take(self, rows: slice) -> "Passes":
        """The posteriors of some stamps."""
        return Passes(self.means[rows], self.sigmas[rows], self.names)


def stack(mixtures: Sequence[GaussianMixture]) -> Passes:
    """Posteriors of many stamps as arrays.

    Raises
    ------
    ValueError
        Where there is none.
    """
    if not mixtures:
        raise ValueError("coverage needs at least one posterior")
    return Passes(np.stack([m.means for m in mixtures]), np.stack([m.sigmas for m in mixtures]), mixtures[0].names)


def credible_coverage(posteriors: Passes, truths: NDArray[np.floating]) -> Table:
    """Share of the truths (stamp, parameter) inside the central credible intervals."""
    below = marginal_cdf(posteriors, truths)
    return _table(posteriors.names, lambda level: 2 * np.abs(below - 0.5) < level)


def sigma_coverage(posteriors: Passes, truths: NDArray[np.floating]) -> Table:
    """Share of the truths (stamp, parameter) within 1, 2, 3 sigma of the mean: the paper's definition."""
    pulls = deviates(posteriors, truths)
    return _table(posteriors.names, lambda level: np.abs(pulls) < np.sqrt(2) * erfinv(level))


def marginal_cdf(posteriors: Passes, truths: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mass of each marginal posterior below the truth, shape (stamp, parameter): uniform if the posteriors are right."""
    return ndtr((truths[:, None, :] - posteriors.means) / posteriors.sigmas).mean(axis=1)


def deviates(posteriors: Passes, truths: NDArray[np.floating]) -> NDArray[np.float64]:
    """(truth - mean) / sigma, shape (stamp, parameter)."""
    variance = np.mean(posteriors.sigmas**2, axis=1) + np.var(posteriors.means, axis=1)
    return (truths - posteriors.means.mean(axis=1)) / np.sqrt(variance)


def binomial_error(level: float, count: int) -> float:
    """Scatter of the coverage that `count` stamps of a perfect estimator would show."""
    return float(np.sqrt(level * (1 - level) / count))


def passed(table: Table, tolerance: float = 0.03) -> bool:
    """Whether every share lies within `tolerance` of its level."""
    return all(abs(share - LEVELS[level]) <= tolerance for row in table.values() for level, share in row.items())


def _table(names: tuple[str, ...], inside) -> Table:  # type: ignore[no-untyped-def]
    shares = {label: inside(level).mean(axis=0) for label, level in LEVELS.items()}
    return {name: {label: float(share[i]) for label, share in shares.items()} for i, name in enumerate(names)}
