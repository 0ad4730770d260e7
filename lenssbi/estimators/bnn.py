"""The dropout network as a density: an equal mixture of the Gaussians of its Monte Carlo passes.

    p(targets | image) = 1/T sum_t N(targets; mu_t, diag sigma_t^2),   (mu_t, ln sigma_t^2) = network(image, mask_t)

It is trained on the Gaussian negative log-likelihood of one pass (Pearson et al. 2021, eq. 2; Levasseur et al. 2017),
with a mask of its own for every stamp. As in sbi, `input` is the targets and `condition` the prepared images
(`for_sbi` hands it to sbi's posteriors and diagnostics).
"""

from math import log, pi

import torch
from torch import Tensor, nn

from lenssbi.estimators.dropout import shared_masks
from lenssbi.estimators.folding import Folding
from lenssbi.estimators.memory import Memory
from lenssbi.estimators.network import CompactNetwork, PaperNetwork

LOG_VARIANCE = (-14.0, 7.0)  # sigma from 0.001 to 33 targets: beyond any stamp, and safe in float32


class DropoutBNN(nn.Module):
    """A network with Monte Carlo dropout, as a conditional density.

    Parameters
    ----------
    network
        Network with (batch, 2 p) outputs: p means and p log-variances [targets].
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
    folding: Folding | None = None
    """Evaluates the convolutions faster; set for a network that is loaded to predict."""

    def __init__(
        self,
        network: PaperNetwork | CompactNetwork,
        parameters: int,
        field: tuple[int, int],
        passes: int = 100,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.net = network
        self.input_shape, self.condition_shape = torch.Size((parameters,)), torch.Size((network.channels, *field))
        self.passes = passes
        self.seed = seed
        self._memory: Memory[tuple[Tensor, Tensor]] = Memory(self.condition_shape)

    @property
    def embedding_net(self) -> nn.Module:
        """The deterministic part of the network."""
        return self.net.trunk

    @property
    def draws(self) -> int:
        """Components of a posterior: the passes."""
        return self.passes

    def embed(self, images: Tensor) -> Tensor:
        """Features (batch, k) of prepared images (batch, 1, y, x), which are computed once per stamp."""
        images = images.contiguous(memory_format=torch.channels_last)
        return self.folding(self.net.trunk, images) if self.folding else self.net.trunk(images)

    def loss(self, input: Tensor, condition: Tensor) -> Tensor:
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
            Features of the stamps, shape (batch, k).
        count
            Number of passes; pass t has the same mask for every stamp.
        """
        with shared_masks(self.net, self.seed):
            outputs = [self.net.head(features) for _ in range(count or self.draws)]
        return _split(torch.stack(outputs).float())

    def moments(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """`components` of prepared images (batch, 1, y, x); those of the last images are cached."""
        return self._memory(self, images, lambda stamps: self.components(self.embed(stamps)))

    def log_prob(self, input: Tensor, condition: Tensor) -> Tensor:
        """Log density at targets ([draw,] batch, p) given prepared images (batch, 1, y, x); shape ([draw,] batch)."""
        means, variances = self.moments(condition)
        return torch.logsumexp(_gaussian(input.unsqueeze(-3), means, variances), dim=-2) - log(len(means))

    def sample(self, sample_shape: torch.Size, condition: Tensor) -> Tensor:
        """Draws (*sample_shape, batch, p) given prepared images (batch, 1, y, x): a pass each, and its Gaussian."""
        means, variances = self.moments(condition)
        stamps = torch.arange(means.shape[1], device=means.device)
        chosen = torch.randint(len(means), (*sample_shape, len(stamps)), device=means.device)
        mean, sigma = means[chosen, stamps], variances[chosen, stamps].sqrt()
        return mean + sigma * torch.randn_like(mean)


def _split(outputs: Tensor) -> tuple[Tensor, Tensor]:
    """Outputs (..., 2 p) into means and variances (..., p)."""
    mean, log_variance = outputs.chunk(2, dim=-1)
    return mean, log_variance.clamp(*LOG_VARIANCE).exp()


def _gaussian(targets: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    return -0.5 * ((targets - mean) ** 2 / variance + variance.log() + log(2 * pi)).sum(dim=-1)
