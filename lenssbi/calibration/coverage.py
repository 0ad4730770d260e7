"""Coverage: share of the truths inside the credible intervals of the posteriors.

Two definitions, equal for Gaussian posteriors:

    sigma      |truth - mean| < k sigma, k = 1, 2, 3 (Pearson et al. 2021, section 3.2.2)
    credible   the truth lies in the central interval of that credibility: |F(truth) - 1/2| < level / 2, with F the
               marginal distribution function of the posterior (the limit of rank statistics for many draws)

The share that n stamps of a perfect estimator show scatters by sqrt(level (1 - level) / n).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfinv, ndtr

from lenssbi.calibration.scores import LEVELS, binomial_error, claimed
from lenssbi.posteriors.mixtures import DiagonalMixture
from lenssbi.status import InputError

if TYPE_CHECKING:
    from lenssbi.dataset.hdf5 import StampSet
    from lenssbi.estimators.estimator import Estimator

Table = dict[str, dict[str, float]]
"""Parameter -> level -> share of the truths inside."""


class Passes(NamedTuple):
    """Posteriors of many stamps as arrays.

    Parameters
    ----------
    means, sigmas
        Mean and standard deviation of each pass, shape (stamp, pass, parameter).
    names
        Names of the parameters.
    """

    means: NDArray[np.float64]
    sigmas: NDArray[np.float64]
    names: tuple[str, ...]

    def take(self, rows: slice | NDArray[Any]) -> "Passes":
        """The posteriors of some stamps: a slice, indices, or a boolean array of shape (stamp,)."""
        return Passes(self.means[rows], self.sigmas[rows], self.names)

    def draws(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draws from each posterior, shape (draw, stamp, parameter)."""
        stamps, passes, _ = self.means.shape
        rows, chosen = np.arange(stamps)[None], rng.integers(passes, size=(count, stamps))
        return rng.normal(self.means[rows, chosen], self.sigmas[rows, chosen])


def truths_of(estimator: "Estimator", stamps: "StampSet") -> NDArray[np.floating]:
    """True values of all stamps of a set, shape (stamp, parameter).

    Raises
    ------
    InputError
        If the set lacks a parameter of the estimator.
    """
    try:
        return estimator.space.stack(stamps.params)
    except ValueError as error:
        raise InputError(f"{stamps.path}: {error}: simulate a set of the estimator's parameters") from None


def stack(mixtures: Sequence[DiagonalMixture]) -> Passes:
    """Posteriors of many stamps as arrays.

    Raises
    ------
    ValueError
        If there is none.
    """
    if not mixtures:
        raise ValueError("coverage needs at least one posterior")
    return Passes(np.stack([m.means for m in mixtures]), np.stack([m.sigmas for m in mixtures]), mixtures[0].names)


def credible_coverage(posteriors: Passes, truths: NDArray[np.floating]) -> Table:
    """Share of the truths (stamp, parameter) inside the central credible intervals."""
    levels = claimed_levels(posteriors, truths)
    return _table(posteriors.names, lambda level: levels < level)


def sigma_coverage(posteriors: Passes, truths: NDArray[np.floating]) -> Table:
    """Share of the truths (stamp, parameter) within 1, 2, 3 sigma of the mean: the paper's definition."""
    pulls = deviates(posteriors, truths)
    return _table(posteriors.names, lambda level: np.abs(pulls) < np.sqrt(2) * erfinv(level))


def marginal_cdf(posteriors: Passes, truths: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mass of each marginal posterior below the truth, shape (stamp, parameter): uniform if the posteriors are right."""
    return ndtr((truths[:, None, :] - posteriors.means) / posteriors.sigmas).mean(axis=1)


def claimed_levels(posteriors: Passes, truths: NDArray[np.floating]) -> NDArray[np.float64]:
    """Credibility of the smallest central interval that contains the truth, shape (stamp, parameter)."""
    return claimed(marginal_cdf(posteriors, truths))


def deviates(posteriors: Passes, truths: NDArray[np.floating]) -> NDArray[np.float64]:
    """(truth - mean) / sigma, shape (stamp, parameter)."""
    variance = np.mean(posteriors.sigmas**2, axis=1) + np.var(posteriors.means, axis=1)
    return (truths - posteriors.means.mean(axis=1)) / np.sqrt(variance)


def misses(table: Table, count: int, tolerance: float) -> list[tuple[str, str]]:
    """Parameters and levels at which coverage misses nominal, with allowance for the scatter of the count.

    A share misses its level if |share - level| > tolerance + 2 sqrt(level (1 - level) / count).

    Parameters
    ----------
    table
        Shares of the truths inside.
    count
        Number of stamps.
    tolerance
        Allowed difference, 0.02 for two points.

    Returns
    -------
    (parameter, level) of each miss, by their names in the table.
    """
    return [
        (name, label)
        for name, row in table.items()
        for label, share in row.items()
        if abs(share - LEVELS[label]) > tolerance + 2 * binomial_error(LEVELS[label], count)
    ]


def _table(names: tuple[str, ...], inside) -> Table:  # type: ignore[no-untyped-def]
    shares = {label: inside(level).mean(axis=0) for label, level in LEVELS.items()}
    return {name: {label: float(share[i]) for label, share in shares.items()} for i, name in enumerate(names)}
