"""Monte Carlo passes of a network: the part of a prediction that needs torch alone."""

import torch
from torch import Tensor

from lenssbi.estimators.dropout import shared_masks
from lenssbi.estimators.network import CompactNetwork, PaperNetwork

LOG_VARIANCE = (-14.0, 7.0)  # sigma from 0.001 to 33 targets: beyond any stamp, and safe in float32


def moments(network: PaperNetwork | CompactNetwork, images: Tensor, passes: int, seed: int) -> tuple[Tensor, Tensor]:
    """Ask a network several times about the same stamps.

    Parameters
    ----------
    network
        Its trunk is run once, its head once per pass.
    images
        Prepared images, shape (batch, 1, y, x).
    passes
        How often.
    seed
        Of the masks; pass t has the same mask for every stamp.

    Returns
    -------
    Means [targets] and variances [targets^2], each of shape (pass, batch, parameter).
    """
    features = network.trunk(images.contiguous(memory_format=torch.channels_last))
    with shared_masks(network, seed):
        outputs = [network.head(features) for _ in range(passes)]
    return split(torch.stack(outputs).float())


def split(outputs: Tensor) -> tuple[Tensor, Tensor]:
    """Outputs (..., 2 p) into means and variances (..., p)."""
    mean, log_variance = outputs.chunk(2, dim=-1)
    return mean, log_variance.clamp(*LOG_VARIANCE).exp()
