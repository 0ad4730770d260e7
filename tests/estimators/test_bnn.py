"""The dropout network as a density, ours and sbi's."""

import numpy as np
import pytest
import torch

from lenssbi.estimators.bnn import DropoutBNN
from lenssbi.estimators.for_sbi import SbiDensity
from lenssbi.estimators.network import NetworkConfig, build_network

FIELD = (32, 32)


def make(passes=6):
    torch.manual_seed(0)
    config = NetworkConfig(widths=(4, 8), blocks=(0, 0), squeeze=4, dense=16, dropout=0.2)
    return DropoutBNN(build_network(config, FIELD, 2), 2, FIELD, passes=passes).eval()


def test_density_is_the_mixture_of_the_passes():
    estimator, images = make(), torch.rand(3, 1, *FIELD)
    with torch.no_grad():
        means, variances = estimator.components(estimator.embed(images))
        targets = torch.rand(4, 3, 2) * 10
        normal = torch.distributions.Normal(means[:, None], variances[:, None].sqrt())
        expected = torch.logsumexp(normal.log_prob(targets).sum(-1), dim=0) - np.log(6)
        torch.testing.assert_close(estimator.log_prob(targets, images), expected, rtol=1e-4, atol=1e-3)


def test_training_loss_is_equation_two():
    estimator = make().train()
    estimator.net.trunk, estimator.net.head = torch.nn.Flatten(), torch.nn.Linear(32 * 32, 4)
    images, targets = torch.rand(5, 1, *FIELD), torch.rand(5, 2)
    mean, log_variance = estimator.net.head(images.flatten(1)).chunk(2, dim=1)
    equation = 0.5 * torch.exp(-log_variance) * (targets - mean) ** 2 + 0.5 * log_variance + 0.5 * np.log(2 * np.pi)
    torch.testing.assert_close(estimator.loss(targets, images), equation.sum(1))


def test_evaluation_loss_is_that_of_a_mixture_and_repeats():
    estimator, images, targets = make(), torch.rand(5, 1, *FIELD), torch.rand(5, 2) * 10
    with torch.no_grad():
        loss = estimator.loss(targets, images)
        assert torch.equal(loss, estimator.loss(targets, images))
        estimator.passes = estimator.validation_passes
        torch.testing.assert_close(loss, -estimator.log_prob(targets, images), rtol=1e-4, atol=1e-3)


def test_last_mixture_is_remembered_until_the_weights_change():
    estimator, images = make(), torch.rand(1, 1, *FIELD)
    found = estimator.moments(images)
    assert estimator.moments(images.clone()) is found
    assert not found[0].requires_grad
    assert estimator.moments(images + 1) is not found
    assert estimator.moments(images) is found
    estimator.load_state_dict({name: weight + 0.1 for name, weight in estimator.state_dict().items()})
    changed = estimator.moments(images)
    assert not torch.equal(changed[0], found[0])
    with torch.no_grad():
        next(estimator.parameters()).add_(1)
    assert estimator.moments(images) is not changed
    assert estimator.train().moments(images)[0].requires_grad


def test_gradients_with_respect_to_the_stamp_are_kept():
    estimator, images = make(), torch.rand(1, 1, *FIELD, requires_grad=True)
    estimator.log_prob(torch.full((1, 1, 2), 5.0), images).sum().backward()
    assert images.grad.abs().sum() > 0


def test_sbi_takes_it():
    from sbi.inference.posteriors import DirectPosterior
    from sbi.utils import BoxUniform

    estimator, image = make(passes=20), torch.rand(1, 1, *FIELD)
    prior = BoxUniform(torch.full((2,), -40.0), torch.full((2,), 50.0))
    posterior = DirectPosterior(SbiDensity(estimator), prior)
    samples = posterior.sample((4000,), x=image, show_progress_bars=False)
    assert samples.shape == (4000, 2)
    with torch.no_grad():
        means, _ = estimator.components(estimator.embed(image))
        expected = estimator.log_prob(samples[:10, None], image)[:, 0]
    torch.testing.assert_close(samples.mean(0), means.mean(0)[0], rtol=0, atol=0.2)
    found = posterior.log_prob(samples[:10], x=image, norm_posterior=False)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-3)


def test_draws_are_those_of_the_mixture():
    """Their distribution function is that of the mixture, within the largest gap that chance leaves (Kolmogorov, one in a million)."""
    estimator, images = make(), torch.rand(2, 1, *FIELD)
    torch.manual_seed(4)
    with torch.no_grad():
        draws = estimator.sample((100, 40), images)
        means, variances = estimator.moments(images)
    assert draws.shape == (100, 40, 2, 2)
    draws = draws.flatten(0, 1).sort(dim=0).values
    levels = torch.distributions.Normal(means, variances.sqrt()).cdf(draws[:, None]).mean(dim=1)
    even = ((torch.arange(4000) + 0.5) / 4000)[:, None, None]
    assert float((levels - even).abs().max()) < 2.7 / 4000**0.5


def test_sbi_posterior_of_a_batch_equals_one_by_one():
    estimator, images = make(), torch.rand(4, 1, *FIELD)
    targets = torch.rand(4, 2) * 10
    with torch.no_grad():
        batch = estimator.log_prob(targets, images)
        alone = torch.cat([estimator.log_prob(targets[i : i + 1], images[i : i + 1]) for i in range(4)])
    torch.testing.assert_close(batch, alone, rtol=1e-4, atol=1e-3)


def test_wrong_stamps_are_refused():
    with pytest.raises(ValueError, match="shape"):
        make().log_prob(torch.rand(1, 2), torch.rand(1, 1, 30, 30))
