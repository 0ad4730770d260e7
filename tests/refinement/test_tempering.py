"""A flatter likelihood: widths grow by the factor, the evidence stays."""

import numpy as np
import pytest

from lenssbi.parameters import Uniform
from lenssbi.posteriors import Samples
from lenssbi.refinement.likelihood import IMPOSSIBLE
from lenssbi.refinement.priors.blocks import JointPrior, Single
from lenssbi.refinement.sampling.nautilus import Settings, sample
from lenssbi.refinement.tempering import tempered, untempered

PRIOR = JointPrior((Single("a", Uniform(-20.0, 20.0)), Single("b", Uniform(-20.0, 20.0))))


def log_likelihood(x):
    return -0.5 * np.sum(x**2, axis=-1) - np.log(2 * np.pi)


@pytest.mark.parametrize("factor", [1.0, 1.3])
def test_widths_grow_and_the_evidence_stays(factor):
    settings = Settings(n_live=100, n_networks=0, n_eff=3000)
    draws = untempered(sample(PRIOR, tempered(log_likelihood, factor), settings), factor)
    samples = Samples(draws.values, PRIOR.names, ("", ""), draws.log_weights)
    assert samples.summary()["a"].sigma == pytest.approx(factor, rel=0.05)
    assert draws.log_evidence == pytest.approx(-np.log(1600), abs=0.06)
    np.testing.assert_allclose(draws.log_likelihood, log_likelihood(draws.values), rtol=1e-12)


def test_the_impossible_stays_impossible():
    flat = tempered(lambda x: np.where(x[:, 0] > 0, -1.0, IMPOSSIBLE), 2.0)
    np.testing.assert_array_equal(flat(np.array([[1.0], [-1.0]])), [-0.25, IMPOSSIBLE])
