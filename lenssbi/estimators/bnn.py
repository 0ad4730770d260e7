"""The dropout network as a density: an equal mixture of the Gaussians of its Monte Carlo passes.

    p(targets | image) = 1/T sum_t N(targets; mu_t, diag sigma_t^2),   (mu_t, ln sigma_t^2) = network(image, mask_t)

It is trained on the Gaussian negative log-likelihood of one pass (Pearson et al. 2021, eq. 2; Levasseur et al. 2017),
with a mask of its own for every stamp. Here it is an estimator of sbi's, whose `input` is our targets and whose
`condition` our prepared image, so that sbi's posteriors and diagnostics take it as it is.
"""

from math import log, pi
from typing import Any

import torch
from sbi.neural_nets.estimators.mixture_density_estimator import MixtureDensityEstimator
from sbi.neural_nets.estimators.mog import MoG
from torch import Tensor

from lenssbi.estimators.dropout import shared_masks
from lenssbi.estimators.memory import Memory
from lenssbi.estimators.network import CompactNetwork, PaperNetwork

LOG_VARIANCE = (-14.0, 7.0)  # sigma from 0.001 to 33 targets: beyond any stamp, and safe in float32


class DropoutBNN(MixtureDensityEstimator):
    """A network with Monte Carlo dropout, as a conditional density of sbi's.

    Parameters
    ----------
    network
        Gives (batch, 2 p) outputs: p means and p log-variances [targets].
    parameters
        Number p of parameters.
    field
        Shape (y, x) of a prepared image [pixels].
    passes
        Monte Carlo passes of a posterior.
    seed
        Seed of the passes' masks: the same stamp gets the same posterior every time.
    """

    validation_passes = 4

    def __init__(
        self,
        network: PaperNetwork | CompactNetwork,
        parameters: int,
        field: tuple[int, int],
        passes: int = 100,
        seed: int = 0,
    ) -> None:
        super().__init__(network, torch.Size((parameters,)), torch.Size((network.channels, *field)))
        self.passes = passes
        self.seed = seed
        self._memory: Memory[MoG] = Memory()

    @property
    def embedding_net(self) -> torch.nn.Module:
        """The deterministic part of the network, for sbi's diagnostics of misspecification."""
        return self.net.trunk

    @property
    def draws(self) -> int:
        """Components of a belief: the passes."""
        return self.passes

    def embed(self, images: Tensor) -> Tensor:
        """Features (batch, k) of prepared images (batch, 1, y, x): what is seen once per stamp."""
        return self.net.trunk(images.contiguous(memory_format=torch.channels_last))

    def loss(self, input: Tensor, condition: Tensor, **_: Any) -> Tensor:
        """Negative log-likelihood of targets (batch, p) given prepared images (batch, 1, y, x); shape (batch,)."""
        return self.loss_of(input, self.embed(condition))

    def loss_of(self, targets: Tensor, features: Tensor) -> Tensor:
        """Negative log-likelihood of targets (batch, p) given features (batch, k); shape (batch,).

        While training, of one pass (paper eq. 2); in evaluation, of the mixture of a few.
        """
        if self.training:
            mean, variance = _split(self.net.head(features))
            return -_gaussian(targets, mean, variance)
        means, variances = self.components(features, self.validation_passes)
        return log(len(means)) - torch.logsumexp(_gaussian(targets, means, variances), dim=0)

    def components(self, features: Tensor, count: int | None = None) -> tuple[Tensor, Tensor]:
        """Means [targets] and variances [targets^2] of the passes, each of shape (pass, batch, p).

        Parameters
        ----------
        features
            Shape (batch, k).
        count
            Number of passes; pass t has the same mask for every stamp.
        """
        with shared_masks(self.net, self.seed):
            outputs = [self.net.head(features) for _ in range(count or self.draws)]
        return _split(torch.stack(outputs).float())

    def get_uncorrected_mog(self, condition: Tensor) -> MoG:
        """The mixture at prepared images (batch, 1, y, x), as sbi's; that of the last images is remembered."""
        self._check_condition_shape(condition)
        return self._memory(self, condition, self._mixture)

    def _mixture(self, images: Tensor) -> MoG:
        means, variances = (moment.transpose(0, 1) for moment in self.components(self.embed(images)))
        logits = means.new_zeros(means.shape[:2])
        factors = torch.diag_embed(variances.rsqrt())
        return MoG(logits, means, torch.diag_embed(1 / variances), factors)


def _split(outputs: Tensor) -> tuple[Tensor, Tensor]:
    """Outputs (..., 2 p) into means and variances (..., p)."""
    mean, log_variance = outputs.chunk(2, dim=-1)
    return mean, log_variance.clamp(*LOG_VARIANCE).exp()


def _gaussian(targets: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    return -0.5 * ((targets - mean) ** 2 / variance + variance.log() + log(2 * pi)).sum(dim=-1)
