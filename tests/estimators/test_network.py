"""The two networks, and dropout that stays on."""

import time

import pytest
import torch

from lenssbi.estimators.bnn import DropoutBNN
from lenssbi.estimators.dropout import MCDropout, shared_masks
from lenssbi.estimators.network import NetworkConfig, build_network, deterministic_trunk

TINY = NetworkConfig(widths=(4, 8), blocks=(1, 0), squeeze=4, dense=16)
TINY_PAPER = NetworkConfig(kind="paper", widths=(4, 4, 4, 4, 4, 4), dense=16, dropout=0.2)


def moments(network, images, passes, seed):
    """Means and variances of the passes."""
    density = DropoutBNN(network, 3, tuple(images.shape[-2:]), passes, seed)
    return density.components(density.embed(images))


@pytest.mark.parametrize("config", [TINY, TINY_PAPER])
@pytest.mark.parametrize("field", [(32, 32), (48, 40)])
def test_shapes(config, field):
    network = build_network(config, field, 3).eval()
    means, variances = moments(network, torch.rand(5, 1, *field), passes=4, seed=0)
    assert means.shape == variances.shape == (4, 5, 3)
    assert (variances > 0).all()


def test_paper_layout():
    config = NetworkConfig(kind="paper", widths=(32, 64, 64, 128, 128, 128), dense=512)
    network = build_network(config, (100, 100), 3)
    dense = [layer for layer in network.modules() if isinstance(layer, torch.nn.Linear)]
    assert [layer.in_features for layer in dense] == [4608, 512]
    assert sum(isinstance(layer, MCDropout) for layer in network.modules()) == 6
    assert 3.3e6 < sum(p.numel() for p in network.parameters()) < 4e6


@pytest.mark.parametrize("config", [TINY, TINY_PAPER])
def test_posterior_depends_on_the_stamp_alone(config):
    torch.manual_seed(0)
    network, images = build_network(config, (32, 32), 3), torch.rand(6, 1, 32, 32)
    for _ in range(20):
        network(images)  # batch normalisation learns the scale
    network.eval()
    together, _ = moments(network, images, passes=8, seed=1)
    alone, _ = moments(network, images[2:3], passes=8, seed=1)
    again, _ = moments(network, images, passes=8, seed=1)
    other, _ = moments(network, images, passes=8, seed=2)
    torch.testing.assert_close(together[:, 2:3], alone, rtol=1e-4, atol=1e-4)
    assert torch.equal(together, again)
    assert not torch.equal(together, other)
    assert together.std(dim=0).min() > 0


def test_dropout_ignores_the_mode():
    layer = MCDropout(0.5).eval()
    x = torch.ones(200, 50)
    assert 0.4 < float((layer(x) == 0).float().mean()) < 0.6
    with shared_masks(layer, 0):
        rows = layer(x)
    assert torch.equal(rows, rows[:1].expand_as(rows))
    assert not torch.equal(layer(x)[0], layer(x)[1])


def test_dropout_keeps_the_mean():
    assert float(MCDropout(0.3)(torch.ones(1000, 100)).mean()) == pytest.approx(1, abs=0.01)
    with pytest.raises(ValueError, match="rate"):
        MCDropout(1.0)


@pytest.mark.parametrize("config", [TINY, TINY_PAPER])
def test_convolutions_without_dropout_are_the_trunk_of_other_densities(config):
    trunk, count = deterministic_trunk(config, (32, 32))
    images = torch.rand(4, 1, 32, 32)
    features = trunk.eval()(images)
    assert features.shape == (4, count)
    assert torch.equal(features, trunk(images))


def test_wrong_layouts_are_refused():
    with pytest.raises(ValueError, match="six"):
        build_network(NetworkConfig(kind="paper", widths=(4, 4)), (32, 32), 3)
    with pytest.raises(ValueError, match="each stage"):
        build_network(NetworkConfig(widths=(4, 4), blocks=(1,)), (32, 32), 3)
    with pytest.raises(ValueError, match="multiples of four"):
        build_network(NetworkConfig(fine=4), (32, 30), 3)


def test_hundred_passes_of_a_stamp_are_quick():
    network, image = build_network(NetworkConfig(), (100, 100), 3).eval(), torch.rand(1, 1, 100, 100)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            moments(network, image, passes=100, seed=0)
            times = []
            for _ in range(5):
                start = time.thread_time()
                moments(network, image, passes=100, seed=0)
                times.append(time.thread_time() - start)
    finally:
        torch.set_num_threads(before)
    assert min(times) < 0.2
