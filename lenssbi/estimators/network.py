"""The two networks that turn a stamp into means and log-variances.

Both have the same two parts. `trunk` is deterministic and evaluated once per stamp; `head` holds every random layer and is
run once per Monte Carlo pass:

    outputs = head(trunk(image)),   outputs[:, :p] the means, outputs[:, p:] the log-variances of the p targets.

`PaperNetwork` is the network of Pearson et al. 2021 (their section 3.2.1): dropout after every convolution, so that its
trunk does nothing and each pass costs a whole network. `CompactNetwork` is made for a CPU: a strided stem takes the
stamp to a quarter of its size at once, residual blocks do the rest, and only the last layers drop out ("last-layers"
Monte Carlo dropout), so that a hundred passes cost about as much as one.
"""

from math import log
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from lenssbi.config import Config
from lenssbi.estimators.dropout import MCDropout


class NetworkConfig(Config):
    """Layout of a network.

    `widths` are channels: of the paper's six convolutions, or of the compact network's stages, each at half the size of
    the one before, the first at a quarter of the stamp's. `kernels` (pixels) belong to the paper's convolutions alone,
    `blocks` (residual blocks of each stage), `fine` (channels of a second path into the first stage, at half the stamp's
    size; 0 for none) and `squeeze` (channels kept before the dense layer) to the compact one.
    """

    kind: Literal["compact", "paper"] = "compact"
    channels: int = Field(default=1, gt=0, description="of a prepared image")
    widths: tuple[int, ...] = (32, 64, 128)
    kernels: tuple[int, ...] = (11, 7, 7, 5, 5, 3)
    blocks: tuple[int, ...] = (1, 1, 1)
    fine: int = Field(default=0, ge=0)
    squeeze: int = Field(default=32, gt=0)
    dense: int = Field(default=256, gt=0)
    dropout: float = Field(default=0.05, ge=0, lt=1)


def build_network(config: NetworkConfig, field: tuple[int, int], parameters: int) -> "PaperNetwork | CompactNetwork":
    """Return a fresh network for stamps of shape `field` (y, x) [pixels] and so many target parameters."""
    kind = PaperNetwork if config.kind == "paper" else CompactNetwork
    return kind(config, field, parameters)


def deterministic_trunk(config: NetworkConfig, field: tuple[int, int]) -> tuple[nn.Module, int]:
    """The convolutions of a network without dropout and their number of features, for densities without dropout."""
    network = build_network(config.model_copy(update={"dropout": 0.0}), field, 1)
    dense = next(i for i, layer in enumerate(network.head) if isinstance(layer, nn.Linear))
    trunk = network.trunk if config.kind == "compact" else nn.Sequential(network.trunk, *network.head[:dense])
    return trunk, network.head[dense].in_features


class PaperNetwork(nn.Module):
    """Six convolutions, four 2x2 max-poolings and one dense layer (Pearson et al. 2021, figure 3).

    Each convolution is followed by ReLU, dropout and batch normalisation, in that order. The figure's order of the
    kernels is lost in the text; from large to small they make 3.4 million weights.
    """

    pooled = (0, 1, 3, 4)  # 100 -> 50 -> 25 -> 25 -> 12 -> 6 pixels

    def __init__(self, config: NetworkConfig, field: tuple[int, int], parameters: int) -> None:
        super().__init__()
        if len(config.widths) != 6 or len(config.kernels) != 6:
            raise ValueError(
                "the paper's network has six convolutions: give six widths and six kernels, "
                f"got {len(config.widths)} and {len(config.kernels)}"
            )
        layers: list[nn.Module] = [nn.Unflatten(1, (config.channels, *field))]
        channels = self.channels = config.channels
        for i, (width, kernel) in enumerate(zip(config.widths, config.kernels, strict=True)):
            layers += [nn.Conv2d(channels, width, kernel, padding=kernel // 2), nn.ReLU()]
            layers += [MCDropout(config.dropout), nn.BatchNorm2d(width)]
            layers += [nn.MaxPool2d(2)] if i in self.pooled else []
            channels = width
        size = channels * (field[0] // 16) * (field[1] // 16)
        layers += [nn.Flatten(), nn.Linear(size, config.dense), nn.ReLU(), output_layer(config.dense, parameters)]
        self.trunk: nn.Module = nn.Flatten()
        self.head = nn.Sequential(*layers)

    def forward(self, image: Tensor) -> Tensor:
        """Return outputs (batch, 2 p) for prepared images (batch, channel, y, x): one random pass."""
        return self.head(self.trunk(image))


class CompactNetwork(nn.Module):
    """A residual network for one CPU core, with Monte Carlo dropout in its last layers only."""

    def __init__(self, config: NetworkConfig, field: tuple[int, int], parameters: int) -> None:
        super().__init__()
        if len(config.widths) != len(config.blocks):
            raise ValueError(
                f"each stage has a width and a number of blocks, got {len(config.widths)} and {len(config.blocks)}"
            )
        if config.fine and any(side % 4 for side in field):
            raise ValueError(f"network.fine needs a field whose sides are multiples of four pixels, got {field}")
        self.channels, channels = config.channels, config.widths[0]
        stem = nn.Conv2d(self.channels, channels, 8, stride=4, padding=2, bias=False)
        first = FineStem(stem, config.fine) if config.fine else stem
        layers: list[nn.Module] = [first, normalised(channels)]
        size = tuple((n + 4 - 8) // 4 + 1 for n in field)
        for stage, (width, blocks) in enumerate(zip(config.widths, config.blocks, strict=True)):
            if stage:
                layers += [nn.Conv2d(channels, width, 3, stride=2, padding=1, bias=False), normalised(width)]
                size = tuple((n + 1) // 2 for n in size)
            layers += [ResidualBlock(width) for _ in range(blocks)]
            channels = width
        layers += [nn.Conv2d(channels, config.squeeze, 1), nn.ReLU(inplace=True), nn.Flatten()]
        self.trunk = nn.Sequential(*layers).to(memory_format=torch.channels_last)
        features = config.squeeze * size[0] * size[1]
        self.head = nn.Sequential(
            MCDropout(config.dropout),
            nn.Linear(features, config.dense),
            nn.ReLU(),
            MCDropout(config.dropout),
            nn.Linear(config.dense, config.dense),
            nn.ReLU(),
            MCDropout(config.dropout),
            output_layer(config.dense, parameters),
        )

    def forward(self, image: Tensor) -> Tensor:
        """Return outputs (batch, 2 p) for prepared images (batch, channel, y, x): one random pass."""
        return self.head(self.trunk(image.contiguous(memory_format=torch.channels_last)))


class FineStem(nn.Module):
    """A strided convolution, with a parallel path of two smaller steps for structure narrower than its stride.

    coarse(x) + convolve(relu(normalise(convolve(x)))), the two convolutions of stride 2; the last one starts at zero, so that
    adding this stem to a network does not change its output at first.
    """

    def __init__(self, coarse: nn.Conv2d, width: int) -> None:
        super().__init__()
        self.coarse = coarse
        self.fine = nn.Sequential(
            nn.Conv2d(coarse.in_channels, width, 5, stride=2, padding=2, bias=False),
            normalised(width),
            nn.Conv2d(width, coarse.out_channels, 3, stride=2, padding=1, bias=False),
        )
        nn.init.zeros_(self.fine[-1].weight)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channel, y, x), sides multiples of four, to a quarter of the size."""
        return self.coarse(x) + self.fine(x)


class ResidualBlock(nn.Module):
    """x + convolve(relu(normalise(convolve(x)))), then ReLU; the second normalisation starts at zero."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            normalised(width),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )
        nn.init.zeros_(self.body[-1].weight)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channel, y, x) to the same shape."""
        return torch.relu_(self.body(x) + x)


def normalised(width: int) -> nn.Sequential:
    """Batch normalisation and ReLU."""
    return nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(inplace=True))


def output_layer(features: int, parameters: int) -> nn.Linear:
    """Linear layer that starts at the middle of the targets' range 0-10 with the variance of a uniform draw from it."""
    layer = nn.Linear(features, 2 * parameters)
    with torch.no_grad():
        layer.weight.mul_(0.1)
        layer.bias[:parameters] = 5.0
        layer.bias[parameters:] = log(100 / 12)
    return layer
