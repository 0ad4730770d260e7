"""The mixture density network and the spline flow: what sbi sees, and what is handed on as a mixture of Gaussians."""

import time

import numpy as np
import pytest
import torch

from lenssbi.estimators.densities import build_density
from lenssbi.estimators.density_config import DensityConfig
from lenssbi.estimators.flow import KERNEL, sobol
from lenssbi.estimators.network import NetworkConfig

FIELD = (16, 16)
NETWORK = NetworkConfig(widths=(4, 8), blocks=(0, 0), squeeze=4, dense=16)
KINDS = ("mdn", "nsf")


def make(kind, network=NETWORK, parameters=2):
    """A density whose weights are large enough that stamps and targets matter."""
    torch.manual_seed(3)
    config = DensityConfig(kind=kind, components=3, transforms=2, hidden=16, bins=4, context=8)
    density = build_density(config, network, FIELD, parameters, seed=5).eval()
    with torch.no_grad():
        for weights in (density.summary, density.net):
            for weight in weights.parameters():
                weight.add_(0.3 * torch.randn_like(weight))
    return density


@pytest.fixture(scope="module", params=KINDS)
def density(request):
    return make(request.param)


@pytest.fixture
def trunk_calls(density):
    """Number of stamps that have gone through the trunk."""
    seen = []
    handle = density.trunk.register_forward_hook(lambda module, args, output: seen.append(len(output)))
    yield seen
    handle.remove()


def test_density_integrates_to_one(density):
    step = 0.1
    axis = torch.arange(-25, 35, step)
    grid = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), dim=-1).reshape(-1, 1, 2)
    with torch.no_grad():
        total = density.log_prob(grid, torch.rand(1, 1, *FIELD)).exp().sum() * step**2
    assert float(total) == pytest.approx(1, abs=0.02)


def test_loss_is_minus_the_log_density_and_repeats(density):
    images, targets = torch.rand(5, 1, *FIELD), torch.rand(5, 2) * 10
    with torch.no_grad():
        loss = density.loss(targets, images)
        torch.testing.assert_close(loss, -density.log_prob(targets[None], images)[0])
        torch.testing.assert_close(loss, density.loss_of(targets, density.embed(images)))
    assert loss.shape == (5,)


def test_components_have_the_moments_of_the_density(density):
    image = torch.rand(1, 1, *FIELD)
    with torch.no_grad():
        means, variances = density.components(density.embed(image))
        draws = density.sample((20_000,), image)[:, 0]
    assert means.shape == variances.shape == (512, 1, 2)
    mean, spread = means[:, 0].mean(0), (means[:, 0].var(0, unbiased=False) + variances[0, 0]).sqrt()
    torch.testing.assert_close(mean, draws.mean(0), rtol=0, atol=0.05 * float(spread.max()))
    torch.testing.assert_close(spread, draws.std(0), rtol=0.05, atol=0)
    correlation = np.corrcoef(means[:, 0].T)[0, 1] * (1 - KERNEL**2)
    assert correlation == pytest.approx(np.corrcoef(draws.T)[0, 1], abs=0.06)
    torch.testing.assert_close(variances[:, 0], (KERNEL**2 * spread**2).expand(512, 2), rtol=1e-3, atol=0)


def test_components_depend_on_the_stamp_alone(density):
    images = torch.rand(20, 1, *FIELD)  # more than one chunk
    with torch.no_grad():
        together, _ = density.components(density.embed(images))
        alone, _ = density.components(density.embed(images[18:19]))
        again, _ = density.components(density.embed(images))
        rebuilt = make("mdn" if "_logits_layer" in str(density) else "nsf")
        same, _ = rebuilt.components(rebuilt.embed(images))
        density.seed = 6
        other, _ = density.components(density.embed(images))
        density.seed = 5
    torch.testing.assert_close(together[:, 18:19], alone, rtol=1e-4, atol=1e-4)
    assert torch.equal(together, again)
    assert torch.equal(together, same)
    assert not torch.equal(together, other)
    assert float((together[:, 0] - together[:, 1]).abs().max()) > 0.01


def test_common_noise_is_even():
    """The noise is the same for every stamp: an uneven one would bias every coverage alike."""
    points = sobol(512, 4, 0).sort(dim=0).values
    even = (torch.arange(512) + 0.5) / 512
    assert float((points - even[:, None]).abs().max()) < 1 / 400  # independent draws: 0.04


def test_a_stamp_goes_through_the_trunk_once(density, trunk_calls):
    from sbi.inference.posteriors import DirectPosterior
    from sbi.utils import BoxUniform

    from lenssbi.estimators.for_sbi import SbiDensity

    images = torch.rand(2, 1, *FIELD) + 1  # not seen in another test
    with torch.no_grad():
        density.components(density.embed(images))
        assert trunk_calls == [2]
        density.sample((1000,), images)
        density.log_prob(torch.rand(300, 2, 2), images)
    assert trunk_calls == [2, 2]
    posterior = DirectPosterior(SbiDensity(density), BoxUniform(torch.full((2,), -20.0), torch.full((2,), 30.0)))
    posterior.sample((25_000,), x=images[:1], show_progress_bars=False)  # in batches of 10,000
    posterior.log_prob(torch.rand(50, 2) * 10, x=images[:1], norm_posterior=True)
    assert trunk_calls == [2, 2, 1]


@pytest.mark.reference
def test_the_flow_is_the_one_that_sbi_builds():
    """With weights of the same names, in the same order, of the same density; but for the linear transform that is put in."""
    from sbi.neural_nets.net_builders import build_zuko_nsf

    ours = make("nsf", parameters=3).net
    targets = torch.linspace(0, 10, 64)[:, None].expand(-1, 3)
    sizes = {"hidden_features": [16, 16], "num_transforms": 2, "num_bins": 4, "passes": 2}
    theirs = build_zuko_nsf(targets, torch.zeros(64, 8), z_score_y="none", **sizes)
    theirs.net.transform.transforms.insert(1, ours.net.transform.transforms[1])
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for name in ("net.transform.transforms.0.loc", "net.transform.transforms.0.scale"):
        torch.testing.assert_close(ours.state_dict()[name], theirs.state_dict()[name])
    theirs.load_state_dict(ours.state_dict())
    values, contexts = torch.rand(6, 5, 3) * 10, torch.rand(5, 8)
    with torch.no_grad():
        torch.testing.assert_close(ours.log_prob(values, contexts), theirs.log_prob(values, contexts))
        torch.testing.assert_close(ours.loss(values[0], contexts), theirs.loss(values[0], contexts))


def test_gradients_reach_every_weight(density):
    density.train().zero_grad()
    density.loss(torch.rand(4, 2) * 10, torch.rand(4, 1, *FIELD)).mean().backward()
    assert [name for name, weight in density.named_parameters() if weight.grad is None] == []
    density.eval()


def test_paper_network_lends_its_convolutions():
    density = make("nsf", NetworkConfig(kind="paper", widths=(2,) * 6, dense=8), parameters=1)
    assert density.embed(torch.rand(3, 1, *FIELD)).shape == (3, 2)
    means, _ = density.components(density.embed(torch.rand(3, 1, *FIELD)), 8)
    assert means.shape == (8, 3, 1)


def test_wrong_stamps_are_refused(density):
    with pytest.raises(ValueError, match="shape"):
        density.log_prob(torch.rand(1, 1, 2), torch.rand(1, 1, 30, 30))


@pytest.mark.parametrize(("kind", "short"), [("mdn", 1.0), ("nsf", 0.5)])
def test_a_narrow_posterior_is_learned(kind, short):
    """One pixel is the first target with an error of 0.05, a fiftieth of its spread: entropies tell how well it can be known."""
    torch.manual_seed(1)
    network = NetworkConfig(kind="paper", widths=(1,) * 6, dense=32)
    density = build_density(DensityConfig(kind=kind, hidden=32, transforms=1, bins=4), network, FIELD, 2)
    density.trunk = torch.nn.Flatten()
    density.summary = torch.nn.Sequential(torch.nn.Linear(2, 32), torch.nn.ReLU(), torch.nn.Linear(32, 32))
    optimiser = torch.optim.NAdam(density.parameters(), lr=3e-3)
    losses = []
    for step in range(300):
        optimiser.param_groups[0]["lr"] = 3e-3 * (1 - step / 300)
        targets = torch.rand(128, 2) * 10
        features = (targets + torch.randn(128, 2) * torch.tensor([0.05, 2.0]) - 5) / 3
        loss = density.loss_of(targets, features).mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(density.parameters(), 5.0)
        optimiser.step()
        losses.append(float(loss.detach()))
    entropy = 0.5 * np.log(2 * np.pi * np.e * np.array([0.05, 2.0]) ** 2).sum()
    assert entropy - 0.1 < np.mean(losses[-50:]) < entropy + short  # 4.6 where nothing is learned


def test_draws_are_quick():
    density = build_density(DensityConfig(kind="nsf"), NetworkConfig(), (100, 100), 3).eval()
    with torch.inference_mode():
        features = torch.rand(32, density.embed(torch.rand(1, 1, 100, 100)).shape[1])
        density.components(features[:1])
        start = time.thread_time()
        density.components(features)
    assert time.thread_time() - start < 1.0  # 0.2 s on an idle core
