"""A mixture density network and a neural spline flow, built by sbi, behind the convolutions of our networks.

    features = trunk(image),   context = summary(features),   p(targets | image) = density(targets | context)

The first two are computed once per stamp, not once per draw; dropout there is none. A flow's belief is handed on as draws
with a narrow kernel that keeps their mean and variance (West 1993):

    mu_t = m + sqrt(1 - h^2) (x_t - m),   sigma_t = h s,   m and s mean and standard deviation of the draws, h = 0.1.

The draws are those of the same quasi-random noise (Sobol, scrambled with the estimator's seed) for every stamp, so that a
stamp's belief depends on nothing else, and 512 of them stand for more.
"""

from functools import lru_cache
from math import exp, sqrt
from typing import TYPE_CHECKING, Any

import torch
from sbi.neural_nets.estimators.base import ConditionalDensityEstimator
from sbi.neural_nets.estimators.mixture_density_estimator import MixtureDensityEstimator
from sbi.neural_nets.estimators.mog import MoG
from sbi.neural_nets.net_builders import build_mdn, build_zuko_nsf
from torch import Tensor, nn
from zuko.flows import MaskedAutoregressiveTransform

from lenssbi.estimators.inversion import inverse
from lenssbi.estimators.memory import Memory
from lenssbi.estimators.network import NetworkConfig, deterministic_trunk
from lenssbi.parameters.space import TARGET_RANGE

if TYPE_CHECKING:
    from lenssbi.estimators.densities import DensityConfig

KERNEL = 0.1
CHUNK = 16  # stamps whose draws are made at a time: what they need stays in a core's cache
SMALLEST_VARIANCE = exp(-14)  # as for the dropout network


class FlowDensity(ConditionalDensityEstimator):
    """A density of sbi's of the targets given a stamp's context, with what makes the context out of the image.

    Parameters
    ----------
    trunk
        Prepared images (batch, channel, y, x) to features (batch, k).
    summary
        Features to contexts.
    density
        sbi's: its condition is the context.
    field
        Shape (y, x) of a prepared image [pixels].
    seed
        Seed of the draws.
    channels
        Of a prepared image.
    """

    draws = 512
    """Components of a belief."""

    def __init__(
        self,
        trunk: nn.Module,
        summary: nn.Module,
        density: ConditionalDensityEstimator,
        field: tuple[int, int],
        seed: int = 0,
        channels: int = 1,
    ) -> None:
        super().__init__(density, density.input_shape, torch.Size((channels, *field)))
        self.trunk, self.summary = trunk, summary
        self.seed = seed
        self._memory: Memory[Tensor] = Memory()

    @property
    def embedding_net(self) -> nn.Module:
        """The convolutions, for sbi's diagnostics of misspecification."""
        return self.trunk

    def embed(self, images: Tensor) -> Tensor:
        """Features (batch, k) of prepared images (batch, channel, y, x)."""
        return self.trunk(images.contiguous(memory_format=torch.channels_last))

    def loss(self, input: Tensor, condition: Tensor, **_: Any) -> Tensor:
        """Negative log-likelihood of targets (batch, p) given prepared images (batch, channel, y, x); shape (batch,)."""
        return self.loss_of(input, self.embed(condition))

    def loss_of(self, targets: Tensor, features: Tensor) -> Tensor:
        """Negative log-likelihood of targets (batch, p) given features (batch, k); shape (batch,)."""
        return self.net.loss(targets, self.summary(features))

    def log_prob(self, input: Tensor, condition: Tensor, **_: Any) -> Tensor:
        """Log density at targets ([draw,] batch, p) given prepared images (batch, channel, y, x)."""
        return self.net.log_prob(input, self._context(condition))

    def sample(self, sample_shape: torch.Size, condition: Tensor, **_: Any) -> Tensor:
        """Draws (*sample_shape, batch, p) given prepared images (batch, channel, y, x)."""
        return self.net.sample(torch.Size(sample_shape), self._context(condition))

    def components(self, features: Tensor, count: int | None = None) -> tuple[Tensor, Tensor]:
        """Means [targets] and variances [targets^2] of the kernels, each of shape (draw, batch, p).

        Parameters
        ----------
        features
            Shape (batch, k).
        count
            Number of draws; a power of two serves best.
        """
        noise = sobol(count or self.draws, self.input_shape.numel() + 1, self.seed).to(features.device)
        draw = mixture_draws if isinstance(self.net, MixtureDensityEstimator) else flow_draws
        parts = self.summary(features).split(CHUNK)
        draws = torch.cat([draw(self.net, context, noise) for context in parts], dim=1)
        mean, variance = draws.mean(dim=0), draws.var(dim=0, unbiased=False)
        kernels = (KERNEL**2 * variance).clamp(min=SMALLEST_VARIANCE)
        return mean + sqrt(1 - KERNEL**2) * (draws - mean), kernels.expand_as(draws)

    def _context(self, images: Tensor) -> Tensor:
        self._check_condition_shape(images)
        return self._memory(self, images, lambda stamps: self.summary(self.embed(stamps)))


def build_flow(
    config: "DensityConfig", network: NetworkConfig, field: tuple[int, int], parameters: int, seed: int = 0
) -> FlowDensity:
    """Return a fresh `mdn` or `nsf` after the convolutions of `network`."""
    trunk, features = deterministic_trunk(network, field)
    summary = nn.Sequential(nn.Linear(features, network.dense), nn.ReLU(), nn.Linear(network.dense, config.context))
    # sbi scales by the mean and spread of a batch; ours is the range of the targets, so that no data are needed
    targets = torch.linspace(0, TARGET_RANGE, 64)[:, None].expand(-1, parameters)
    contexts = torch.zeros(64, config.context)
    if config.kind == "mdn":
        density = build_mdn(
            targets, contexts, z_score_y="none", hidden_features=config.hidden, num_components=config.components
        )
        return FlowDensity(trunk, summary, density, field, seed, network.channels)
    layers = [config.hidden, config.hidden]
    density = build_zuko_nsf(
        targets,
        contexts,
        z_score_y="none",
        hidden_features=layers,
        num_transforms=config.transforms,
        num_bins=config.bins,
        passes=2,  # coupling: a draw costs two evaluations of each spline, however many targets there are
    )
    # The splines live on [-5, 5]: a linear transform before them takes a narrow posterior there, wherever it is.
    linear = MaskedAutoregressiveTransform(parameters, config.context, hidden_features=layers)
    density.net.transform.transforms.insert(1, linear)
    return FlowDensity(trunk, summary, density, field, seed, network.channels)


@lru_cache(maxsize=8)
def sobol(count: int, dimensions: int, seed: int) -> Tensor:
    """Scrambled Sobol points of the unit cube, shape (count, dimensions)."""
    engine = torch.quasirandom.SobolEngine(dimensions, scramble=True, seed=seed)
    return engine.draw(count, dtype=torch.float64).clamp(1e-7, 1 - 1e-7).float()


def flow_draws(density: ConditionalDensityEstimator, context: Tensor, noise: Tensor) -> Tensor:
    """Draws (draw, batch, p) of a flow given contexts (batch, k), from points (draw, p + 1) of the unit cube."""
    normal = torch.special.ndtri(noise[:, None, 1:])
    return inverse(density.net, context, normal.expand(-1, len(context), -1))


def mixture_draws(density: MixtureDensityEstimator, context: Tensor, noise: Tensor) -> Tensor:
    """The same of a mixture of Gaussians; the first coordinate of a point chooses the Gaussian."""
    mog: MoG = density.get_uncorrected_mog(context)
    chosen = (noise[:, :1, None] > mog.weights.cumsum(dim=-1)[..., :-1]).sum(dim=-1)
    batch = torch.arange(len(context), device=context.device)
    normal = torch.special.ndtri(noise[:, None, 1:]).expand(-1, len(context), -1)
    away = torch.linalg.solve_triangular(mog.precision_factors[batch, chosen], normal[..., None], upper=True)
    return density._inverse_transform_input(mog.means[batch, chosen] + away[..., 0])
