"""A mixture density network (sbi's) and a neural spline flow (zuko's) behind the convolutions of our networks.

    features = trunk(image),   context = summary(features),   p(targets | image) = density(targets | context)

The first two are computed once per stamp, not once per draw; there is no dropout. A flow's posterior is represented by draws
with a narrow kernel that keeps their mean and variance (West 1993):

    mu_t = m + sqrt(1 - h^2) (x_t - m),   sigma_t = h s,   m and s mean and standard deviation of the draws, h = 0.1.

The draws are those of the same quasi-random noise (Sobol, scrambled with the estimator's seed) for every stamp, so that a
stamp's posterior depends on nothing else, and 512 of them are worth more independent ones.
"""

from functools import lru_cache
from math import exp, sqrt
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.distributions import AffineTransform
from zuko.flows import NSF, Flow, MaskedAutoregressiveTransform, UnconditionalTransform

from lenssbi.estimators.density_config import DensityConfig
from lenssbi.estimators.folding import Folding
from lenssbi.estimators.inversion import CHUNK, inverse
from lenssbi.estimators.memory import Memory
from lenssbi.estimators.network import NetworkConfig, deterministic_trunk
from lenssbi.parameters.space import TARGET_RANGE

if TYPE_CHECKING:
    from sbi.neural_nets.estimators.mixture_density_estimator import MixtureDensityEstimator


KERNEL = 0.1
SMALLEST_VARIANCE = exp(-14)  # as for the dropout network


class SplineFlow(nn.Module):
    """A flow of zuko's as a density of the targets given a context, with the methods of sbi's densities.

    It is the network that sbi's `build_zuko_nsf` makes, weights of the same names included; sbi itself takes seconds to import.

    Parameters
    ----------
    net
        Flow.
    parameters
        Number p of targets.
    """

    def __init__(self, net: Flow, parameters: int) -> None:
        super().__init__()
        self.net = net
        self.input_shape = torch.Size((parameters,))

    def loss(self, input: Tensor, condition: Tensor) -> Tensor:
        """Negative log-likelihood of targets (batch, p) given contexts (batch, k); shape (batch,)."""
        return -self.log_prob(input, condition)

    def log_prob(self, input: Tensor, condition: Tensor) -> Tensor:
        """Log density at targets ([draw,] batch, p) given contexts (batch, k); shape ([draw,] batch)."""
        return self.net(condition).log_prob(input)

    def sample(self, sample_shape: torch.Size, condition: Tensor) -> Tensor:
        """Draws (*sample_shape, batch, p) given contexts (batch, k)."""
        return self.net(condition).sample(sample_shape)


class FlowDensity(nn.Module):
    """A density of the targets given a stamp's context, with the networks that compute the context from the image.

    Parameters
    ----------
    trunk
        Network from prepared images (batch, channel, y, x) to features (batch, k).
    summary
        Network from features to contexts.
    density
        Density that is conditional on the context.
    field
        Shape (y, x) of a prepared image [pixels].
    seed
        Seed of the draws.
    channels
        Number of channels of a prepared image.
    """

    draws = 512
    """Components of a posterior."""
    folding: Folding | None = None
    """Evaluates the convolutions faster; set for a network that is loaded to predict."""

    def __init__(
        self,
        trunk: nn.Module,
        summary: nn.Module,
        density: "SplineFlow | MixtureDensityEstimator",
        field: tuple[int, int],
        seed: int = 0,
        channels: int = 1,
    ) -> None:
        super().__init__()
        self.net, self.trunk, self.summary = density, trunk, summary
        self.input_shape, self.condition_shape = density.input_shape, torch.Size((channels, *field))
        self.seed = seed
        self._memory: Memory[Tensor] = Memory(self.condition_shape)

    @property
    def embedding_net(self) -> nn.Module:
        """The convolutions."""
        return self.trunk

    def embed(self, images: Tensor) -> Tensor:
        """Features (batch, k) of prepared images (batch, channel, y, x)."""
        images = images.contiguous(memory_format=torch.channels_last)
        return self.folding(self.trunk, images) if self.folding else self.trunk(images)

    def loss(self, input: Tensor, condition: Tensor) -> Tensor:
        """Negative log-likelihood of targets (batch, p) given prepared images (batch, channel, y, x); shape (batch,)."""
        return self.loss_of(input, self.embed(condition))

    def loss_of(self, targets: Tensor, features: Tensor) -> Tensor:
        """Negative log-likelihood of targets (batch, p) given features (batch, k); shape (batch,)."""
        return self.net.loss(targets, self.summary(features))

    def log_prob(self, input: Tensor, condition: Tensor) -> Tensor:
        """Log density at targets ([draw,] batch, p) given prepared images (batch, channel, y, x)."""
        return self.net.log_prob(input, self._context(condition))

    def sample(self, sample_shape: torch.Size, condition: Tensor) -> Tensor:
        """Draws (*sample_shape, batch, p) given prepared images (batch, channel, y, x)."""
        return self.net.sample(torch.Size(sample_shape), self._context(condition))

    def components(self, features: Tensor, count: int | None = None) -> tuple[Tensor, Tensor]:
        """Means [targets] and variances [targets^2] of the kernels, each of shape (draw, batch, p).

        Parameters
        ----------
        features
            Features of the stamps, shape (batch, k).
        count
            Number of draws, preferably a power of two.
        """
        noise = sobol(count or self.draws, self.input_shape.numel() + 1, self.seed).to(features.device)
        draw = flow_draws if isinstance(self.net, SplineFlow) else mixture_draws
        draws = draw(self.net, self.summary(features), noise)
        mean, variance = draws.mean(dim=0), draws.var(dim=0, unbiased=False)
        kernels = (KERNEL**2 * variance).clamp(min=SMALLEST_VARIANCE)
        return mean + sqrt(1 - KERNEL**2) * (draws - mean), kernels.expand_as(draws)

    def _context(self, images: Tensor) -> Tensor:
        return self._memory(self, images, lambda stamps: self.summary(self.embed(stamps)))


def build_flow(
    config: DensityConfig, network: NetworkConfig, field: tuple[int, int], parameters: int, seed: int = 0
) -> FlowDensity:
    """Return a fresh `mdn` or `nsf` after the convolutions of `network`."""
    trunk, features = deterministic_trunk(network, field)
    summary = nn.Sequential(nn.Linear(features, network.dense), nn.ReLU(), nn.Linear(network.dense, config.context))
    # Targets are scaled by the mean and spread of a batch all over their range, so that no data are needed.
    targets = torch.linspace(0, TARGET_RANGE, 64)[:, None].expand(-1, parameters)
    density = _mixture(config, targets) if config.kind == "mdn" else _splines(config, targets)
    return FlowDensity(trunk, summary, density, field, seed, network.channels)


def _mixture(config: DensityConfig, targets: Tensor) -> "MixtureDensityEstimator":
    from sbi.neural_nets.net_builders import build_mdn  # takes seconds to import

    contexts = torch.zeros(len(targets), config.context)
    return build_mdn(
        targets, contexts, z_score_y="none", hidden_features=config.hidden, num_components=config.components
    )


def _splines(config: DensityConfig, targets: Tensor) -> SplineFlow:
    """Coupling splines (two passes: a draw costs two evaluations of each, however many targets there are).

    They live on [-5, 5]: a linear transform before them takes a narrow posterior there, wherever it is.
    """
    parameters, layers = targets.shape[1], [config.hidden, config.hidden]
    flow = NSF(parameters, config.context, config.bins, transforms=config.transforms, hidden_features=layers, passes=2)
    mean, spread = targets.mean(dim=0), targets.std(dim=0)
    standardised = UnconditionalTransform(AffineTransform, loc=-mean / spread, scale=1 / spread, buffer=True)
    linear = MaskedAutoregressiveTransform(parameters, config.context, hidden_features=layers)
    return SplineFlow(Flow((standardised, linear, *flow.transform.transforms), flow.base), parameters)


@lru_cache(maxsize=8)
def sobol(count: int, dimensions: int, seed: int) -> Tensor:
    """Scrambled Sobol points of the unit cube, shape (count, dimensions)."""
    engine = torch.quasirandom.SobolEngine(dimensions, scramble=True, seed=seed)
    return engine.draw(count, dtype=torch.float64).clamp(1e-7, 1 - 1e-7).float()


def flow_draws(density: SplineFlow, context: Tensor, noise: Tensor) -> Tensor:
    """Draws (draw, batch, p) of a flow given contexts (batch, k), from points (draw, p + 1) of the unit cube."""
    normal = torch.special.ndtri(noise[:, None, 1:])
    return inverse(density.net, context, normal.expand(-1, len(context), -1))


def mixture_draws(density: "MixtureDensityEstimator", context: Tensor, noise: Tensor) -> Tensor:
    """The same of a mixture of Gaussians; the first coordinate of a point chooses the Gaussian."""
    return torch.cat([_mixture_draws(density, part, noise) for part in context.split(CHUNK)], dim=1)


def _mixture_draws(density: "MixtureDensityEstimator", context: Tensor, noise: Tensor) -> Tensor:
    mog = density.get_uncorrected_mog(context)
    chosen = (noise[:, :1, None] > mog.weights.cumsum(dim=-1)[..., :-1]).sum(dim=-1)
    batch = torch.arange(len(context), device=context.device)
    normal = torch.special.ndtri(noise[:, None, 1:]).expand(-1, len(context), -1)
    away = torch.linalg.solve_triangular(mog.precision_factors[batch, chosen], normal[..., None], upper=True)
    return density._inverse_transform_input(mog.means[batch, chosen] + away[..., 0])
