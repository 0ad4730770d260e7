"""sbi's tests of posteriors as a whole, on known posteriors: no network is evaluated.

    SBC                 rank of each true value among draws; uniform if right (Talts et al. 2018, arXiv:1804.06788)
    expected coverage   share of the truths inside the ellipsoids that hold a given mass of the joint posterior (Deistler et al.
                        2022, arXiv:2210.04815, take regions of highest density: the same for a Gaussian)
    TARP                share of the truths inside spheres about random points (Lemos et al. 2023, arXiv:2302.03026)

Ellipsoids are used instead of densities because the posterior of a flow is a mixture of narrow kernels about its draws: the density
peaks at each of them, and the truth, which has no kernel, would always appear to lie at low density.

sbi evaluates a posterior at observations; those of `Known` are the indices of the stamps. Each parameter is divided by its scatter among
the truths, so that the values are comparable.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lenssbi.calibration.coverage import Passes
from lenssbi.calibration.scores import LEVELS

if TYPE_CHECKING:
    from torch import Tensor

    from lenssbi.calibration.splits import Split

DRAWS = 200
SEED = 0
BINS = 40  # bins of TARP's curve
LEAST = 100  # smallest number of stamps for which sbi's tests are meaningful


class Finding(NamedTuple):
    """One number of one test.

    Parameters
    ----------
    split, test, parameter
        Name of the split, of the test, and of the parameter ("joint" for all of them together).
    quantity, value
        Name and value of the number; `p` is the probability that a right posterior has as large a deviation.
    stamps
        Number of stamps.
    """

    split: str
    test: str
    parameter: str
    quantity: str
    value: float
    stamps: int


class Ranks(NamedTuple):
    """Ranks of the truths among the draws.

    Parameters
    ----------
    marginal
        Share of the draws below the truth, shape (stamp, parameter).
    joint
        Mass of the ellipsoid about the mean with the truth on its surface, shape (stamp,).
    draws, truths
        Values in units of the scatter of the truths, shapes (draw, stamp, parameter) and (stamp, parameter).
    names
        Names of the parameters.
    """

    marginal: NDArray[np.float64]
    joint: NDArray[np.float64]
    draws: NDArray[np.float64]
    truths: NDArray[np.float64]
    names: tuple[str, ...]


class Known:
    """Posteriors for sbi's tests; the observation `x` is the index of a stamp, shape (1,)."""

    def __init__(self, posteriors: Passes, count: int, seed: int) -> None:
        import torch

        self.posteriors = posteriors
        self.draws = torch.from_numpy(posteriors.draws(count, np.random.default_rng(seed)))

    def sample_batched(self, shape: Any, x: "Tensor", **_: Any) -> "Tensor":
        """The draws of the stamps `x`, shape (draw, stamp, parameter)."""
        return self.draws[: shape[0], x[:, 0].long()]

    def distance(self, theta: "Tensor", x: "Tensor") -> "Tensor":
        """Squared Mahalanobis distance of `theta` (draw, parameter) from the mean of one stamp's posterior, shape (draw,)."""
        import torch

        row = int(x[0])
        means, sigmas = (torch.from_numpy(a[row]) for a in (self.posteriors.means, self.posteriors.sigmas))
        away = means - means.mean(dim=0)
        covariance = away.T @ away / len(means) + torch.diag((sigmas**2).mean(dim=0))
        offset = theta - means.mean(dim=0)
        return (offset * torch.linalg.solve(covariance, offset.T).T).sum(dim=-1)


def rank(posteriors: Passes, truths: NDArray[np.floating], draws: int = DRAWS, seed: int = SEED) -> Ranks:
    """Rank the truths (stamp, parameter) among draws of their posteriors, with sbi's `run_sbc`.

    Parameters
    ----------
    posteriors
        Posteriors of the stamps.
    truths
        True values, shape (stamp, parameter), in the unit of the posteriors.
    draws
        Number of draws from each posterior.
    seed
        Seed of the draws.
    """
    import torch
    from sbi.diagnostics import run_sbc

    scatter = truths.std(axis=0)
    scaled = Passes(posteriors.means / scatter, posteriors.sigmas / scatter, posteriors.names)
    known, rows = Known(scaled, draws, seed), torch.arange(len(truths))[:, None].double()
    values = torch.from_numpy(np.asarray(truths / scatter, dtype=float))
    marginals = [_column(i) for i in range(truths.shape[1])]
    ranks, _ = run_sbc(
        values,
        rows,
        known,
        draws,
        reduce_fns=[*marginals, known.distance],
        show_progress_bar=False,  # type: ignore[arg-type]
    )
    shares = ranks.double().numpy() / draws
    return Ranks(shares[:, :-1], shares[:, -1], known.draws.numpy(), values.numpy(), posteriors.names)


def tarp(
    ranks: Ranks, rows: NDArray[np.bool_] | slice = slice(None)
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shares of the truths inside spheres, and the credibilities of these, for some stamps, by sbi's `run_tarp`."""
    import torch
    from sbi.diagnostics import run_tarp

    class Drawn:
        def sample_batched(self, shape: Any, x: "Tensor", **_: Any) -> "Tensor":
            return draws

    draws, truths = torch.from_numpy(ranks.draws[:, rows]), torch.from_numpy(ranks.truths[rows])
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        shares, levels = run_tarp(
            truths,
            truths,
            Drawn(),
            num_posterior_samples=len(draws),
            num_bins=BINS,
            show_progress_bar=False,  # type: ignore[arg-type]
        )
    return shares.double().numpy(), levels.double().numpy()


def findings(ranks: Ranks, splits: "list[Split]") -> list[Finding]:
    """Results of the tests for all stamps and for every split of at least `LEAST`."""
    return [found for split in splits if split.rows.sum() >= LEAST for found in _of_split(ranks, split)]


def _of_split(ranks: Ranks, split: "Split") -> list[Finding]:
    import torch
    from sbi.diagnostics import check_tarp
    from sbi.diagnostics.sbc import check_uniformity_frequentist
    from scipy.stats import kstwo

    marginal, joint = ranks.marginal[split.rows], ranks.joint[split.rows]
    count = int(split.rows.sum())
    p = check_uniformity_frequentist(torch.from_numpy(np.column_stack([marginal, joint])), 1).tolist()
    found = [("SBC", name, "p", value) for name, value in zip(ranks.names, p, strict=False)]
    found += [("expected coverage", "joint", label, float((joint < v).mean())) for label, v in LEVELS.items()]
    shares, levels = tarp(ranks, split.rows)
    area, _ = check_tarp(torch.from_numpy(shares), torch.from_numpy(levels))
    # sbi's own probability compares the bins of two curves and ignores the number of stamps; this one depends on it
    chance = float(kstwo.sf(np.abs(shares - levels).max(), count))
    found += [
        ("expected coverage", "joint", "p", p[-1]),
        ("TARP", "joint", "area to curve", area),
        ("TARP", "joint", "p", chance),
    ]
    return [Finding(split.name, *one, stamps=count) for one in found]


def _column(index: int):  # type: ignore[no-untyped-def]
    return lambda theta, x: theta[:, index]


def curves(ranks: tuple[Ranks, Ranks]) -> dict[str, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Test -> curve -> (credibility or rank, share of the truths), of ranks as trained and recalibrated."""
    raw, recalibrated = ranks
    steps = np.arange(1, len(recalibrated.joint) + 1) / len(recalibrated.joint)
    grid = np.linspace(0, 1, 201)
    shares = {
        name: np.interp(grid, np.sort(column), steps, left=0.0)
        for name, column in zip(recalibrated.names, recalibrated.marginal.T, strict=True)
    }
    return {
        "SBC": {name: (grid, share) for name, share in shares.items()},
        "expected coverage": {
            "as trained": (np.sort(raw.joint), steps),
            "recalibrated": (np.sort(recalibrated.joint), steps),
        },
        "TARP": {"as trained": tarp(raw)[::-1], "recalibrated": tarp(recalibrated)[::-1]},
    }
