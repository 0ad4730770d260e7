"""A prior that has seen the data halves the variance; divided out, the likelihood's own width comes back."""

import numpy as np
import pytest

from lenssbi.parameters import Normal, Uniform
from lenssbi.posteriors import Samples
from lenssbi.refinement.priors.blocks import JointPrior, Single
from lenssbi.refinement.priors.exchange import reweight_to_prior
from lenssbi.refinement.priors.modes import Priors
from lenssbi.refinement.sampling.nautilus import Settings, sample

BROAD = JointPrior((Single("a", Uniform(-20.0, 20.0)), Single("b", Uniform(-20.0, 20.0))))


def learned(width, shift=0.0):
    blocks = (Single("a", Normal(shift, width, -20.0, 20.0)), Single("b", Normal(0.0, width, -20.0, 20.0)))
    return Priors("cnn-gaussian", JointPrior(blocks), BROAD)


def log_likelihood(x):
    return -0.5 * np.sum(x**2, axis=-1) - np.log(2 * np.pi)


def fit(priors):
    draws = sample(priors.sampled, log_likelihood, Settings(n_live=100, n_networks=0, n_eff=3000))
    return Samples(draws.values, ("a", "b"), ("", ""), draws.log_weights, draws.log_evidence)


def test_the_width_comes_back():
    priors = learned(1.0)
    under_prior = fit(priors)
    divided = reweight_to_prior(under_prior, priors.sampled, priors.broad)
    assert under_prior.summary()["a"].sigma == pytest.approx(np.sqrt(0.5), rel=0.05)  # the data counted twice
    assert divided.summary()["a"].sigma == pytest.approx(1.0, rel=0.07)
    assert divided.log_evidence == pytest.approx(np.log(1 / 1600), abs=0.1)
    assert under_prior.log_evidence == pytest.approx(-np.log(4 * np.pi), abs=0.05)
    assert divided.n_eff < under_prior.n_eff


def test_a_pull_of_the_prior_is_undone():
    priors = learned(2.0, shift=2.0)
    under_prior = fit(priors)
    divided = reweight_to_prior(under_prior, priors.sampled, priors.broad)
    assert under_prior.summary()["a"].mean == pytest.approx(0.4, abs=0.06)
    assert divided.summary()["a"].mean == pytest.approx(0.0, abs=0.06)


def test_draws_that_the_broad_prior_excludes_lose_their_weight():
    values = np.array([[0.0, 0.0], [30.0, 0.0]])
    samples = Samples(values, ("a", "b"), ("", ""))
    wide = JointPrior((Single("a", Normal(0.0, 20.0)), Single("b", Normal(0.0, 20.0))))
    divided = reweight_to_prior(samples, wide, BROAD)
    np.testing.assert_allclose(divided.weights, [1.0, 0.0])
    assert reweight_to_prior(Samples(values[1:], ("a", "b"), ("", "")), wide, BROAD) is None


def test_a_prior_multiplied_in_is_the_one_divided_out():
    priors = learned(1.5)
    samples = fit(priors)
    there = reweight_to_prior(samples, priors.sampled, priors.broad)
    back = reweight_to_prior(there, priors.broad, priors.sampled)
    np.testing.assert_allclose(back.weights, samples.weights, rtol=1e-9)
    assert back.log_evidence == pytest.approx(samples.log_evidence, abs=1e-9)
