"""Train the small network of an estimator's reference on features of stamps (`estimators/misspecification.py`)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lenssbi.estimators.misspecification import LIMIT, Reference, numbers

AXES = 128
ROOM = 400_000  # numbers of half precision in the file: 0.8 MB
HIDDEN = 64
EPOCHS = 30


def train_reference(fitted: NDArray[np.floating], odd: NDArray[np.floating], seed: int = 0) -> Reference:
    """Train the network that separates features of training-like stamps, shape (m, k), from those of anomalies, shape (n, k)."""
    import torch

    centre, axes = principal_axes(fitted)
    both = numbers(np.concatenate([fitted, odd]), centre, axes)
    mean, spread = both.mean(axis=0), np.maximum(both.std(axis=0), 1e-6)
    inputs = torch.from_numpy(np.clip((both - mean) / spread, -LIMIT, LIMIT))
    labels = torch.cat([torch.zeros(len(fitted)), torch.ones(len(odd))])
    weights = torch.where(labels > 0, 0.5 / len(odd), 0.5 / len(fitted)) * len(labels)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _trained(inputs, labels, weights)
    layers = [layer for layer in network if isinstance(layer, torch.nn.Linear)]
    arrays = {f"weights_{i}": layer.weight.detach().numpy().T for i, layer in enumerate(layers, 1)}
    arrays |= {f"bias_{i}": layer.bias.detach().numpy() for i, layer in enumerate(layers, 1)}
    return Reference(centre, axes, mean, spread, inputs[:0].numpy(), **arrays).rounded()


def principal_axes(features: NDArray[np.floating]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean (k,) and leading principal axes (k, d) of features (n, k); at most as many axes as fit into the file of the reference."""
    from scipy.sparse.linalg import svds

    centre = features.mean(axis=0, dtype=np.float32)
    offset = features.astype(np.float32) - centre
    most = min(AXES, ROOM // features.shape[1], min(features.shape) // 2)
    start = np.random.default_rng(0).standard_normal(min(features.shape)).astype(np.float32)
    return centre, svds(offset, k=max(most, 1), v0=start, return_singular_vectors="vh")[2].T


def _trained(inputs: Any, labels: Any, weights: Any) -> Any:
    import torch
    from torch.nn import Dropout, Linear, ReLU, Sequential
    from torch.nn.functional import binary_cross_entropy_with_logits

    first, last = (
        (Linear(inputs.shape[1], HIDDEN), ReLU(), Dropout(0.2)),
        (Linear(HIDDEN, HIDDEN), ReLU(), Linear(HIDDEN, 1)),
    )
    network = Sequential(*first, *last)
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3, weight_decay=0.1)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(inputs)).split(256):
            loss = binary_cross_entropy_with_logits(network(inputs[rows])[:, 0], labels[rows], weights[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return network.eval()
