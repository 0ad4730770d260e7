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

from lenssbi.estimators.network import CompactNetwork, PaperNetwork
from lenssbi.estimators.passes import moments, split


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
        super().__init__(network, torch.Size((parameters,)), torch.Size((1, *field)))
        self.passes = passes
        self.seed = seed
        self._last: tuple[Tensor, MoG] | None = None

    @property
    def embedding_net(self) -> torch.nn.Module:
        """The deterministic part of the network, for sbi's diagnostics of misspecification."""
        return self.net.trunk

    def loss(self, input: Tensor, condition: Tensor, **_: Any) -> Tensor:
        """Negative log-likelihood of targets (batch, p) given prepared images (batch, 1, y, x); shape (batch,).

        While training, of one pass (paper eq. 2); in evaluation, of the mixture of a few.
        """
        if not self.training:
            means, variances = self.moments(condition, self.validation_passes)
            return self.mixture_loss(input, means, variances)
        mean, variance = split(self.net(condition))
        return -_gaussian(input, mean, variance)

    def mixture_loss(self, targets: Tensor, means: Tensor, variances: Tensor) -> Tensor:
        """Negative log-likelihood of targets (batch, p) under the mixture of the passes (pass, batch, p), shape (batch,)."""
        return log(len(means)) - torch.logsumexp(_gaussian(targets, means, variances), dim=0)

    def moments(self, condition: Tensor, passes: int | None = None) -> tuple[Tensor, Tensor]:
        """Means and variances of the passes [targets], each of shape (pass, batch, p)."""
        return moments(self.net, condition, passes or self.passes, self.seed)

    def get_uncorrected_mog(self, condition: Tensor) -> MoG:
        """The mixture at prepared images (batch, 1, y, x), as sbi's; that of the last images is remembered."""
        self._check_condition_shape(condition)
        if self._last is not None and _same(self._last[0], condition):
            return self._last[1]
        means, variances = (moment.transpose(0, 1) for moment in self.moments(condition))
        logits = means.new_zeros(means.shape[:2])
        factors = torch.diag_embed(variances.rsqrt())
        mog = MoG(logits, means, torch.diag_embed(1 / variances), factors)
        if not self.training and not means.requires_grad:
            self._last = (condition.detach().clone(), mog)
        return mog

    def train(self, mode: bool = True) -> "DropoutBNN":
        """Switch between training and evaluation, and forget the last mixture."""
        self._last = None
        return super().train(mode)

    def load_state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Load weights, and forget the last mixture."""
        self._last = None
        return super().load_state_dict(*args, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_last": None}


def _gaussian(targets: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    return -0.5 * ((targets - mean) ** 2 / variance + variance.log() + log(2 * pi)).sum(dim=-1)


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and one.device == other.device and bool(torch.equal(one, other))
