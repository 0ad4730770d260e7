"""Batch normalisation folded into the convolution before it, for the evaluation of a trained network.

In evaluation a normalisation is an affine map of each channel, which a convolution of other weights and bias does as well:

    gamma (w * x + b - mean) / sqrt(variance + epsilon) + beta  =  w' * x + b'.

The network itself keeps its weights: it may be trained further, and its layout is that of its file.
"""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from lenssbi.estimators.network import FineStem


class Folding:
    """Evaluates a network with folded normalisations, unless it trains or gradients are asked for.

    The copy that it evaluates is made at the first images, and anew if a weight has changed.
    """

    def __init__(self) -> None:
        self._versions: list[tuple[int, int]] = []
        self._copy: nn.Module | None = None

    def __call__(self, network: nn.Module, images: Tensor) -> Tensor:
        """Return `network(images)`, up to rounding."""
        if network.training or torch.is_grad_enabled():
            return network(images)
        versions = [(t.data_ptr(), t._version) for t in (*network.parameters(), *network.buffers())]
        if self._copy is None or versions != self._versions:
            self._copy, self._versions = folded(network), versions
        return self._copy(images)

    def __deepcopy__(self, memo: object) -> Folding:
        return Folding()


def folded(network: nn.Module) -> nn.Module:
    """A copy of a network in evaluation mode, with each normalisation that follows a convolution folded into it."""
    with torch.inference_mode(False), torch.no_grad():
        copy = deepcopy(network)
        for part in list(copy.modules()):
            if isinstance(part, nn.Sequential):
                for i in range(len(part) - 1):
                    _fold(part, i)
    return copy


def _fold(layers: nn.Sequential, i: int) -> None:
    """Fold layer i + 1, or the first of the layers that it consists of, into layer i."""
    holder, place = (layers[i + 1], 0) if isinstance(layers[i + 1], nn.Sequential) else (layers, i + 1)
    layer, normalisation = layers[i], holder[place]
    if not isinstance(normalisation, nn.BatchNorm2d):
        return
    if isinstance(layer, FineStem):  # a sum of two convolutions: both are scaled, one gets the bias
        layer.coarse = fuse_conv_bn_eval(layer.coarse, normalisation)
        layer.fine[-1] = fuse_conv_bn_eval(layer.fine[-1], normalisation)
        layer.fine[-1].bias.zero_()
    elif isinstance(layer, nn.Conv2d):
        layers[i] = fuse_conv_bn_eval(layer, normalisation)
    else:
        return
    holder[place] = nn.Identity()
