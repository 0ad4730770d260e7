"""The samplers of a fit by name: a new one is a file in `sampling` and an entry here and in the configuration's `method`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from lenssbi.refinement.config import SamplerConfig
from lenssbi.refinement.sampling import importance, nautilus
from lenssbi.refinement.sampling.checkpoint import Checkpoint
from lenssbi.refinement.sampling.draws import Draws, Sampler, Target, Watch

LIVE_POINTS = {"cnn-uniform": 200, "cnn-gaussian": 150, "cnn-joint": 150}
WIDE_LIVE_POINTS = 250


class Allowance(NamedTuple):
    """What a run may take: processor time [s], and the evaluations that earlier runs of the same fit have spent of its limit."""

    seconds: float
    spent: int = 0


@dataclass(frozen=True)
class ImportanceSampler:
    """Importance sampling from the modes of a search, or from the prior."""

    settings: importance.Settings

    @classmethod
    def of(cls, config: SamplerConfig, mode: str, allowance: Allowance) -> ImportanceSampler:
        """As the configuration says."""
        return cls(
            importance.Settings(
                n_eff=config.importance_n_eff,
                max_rounds=config.max_rounds,
                max_evaluations=config.max_evaluations - allowance.spent,
                max_seconds=allowance.seconds,
                seed=config.seed,
                threads=config.threads,
            )
        )

    def sample(self, target: Target, checkpoint: Checkpoint | None, watch: Watch) -> Draws:
        """Draws; a prior that is confined to the start's modes is no proposal."""
        settings = replace(self.settings, prior_share=0.0) if target.is_confined else self.settings
        return importance.sample(target.confined, target.log_likelihood, settings, checkpoint, watch, target.start)


@dataclass(frozen=True)
class NautilusSampler:
    """Nested sampling of the whole prior, wherever the start is."""

    settings: nautilus.Settings

    @classmethod
    def of(cls, config: SamplerConfig, mode: str, allowance: Allowance) -> NautilusSampler:
        """As the configuration says, with live points for the prior's `mode`."""
        return cls(
            nautilus.Settings(
                n_live=LIVE_POINTS.get(mode, WIDE_LIVE_POINTS) if config.n_live == "auto" else config.n_live,
                n_networks=config.n_networks,
                n_eff=config.n_eff,
                max_evaluations=config.max_evaluations - allowance.spent,
                max_seconds=allowance.seconds,
                seed=config.seed,
                threads=config.threads,
            )
        )

    def sample(self, target: Target, checkpoint: Checkpoint | None, watch: Watch) -> Draws:
        """Draws."""
        return nautilus.sample(target.prior, target.log_likelihood, self.settings, checkpoint, watch)


SAMPLERS: Mapping[str, Callable[[SamplerConfig, str, Allowance], Sampler]] = {
    "importance": ImportanceSampler.of,
    "nautilus": NautilusSampler.of,
}
