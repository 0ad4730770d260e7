"""A posterior that is equivariant under rotations: the average over the eight orientations of a stamp.

    p(params | image) = 1/8 sum_k q(T_k params | T_k image),   T_k the symmetries of the square (`augmentation`)

A network that is trained on stamps turned at random learns the symmetry only roughly; averaged over it, its posterior has it exactly, and
its error, which differs between orientations, gets smaller. It costs eight times the convolutions and no more passes.
"""

import torch
from torch import Tensor, nn

from lenssbi.estimators.augmentation import SYMMETRIES, turn_images, turn_targets
from lenssbi.estimators.densities import Density

BACK = (0, 3, 2, 1, 4, 5, 6, 7)
"""The inverse of each symmetry: that of a quarter turn is three, that of a mirroring is itself."""


class SymmetricDensity(nn.Module):
    """A density of square stamps, averaged over the eight symmetries.

    Parameters
    ----------
    density
        Trained density to average.
    names
        Names of the parameters.
    middle
        Target of the physical value 0, shape (parameter,).
    """

    def __init__(self, density: Density, names: tuple[str, ...], middle: Tensor) -> None:
        super().__init__()
        self.net, self.names = density, names
        self.input_shape, self.condition_shape = density.input_shape, density.condition_shape
        self.register_buffer("middle", middle, persistent=False)

    @property
    def embedding_net(self) -> nn.Module:
        """The convolutions, which process one orientation at a time."""
        return self.net.embedding_net

    @property
    def draws(self) -> int:
        """Approximate number of components of a posterior, for all orientations together."""
        return self.net.draws

    def embed(self, images: Tensor) -> Tensor:
        """Features (batch, 8 k) of prepared images (batch, 1, n, n), those of one orientation after the other."""
        return torch.cat([self.net.embed(turn_images(images, k)) for k in range(SYMMETRIES)], dim=1)

    def loss(self, input: Tensor, condition: Tensor) -> Tensor:
        """Negative log-likelihood of targets (batch, p) given prepared images (batch, 1, n, n); shape (batch,)."""
        return self.loss_of(input, self.embed(condition))

    def loss_of(self, targets: Tensor, features: Tensor) -> Tensor:
        """Negative log-likelihood of targets (batch, p) given features (batch, 8 k); shape (batch,)."""
        parts = features.chunk(SYMMETRIES, dim=1)
        losses = [self.net.loss_of(self._turn(targets, k), part) for k, part in enumerate(parts)]
        return -_mean_of_logs(-torch.stack(losses))

    def components(self, features: Tensor, count: int | None = None) -> tuple[Tensor, Tensor]:
        """Means [targets] and variances [targets^2], each of shape (component, batch, p); the orientations take turns.

        Parameters
        ----------
        features
            Features of the eight orientations, shape (batch, 8 k).
        count
            Number of components, rounded up to a multiple of eight.
        """
        share = -(-(count or self.draws) // SYMMETRIES)
        found = self.net.components(torch.cat(features.chunk(SYMMETRIES, dim=1)), share)
        means, variances = (both.chunk(SYMMETRIES, dim=1) for both in found)
        means = [self._turn(mean, back) for mean, back in zip(means, BACK, strict=True)]
        zero = torch.zeros_like(self.middle)
        variances = [turn_targets(v, self.names, zero, back).abs() for v, back in zip(variances, BACK, strict=True)]
        return torch.stack(means, dim=1).flatten(0, 1), torch.stack(variances, dim=1).flatten(0, 1)

    def log_prob(self, input: Tensor, condition: Tensor) -> Tensor:
        """Log density at targets ([draw,] batch, p) given prepared images (batch, 1, n, n)."""
        logs = [self.net.log_prob(self._turn(input, k), turn_images(condition, k)) for k in range(SYMMETRIES)]
        return _mean_of_logs(torch.stack(logs))

    def sample(self, sample_shape: torch.Size, condition: Tensor) -> Tensor:
        """Draws (*sample_shape, batch, p) given prepared images (batch, 1, n, n), each in an orientation of its own."""
        shape = torch.Size(sample_shape)
        counts = torch.randint(SYMMETRIES, (shape.numel(),)).bincount(minlength=SYMMETRIES).tolist()
        draws = [
            self._turn(self.net.sample(torch.Size((count,)), turn_images(condition, k)), BACK[k])
            for k, count in enumerate(counts)
            if count
        ]
        mixed = torch.cat(draws)[torch.randperm(shape.numel())]
        return mixed.unflatten(0, shape)

    def _turn(self, targets: Tensor, symmetry: int) -> Tensor:
        return turn_targets(targets, self.names, self.middle, symmetry)


def single(density: "Density | SymmetricDensity") -> Density:
    """The density for one orientation at a time."""
    return density.net if isinstance(density, SymmetricDensity) else density


def upright(density: "Density | SymmetricDensity", features: Tensor) -> Tensor:
    """The features of the original orientation among those from `embed`, shape (batch, k)."""
    return features.chunk(SYMMETRIES, dim=1)[0] if isinstance(density, SymmetricDensity) else features


def _mean_of_logs(logs: Tensor) -> Tensor:
    """Log of the mean of exp(logs) over the first axis."""
    return logs.logsumexp(dim=0) - torch.log(torch.tensor(float(len(logs))))
