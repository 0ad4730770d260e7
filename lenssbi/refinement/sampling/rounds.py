"""Rounds of importance sampling in two chains, and the weights of their draws.

Rounds of even number make one chain, those of odd number the other. In a chain with n_t draws of round t from the proposal q_t, and
with the prior p,

    w_i = p(x_i) L(x_i) / sum_t (n_t / N) q_t(x_i),     N = sum_t n_t,     Z = (1 / N) sum_i w_i

whatever round of the chain draw i comes from (the deterministic mixture of Owen & Zhou 2000, used in rounds by Cornuet et al. 2012).
A proposal is fitted to the draws of the other chain alone: fitted to draws that it then weighs, it would be too high just there, and
the evidence too small by the parameters of the fit over the draws, 0.1 to 0.2 nat here. A proposal has a share of the prior in
it, so that no weight exceeds L over that share. A draw outside the prior has the weight 0 and costs nothing: it is counted in n_t and
not kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from scipy.special import logsumexp

from lenssbi.arrays import FloatArray
from lenssbi.refinement.sampling.mixture_fit import n_eff
from lenssbi.refinement.sampling.mixtures import Mixture

PILOT = 2000  # draws that tell how many fall outside the prior
LEAST_INSIDE = 0.02


class DensityPrior(Protocol):
    """Interface of a prior for importance sampling: map of the unit cube, and density (-inf or NaN for excluded models)."""

    @property
    def names(self) -> tuple[str, ...]: ...

    def quantile(self, u: FloatArray) -> FloatArray: ...

    def log_prob(self, x: FloatArray) -> FloatArray: ...


@dataclass(frozen=True)
class Proposal:
    """A mixture with a share of prior draws; without a mixture, the prior alone."""

    mixture: Mixture | None
    prior_share: float

    def log_prob(self, x: FloatArray, log_prior: FloatArray) -> FloatArray:
        """Log density at points (n, parameter) of the log prior density (n,)."""
        if self.mixture is None:
            return log_prior
        with np.errstate(divide="ignore"):
            return np.logaddexp(
                np.log(self.prior_share) + log_prior, np.log1p(-self.prior_share) + self.mixture.log_prob(x)
            )

    def draw(self, count: int, prior: DensityPrior, rng: np.random.Generator) -> FloatArray:
        """Independent draws, shape (count, parameter)."""
        believed = prior.quantile(rng.random((count, len(prior.names))))
        if self.mixture is None:
            return believed
        from_prior = rng.random(count) < self.prior_share
        return np.where(from_prior[:, None], believed, self.mixture.draw(count, rng))


@dataclass(frozen=True)
class Round:
    """The draws of one proposal.

    Parameters
    ----------
    proposal
        Distribution of the draws.
    total
        Number of draws, those outside the prior included.
    places
        Indices of the draws that lie inside the prior, ascending, shape (draw,).
    values, log_prior
        Those draws, shape (draw, parameter), and the log prior density, shape (draw,).
    log_likelihood
        Log likelihoods of the first draws, shape (evaluated,); the others have not been evaluated.
    log_evidence
        Estimate from all rounds up to this one, once it is complete.
    """

    proposal: Proposal
    total: int
    places: np.ndarray
    values: FloatArray
    log_prior: FloatArray
    log_likelihood: FloatArray
    log_evidence: float = float("nan")

    def __post_init__(self) -> None:
        # Contiguous as they come back from a checkpoint: BLAS rounds transposed arrays in its own way.
        object.__setattr__(self, "values", np.ascontiguousarray(self.values, dtype=float))

    @property
    def done(self) -> int:
        """Draws that have been evaluated."""
        return len(self.log_likelihood)

    @property
    def complete(self) -> bool:
        """Whether all have."""
        return self.done == len(self.values)

    @property
    def counted(self) -> int:
        """Draws up to the last one evaluated, those outside the prior included."""
        if self.complete:
            return self.total
        return int(self.places[self.done - 1]) + 1 if self.done else 0

    def evaluated(self, log_likelihood: FloatArray) -> Round:
        """The round with further draws evaluated."""
        return replace(self, log_likelihood=np.concatenate([self.log_likelihood, log_likelihood]))


def begin_round(proposal: Proposal, count: int, prior: DensityPrior, seed: int, index: int) -> Round:
    """Draw about ``count`` points inside the prior.

    Parameters
    ----------
    proposal
        Distribution to draw from.
    count
        Number of evaluations; the number of draws is fixed beforehand, so it is reached only on average.
    prior
        Prior; its density is 0 for excluded models.
    seed, index
        Seed of the run, and index of the round: round i is always round i.
    """
    rng = np.random.default_rng(np.random.SeedSequence((seed, index)))
    inside = float(np.mean(np.isfinite(_log_prior(prior, proposal.draw(PILOT, prior, rng)))))
    total = int(np.ceil(count / max(inside, LEAST_INSIDE)))
    values = proposal.draw(total, prior, rng)
    log_prior = _log_prior(prior, values)
    places = np.flatnonzero(np.isfinite(log_prior))
    return Round(proposal, total, places, values[places], log_prior[places], np.empty(0))


class Weighted(NamedTuple):
    """All evaluated draws of some rounds; log weights are relative to ``log_evidence``, so that they add up to 1."""

    values: FloatArray
    log_likelihood: FloatArray
    log_target: FloatArray  # prior times likelihood
    log_weights: FloatArray
    log_evidence: float

    @property
    def n_eff(self) -> float:
        """Kish's effective number of draws."""
        return n_eff(np.exp(self.log_weights - self.log_weights.max()))


def weigh(rounds: list[Round]) -> Weighted:
    """Weights of all draws evaluated so far, at least one of them; the two chains share the weight by their effective draws."""
    chains = [weigh_chain(chain) for chain in chains_of(rounds)]
    log_shares = np.log([chain.n_eff for chain in chains])
    log_shares -= logsumexp(log_shares)
    log_evidence = logsumexp([share + chain.log_evidence for share, chain in zip(log_shares, chains, strict=True)])
    log_weights = [
        chain.log_weights + share + chain.log_evidence - log_evidence
        for share, chain in zip(log_shares, chains, strict=True)
    ]
    return Weighted(
        np.concatenate([chain.values for chain in chains]),
        np.concatenate([chain.log_likelihood for chain in chains]),
        np.concatenate([chain.log_target for chain in chains]),
        np.concatenate(log_weights),
        float(log_evidence),
    )


def chains_of(rounds: list[Round]) -> list[list[Round]]:
    """The rounds of even and of odd number, as far as they have evaluated draws."""
    return [begun for first in (0, 1) if (begun := [part for part in rounds[first::2] if part.done])]


def weigh_chain(rounds: list[Round]) -> Weighted:
    """Weights of the draws of one chain under its own proposals."""
    values = np.concatenate([part.values[: part.done] for part in rounds])
    log_prior = np.concatenate([part.log_prior[: part.done] for part in rounds])
    log_likelihood = np.concatenate([part.log_likelihood for part in rounds])
    counts = np.array([part.counted for part in rounds], dtype=float)
    log_counts = np.log(counts / counts.sum())
    shares = [
        log_count + part.proposal.log_prob(values, log_prior)
        for part, log_count in zip(rounds, log_counts, strict=True)
    ]
    log_target = log_prior + log_likelihood
    log_ratio = log_target - logsumexp(shares, axis=0)
    log_sum = float(logsumexp(log_ratio))
    return Weighted(values, log_likelihood, log_target, log_ratio - log_sum, log_sum - float(np.log(counts.sum())))


def write_rounds(path: Path, rounds: list[Round]) -> None:
    """Store the rounds as HDF5."""
    import h5py

    with h5py.File(path, "w") as file:
        for index, part in enumerate(rounds):
            group = file.create_group(f"round_{index:03d}")
            mixture = part.proposal.mixture
            group.attrs.update(
                total=part.total,
                log_evidence=part.log_evidence,
                prior_share=part.proposal.prior_share,
                prior_alone=mixture is None,
            )
            for name in ("places", "values", "log_prior", "log_likelihood"):
                group[name] = getattr(part, name)
            for name in ("weights", "means", "scales") if mixture else ():
                group[name] = getattr(mixture, name)


def read_rounds(path: Path) -> list[Round]:
    """The rounds that :func:`write_rounds` stored.

    Raises
    ------
    OSError, KeyError, ValueError
        If the file is damaged, or is another sampler's.
    """
    import h5py

    with h5py.File(path, "r") as file:
        return [_read_round(file[f"round_{index:03d}"]) for index in range(len(file))]


def _read_round(group: Any) -> Round:
    arrays = {name: group[name][()] for name in group}
    parts = None if group.attrs["prior_alone"] else [arrays.pop(name) for name in ("weights", "means", "scales")]
    proposal = Proposal(None if parts is None else Mixture(*parts), float(group.attrs["prior_share"]))
    return Round(proposal, int(group.attrs["total"]), log_evidence=float(group.attrs["log_evidence"]), **arrays)


def _log_prior(prior: DensityPrior, values: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):  # |e| >= 1 among draws that have yet to be refused
        return np.asarray(prior.log_prob(values))
