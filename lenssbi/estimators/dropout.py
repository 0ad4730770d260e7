"""Monte Carlo dropout: the layers that stay random when the network predicts.

A Bayesian network by dropout (Gal & Ghahramani 2016) is evaluated many times, each time with other neurons silenced; the
scatter of its results is the epistemic uncertainty. Two rules make the result a function of the stamp alone:

* a mask is drawn in both modes, `train()` and `eval()`, since sbi calls `eval()`;
* while predicting, one mask per pass is shared by the whole batch and comes from a seeded generator, so a stamp's
  posterior depends neither on the rest of its batch nor on the device nor on the run.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional


class MCDropout(nn.Module):
    """Dropout that is never switched off.

    Parameters
    ----------
    rate
        Probability that a neuron is silenced, 0 <= rate < 1.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        if not 0 <= rate < 1:
            raise ValueError(f"a dropout rate lies in [0, 1), got {rate}")
        self.rate = rate
        self.generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Silence neurons of `x`, shape (batch, ...), and scale the others up by 1 / (1 - rate)."""
        if self.rate == 0:
            return x
        if self.generator is None:
            return functional.dropout(x, self.rate, training=True)
        # Drawn on the CPU and then moved, so that CPU and GPU silence the same neurons.
        kept = torch.rand((1, *x.shape[1:]), generator=self.generator) >= self.rate
        return x * (kept.to(x) / (1 - self.rate))


@contextmanager
def shared_masks(network: nn.Module, seed: int) -> Iterator[None]:
    """Draw one mask for the whole batch at every call of a dropout layer, from a generator seeded with `seed`."""
    generator = torch.Generator().manual_seed(seed)
    layers = [layer for layer in network.modules() if isinstance(layer, MCDropout)]
    for layer in layers:
        layer.generator = generator
    try:
        yield
    finally:
        for layer in layers:
            layer.generator = None
