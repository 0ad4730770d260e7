"""Priors: one checker for every marginal."""

import numpy as np
import pytest
from scipy import integrate, stats

from lenssbi.parameters import LogUniform, Normal, Prior, Uniform

MARGINALS = [
    Uniform(-1.0, 3.0),
    LogUniform(0.01, 100.0),
    Normal(0.5, 0.2),
    Normal(0.9, 0.3, low=0.4, high=1.0),
    Normal(5, 1, 0, 2),
]


@pytest.mark.parametrize("marginal", MARGINALS, ids=repr)
def test_quantile_is_the_inverse_of_the_integrated_density(marginal):
    u = np.linspace(0.001, 0.999, 25)
    x = marginal.quantile(u)
    assert (np.diff(x) > 0).all()
    for level, value in zip(u[::4], x[::4], strict=True):
        start = marginal.quantile(np.array(1e-9))
        mass, _ = integrate.quad(lambda t: float(np.exp(marginal.log_prob(np.array(t)))), start, value, limit=200)
        assert mass == pytest.approx(level, abs=2e-6)


@pytest.mark.parametrize("marginal", MARGINALS, ids=repr)
def test_nothing_outside_the_support(marginal):
    low, high = marginal.support()
    for outside in (low - 1.0, high + 1.0):
        if np.isfinite(outside):
            assert marginal.log_prob(np.array(outside)) == -np.inf


def test_truncated_normal_equals_scipy():
    ours, mean, sigma = Normal(0.9, 0.3, 0.4, 1.0), 0.9, 0.3
    theirs = stats.truncnorm((0.4 - mean) / sigma, (1.0 - mean) / sigma, mean, sigma)
    x = np.linspace(0.41, 0.99, 9)
    np.testing.assert_allclose(ours.log_prob(x), theirs.logpdf(x), rtol=1e-10)
    np.testing.assert_allclose(ours.quantile(theirs.cdf(x)), x, rtol=1e-9)


def test_product_adds_log_densities():
    prior = Prior(("a", "b"), (Uniform(0, 2), Normal(0, 1)))
    x = prior.quantile(np.random.default_rng(1).uniform(size=(4, 5, 2)))
    assert x.shape == (4, 5, 2)
    np.testing.assert_allclose(prior.log_prob(x), -np.log(2) + stats.norm.logpdf(x[..., 1]), rtol=1e-12)


@pytest.mark.parametrize(
    "make", [lambda: Uniform(1, 1), lambda: LogUniform(0, 1), lambda: Normal(0, 0), lambda: Normal(0, 1, 50, 60)]
)
def test_impossible_priors_are_refused(make):
    with pytest.raises(ValueError):
        make()
