"""Convolutions with folded normalisations against the network itself."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from lenssbi.estimators.folding import Folding, folded
from lenssbi.estimators.load import load_estimator
from lenssbi.estimators.network import NetworkConfig, deterministic_trunk

FIELD = (16, 16)
LAYOUTS = {
    "compact": NetworkConfig(widths=(4, 8), blocks=(1, 2), squeeze=4, channels=3),
    "fine": NetworkConfig(widths=(4, 8), blocks=(1, 1), squeeze=4, channels=3, fine=4),
    "paper": NetworkConfig(kind="paper", widths=(2,) * 6, channels=3),
}


def make(layout="fine"):
    """A trunk as after a training: its normalisations do something."""
    torch.manual_seed(1)
    trunk, _ = deterministic_trunk(LAYOUTS[layout], FIELD)
    with torch.no_grad():
        for weight in trunk.parameters():
            weight.add_(0.2 * torch.randn_like(weight))
        trunk.train()
        for _ in range(5):
            trunk(images(16))
    return trunk.eval()


def images(count=5):
    return torch.randn(count, 3, *FIELD).contiguous(memory_format=torch.channels_last)


def normalisations(network):
    return sum(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())


@pytest.mark.parametrize(("layout", "left"), [("compact", 0), ("fine", 0), ("paper", 6)])
def test_output_stays_the_same(layout, left):
    """In the paper's network ReLU comes before the normalisation, so that nothing can be folded."""
    trunk, stamps = make(layout), images()
    before = deepcopy(trunk.state_dict())
    copy = folded(trunk)
    with torch.no_grad():
        torch.testing.assert_close(copy(stamps), trunk(stamps), rtol=1e-4, atol=1e-5)
    assert normalisations(copy) == left
    assert all(torch.equal(before[name], tensor) for name, tensor in trunk.state_dict().items())


def test_a_changed_weight_is_noticed():
    trunk, stamps, folding = make(), images(), Folding()
    with torch.inference_mode():
        first = folding(trunk, stamps)
    with torch.no_grad():
        trunk[-3].weight.mul_(2)
    with torch.inference_mode():
        second = folding(trunk, stamps)
        torch.testing.assert_close(second, trunk(stamps), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(first, second, rtol=1e-2)


def test_training_and_gradients_take_the_network_itself():
    trunk, stamps, folding = make(), images(), Folding()
    folding(trunk, stamps).sum().backward()
    assert all(weight.grad is not None for weight in trunk.parameters())
    trunk.train()
    with torch.no_grad():
        folding(trunk, stamps)
    assert trunk[1][0].num_batches_tracked == 6


@pytest.mark.reference
def test_shipped_networks_keep_their_features_and_scores():
    estimator = load_estimator()
    density, detector = estimator.densities[0].net, estimator.detector
    stamps = torch.randn(2, 3, *estimator.field)
    with torch.inference_mode():
        quick = density.embed(stamps), detector(stamps)
        density.folding = detector.folding = None
        torch.testing.assert_close(quick, (density.embed(stamps), detector(stamps)), rtol=1e-4, atol=1e-4)
