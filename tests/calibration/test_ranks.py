"""sbi's own diagnostics run on the dropout network, and agree with an exact posterior."""

import pytest
import torch


@pytest.fixture
def exact():
    """A density whose passes all answer with the exact posterior of a one-pixel experiment, and draws from the joint."""
    from lenssbi.estimators.bnn import DropoutBNN

    class Known(torch.nn.Module):
        """Prior N(5, 1), one noisy look with sigma 1 at each of two numbers: posterior N((5 + x) / 2, 1/2)."""

        def __init__(self) -> None:
            super().__init__()
            self.channels, self.trunk = 1, torch.nn.Flatten()
            self.head = torch.nn.Linear(2, 4)
            with torch.no_grad():
                self.head.weight.copy_(torch.cat([0.5 * torch.eye(2), torch.zeros(2, 2)]))
                self.head.bias.copy_(
                    torch.tensor([2.5, 2.5, 0.5, 0.5]).log().where(torch.arange(4) > 1, torch.tensor(2.5))
                )

    torch.manual_seed(1)
    truths = 5 + torch.randn(400, 2)
    images = (truths + torch.randn(400, 2)).reshape(400, 1, 1, 2)
    return DropoutBNN(Known(), 2, (1, 2), passes=4).eval(), truths, images  # type: ignore[arg-type]


def test_ranks_and_tarp_of_an_exact_posterior(exact):
    from sbi.diagnostics import check_tarp, run_sbc, run_tarp
    from sbi.inference.posteriors import DirectPosterior

    from lenssbi.estimators.for_sbi import SbiDensity

    density, truths, images = exact
    prior = torch.distributions.Independent(torch.distributions.Normal(torch.full((2,), 5.0), torch.ones(2)), 1)
    posterior = DirectPosterior(SbiDensity(density), prior, enable_transform=False)
    ranks, _ = run_sbc(truths, images, posterior, num_posterior_samples=200, show_progress_bar=False)
    inside = ((ranks / 200 - 0.5).abs() < 0.683 / 2).float().mean(0)
    assert ((inside - 0.683).abs() < 0.07).all()  # three binomial errors of 400 stamps
    coverage, levels = run_tarp(truths, images, posterior, num_posterior_samples=200, show_progress_bar=False)
    area, probability = check_tarp(coverage, levels)
    assert abs(area) < 2
    assert probability > 0.01
