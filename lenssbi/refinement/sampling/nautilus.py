"""Importance nested sampling with Nautilus (Lange 2023): the only door to that library.

The run is done batch by batch, which leaves its result unchanged (the sampler's whole state lives between batches), so
that progress can be told, limits kept, and the state stored atomically. A run continues from the state of the same fit only
(:mod:`lenssbi.refinement.sampling.checkpoint`), bit for bit as if it had not been stopped.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.refinement.sampling.checkpoint import Checkpoint
from lenssbi.refinement.sampling.clock import processor_seconds
from lenssbi.refinement.sampling.draws import SAVE_EVERY, TELL_EVERY, Draws, LogLikelihood, Watch

F_LIVE = 0.01


class UnitCubePrior(Protocol):
    """Interface that the sampler needs of a prior."""

    @property
    def names(self) -> tuple[str, ...]: ...

    def quantile(self, u: FloatArray) -> FloatArray: ...


@dataclass(frozen=True)
class Settings:
    """How Nautilus runs; see :class:`lenssbi.refinement.config.SamplerConfig`. `max_seconds` are of the processor."""

    n_live: int
    n_networks: int = 1
    n_eff: int = 1000
    max_evaluations: int = 60_000
    max_seconds: float = np.inf
    seed: int = 0
    threads: int = 1


def sample(
    prior: UnitCubePrior,
    log_likelihood: LogLikelihood,
    settings: Settings,
    checkpoint: Checkpoint | None = None,
    watch: Watch = lambda evaluations, live: None,
) -> Draws:
    """Sample a posterior.

    Parameters
    ----------
    prior
        Map of the unit cube to parameters.
    log_likelihood
        Batch of parameters (n, parameter) to log likelihoods (n,), finite.
    settings
        Live points, networks, limits, seed.
    checkpoint
        File for the state; a state of the same key is continued.
    watch
        Function that is called with the progress, about every half second.
    """
    sampler, spent = _sampler(prior, log_likelihood, settings, checkpoint)
    start = processor_seconds(settings.threads) - spent
    saved = told = time.perf_counter()
    converged = False
    while not converged and sampler.n_like < settings.max_evaluations:
        converged = _one_batch(sampler, settings)
        now = time.perf_counter()
        if now - told > TELL_EVERY:
            told = now
            watch(int(sampler.n_like), _live(sampler))
        seconds = processor_seconds(settings.threads) - start
        late = seconds > settings.max_seconds
        if checkpoint and (converged or late or now - saved > SAVE_EVERY):
            checkpoint.save(sampler.write, seconds)
            saved = time.perf_counter()
        if late:
            break
    if checkpoint and not converged:
        checkpoint.save(sampler.write, processor_seconds(settings.threads) - start)
    return _draws(sampler, processor_seconds(settings.threads) - start, converged)


def _sampler(
    prior: UnitCubePrior, log_likelihood: LogLikelihood, settings: Settings, checkpoint: Checkpoint | None
) -> tuple[Any, float]:
    from nautilus import Sampler

    options: dict[str, Any] = {
        "n_dim": len(prior.names),
        "n_live": settings.n_live,
        "n_networks": settings.n_networks,
        "vectorized": True,
        "pass_dict": False,
        "pool": None,
        "seed": settings.seed,
    }
    spent = checkpoint.seconds() if checkpoint else None
    if checkpoint and spent is not None:
        try:
            sampler = Sampler(prior.quantile, log_likelihood, filepath=checkpoint.path, resume=True, **options)
        except Exception as error:  # whatever a damaged file makes the reader raise, the remedy is the same
            checkpoint.forsake(error)
        else:
            sampler.filepath = None  # from here on the state is written here, whole
            return sampler, spent
    return Sampler(prior.quantile, log_likelihood, **options), 0.0


def _one_batch(sampler: Any, settings: Settings) -> bool:
    return bool(sampler.run(f_live=F_LIVE, n_eff=settings.n_eff, n_like_max=sampler.n_like + 1))


def _live(sampler: Any) -> float:
    live = sampler.f_live
    return 0.0 if live is None else float(live)


def _draws(sampler: Any, seconds: float, converged: bool) -> Draws:
    values, log_weights, log_l = sampler.posterior()
    return Draws(
        values=np.asarray(values),
        log_weights=np.asarray(log_weights),
        log_likelihood=np.asarray(log_l),
        log_evidence=float(sampler.log_z),
        evaluations=int(sampler.n_like),
        seconds=seconds,
        converged=converged,
    )
