"""The average over orientations: an exact symmetry of the belief, and sbi's tools still work on it."""

import numpy as np
import pytest
import torch

from lenssbi.estimators.augmentation import SYMMETRIES, turn_images, turn_targets
from lenssbi.estimators.densities import build_density
from lenssbi.estimators.density_config import DensityConfig
from lenssbi.estimators.network import NetworkConfig
from lenssbi.estimators.symmetric import SymmetricDensity, upright
from lenssbi.parameters import parameter_space

FIELD = (20, 20)
SPACE = parameter_space("sie", shear=False, centre=True)
MIDDLE = torch.as_tensor(SPACE.to_targets(np.zeros(len(SPACE))), dtype=torch.float32)
NETWORK = NetworkConfig(widths=(4, 8), blocks=(1, 0), squeeze=4, dense=16)


@pytest.fixture(params=["bnn", "mdn", "nsf"])
def density(request):
    torch.manual_seed(1)
    inner = build_density(DensityConfig(kind=request.param, transforms=1, hidden=8), NETWORK, FIELD, len(SPACE), 16)
    return SymmetricDensity(inner.eval(), SPACE.names, MIDDLE).eval()


@pytest.fixture
def stamps():
    return torch.randn(3, 1, *FIELD, generator=torch.Generator().manual_seed(2))


def turned(targets, k):
    return turn_targets(targets, SPACE.names, MIDDLE, k)


@pytest.mark.parametrize("k", range(1, SYMMETRIES))
def test_the_belief_about_a_turned_stamp_is_the_turned_belief(density, stamps, k):
    targets = torch.rand(3, len(SPACE), generator=torch.Generator().manual_seed(3)) * 2 + 4
    with torch.no_grad():
        assert density.log_prob(turned(targets, k)[None], turn_images(stamps, k)) == pytest.approx(
            density.log_prob(targets[None], stamps), rel=1e-4
        )
        means, variances = density.components(density.embed(stamps))
        others, other_variances = density.components(density.embed(turn_images(stamps, k)))
    assert np.allclose(turned(means, k).mean(0), others.mean(0), atol=1e-4)
    moved = turn_targets(variances, SPACE.names, torch.zeros(len(SPACE)), k).abs()
    assert np.allclose(moved.mean(0), other_variances.mean(0), rtol=1e-3)


def test_one_orientation_alone_lacks_the_symmetry(density, stamps):
    targets = torch.full((1, 3, len(SPACE)), 5.0) + torch.arange(len(SPACE)) / 5
    with torch.no_grad():
        one, other = (
            density.net.log_prob(targets, stamps),
            density.net.log_prob(turned(targets, 1), turn_images(stamps, 1)),
        )
    assert not np.allclose(one, other, rtol=1e-4)


def test_the_density_is_the_mean_of_the_eight_and_its_loss_agrees(density, stamps):
    targets = torch.full((3, len(SPACE)), 5.2)
    with torch.no_grad():
        eight = torch.stack(
            [density.net.log_prob(turned(targets, k)[None], turn_images(stamps, k))[0] for k in range(8)]
        )
        whole = density.log_prob(targets[None], stamps)[0]
    assert torch.allclose(whole, eight.exp().mean(0).log(), atol=1e-4)


def test_draws_follow_the_components(density, stamps):
    torch.manual_seed(4)
    with torch.no_grad():
        draws = density.sample(torch.Size((4000,)), stamps)
        means, variances = density.components(density.embed(stamps), 4096)
    assert draws.shape == (4000, 3, len(SPACE))
    spread = (variances.mean(0) + means.var(0)).sqrt()
    assert (draws.mean(0) - means.mean(0)).abs().div(spread).max() < 0.12
    assert (draws.std(0) / spread - 1).abs().max() < 0.12


def test_the_upright_features_are_those_of_the_density_itself(density, stamps):
    with torch.no_grad():
        assert torch.equal(upright(density, density.embed(stamps)), density.net.embed(stamps))
