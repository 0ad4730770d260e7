"""lenssbi's densities as densities of sbi, for its posteriors and diagnostics.

sbi takes seconds to import, so nothing that predicts imports this.
"""

from typing import Any

import torch
from sbi.neural_nets.estimators.base import ConditionalDensityEstimator
from torch import Tensor, nn

from lenssbi.estimators.densities import Density
from lenssbi.estimators.symmetric import SymmetricDensity


class SbiDensity(ConditionalDensityEstimator):
    """A density of the targets (sbi's `input`) given prepared images (sbi's `condition`).

    Parameters
    ----------
    density
        Density of lenssbi; its weights are shared, not copied.
    """

    def __init__(self, density: "Density | SymmetricDensity") -> None:
        super().__init__(density, density.input_shape, density.condition_shape)

    @property
    def embedding_net(self) -> nn.Module:
        """The convolutions, for sbi's diagnostics of misspecification."""
        return self.net.embedding_net

    def loss(self, input: Tensor, condition: Tensor, **_: Any) -> Tensor:
        """Negative log-likelihood of targets (batch, p) given prepared images (batch, channel, y, x); shape (batch,)."""
        return self.net.loss(input, condition)

    def log_prob(self, input: Tensor, condition: Tensor, **_: Any) -> Tensor:
        """Log density at targets ([draw,] batch, p) given prepared images (batch, channel, y, x)."""
        return self.net.log_prob(input, condition)

    def sample(self, sample_shape: torch.Size, condition: Tensor, **_: Any) -> Tensor:
        """Draws (*sample_shape, batch, p) given prepared images (batch, channel, y, x)."""
        return self.net.sample(torch.Size(sample_shape), condition)
