"""Importance sampling against closed forms and nested sampling, from bad starts; giving up."""

import numpy as np
import pytest

from lenssbi.parameters import Prior, Uniform
from lenssbi.refinement.sampling import importance, nautilus
from lenssbi.refinement.sampling.importance import Settings, sample
from lenssbi.refinement.sampling.mixtures import Mixture

from .made_up_gaussian import COVARIANCE, DIAGONAL, FACTOR, LOG_EVIDENCE, PRIOR, SIGMA, WIDE, D, Gaussian, one

BUDGET = 1500


def moments(draws):
    weights = np.exp(draws.log_weights)
    mean = weights @ draws.values
    return mean, (draws.values - mean).T @ ((draws.values - mean) * weights[:, None])


def check(draws, log_evidence=LOG_EVIDENCE):
    assert draws.converged, draws.note
    assert draws.n_eff >= 300
    assert draws.evaluations == len(draws.values) <= BUDGET
    assert np.exp(draws.log_weights).sum() == pytest.approx(1)
    assert draws.log_evidence == pytest.approx(log_evidence, abs=4 * draws.log_evidence_error)
    assert draws.log_evidence_error < 0.06


STARTS = {
    "right": one(0.0, COVARIANCE),
    "three times too wide, correlations unknown": WIDE,
    "ten times too wide": one(0.0, 100 * COVARIANCE),
    "three times too narrow": one(0.0, COVARIANCE / 9),
    "five sigma off": one(5 * SIGMA / np.sqrt(D), DIAGONAL),
    "five sigma off in each parameter": one(5 * SIGMA, DIAGONAL),
}


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_a_gaussian_is_found_from_a_bad_start(start):
    draws = sample(PRIOR, Gaussian(), Settings(seed=3), start=start)
    check(draws)
    mean, covariance = moments(draws)
    assert np.abs(mean / SIGMA).max() < 0.25
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), SIGMA, rtol=0.2)
    correlation = (covariance - COVARIANCE) / np.outer(SIGMA, SIGMA)
    assert np.abs(correlation).max() < 0.35


def test_without_a_start_the_prior_is_enough():
    draws = sample(PRIOR, Gaussian(mean=0.3), Settings(per_round=150))
    assert draws.converged
    assert draws.log_evidence == pytest.approx(LOG_EVIDENCE, abs=0.2)
    np.testing.assert_allclose(moments(draws)[0], 0.3, atol=0.02)


def test_neither_evidence_nor_errors_are_biased():
    """Fitted to the draws that it weighs, a proposal makes the evidence 0.1 nat too small: 2.5 of its errors."""
    runs = [sample(PRIOR, Gaussian(), Settings(seed=seed), start=WIDE) for seed in range(10)]
    off = np.array([(run.log_evidence - LOG_EVIDENCE) / run.log_evidence_error for run in runs])
    assert abs(off.mean()) < 3 / np.sqrt(len(off))
    assert 0.4 < off.std() < 1.7
    means = np.array([moments(run)[0] / SIGMA * np.sqrt(run.n_eff) for run in runs])
    assert 0.75 < np.sqrt(np.mean(means**2)) < 1.35


def test_a_banana():
    def banana(x):
        z = np.linalg.solve(FACTOR, x.T)
        z[1] += 0.7 * (z[0] ** 2 - 1)
        return -0.5 * np.sum(z**2, axis=0)

    draws = sample(PRIOR, banana, Settings(), start=one(0.0, 9 * COVARIANCE))
    assert draws.converged
    assert draws.log_evidence == pytest.approx(LOG_EVIDENCE, abs=0.25)
    z = np.linalg.solve(FACTOR, draws.values.T)
    weights = np.exp(draws.log_weights)
    assert weights @ z[1] == pytest.approx(0.0, abs=0.25)
    assert weights @ z[1] ** 2 == pytest.approx(1 + 2 * 0.7**2, rel=0.25)


def test_two_modes_keep_their_weights():
    near, far = Gaussian(), Gaussian(mean=0.5)

    def both(x):
        return np.logaddexp(np.log(0.8) + near(x), np.log(0.2) + far(x))

    start = Mixture(np.ones(2), np.array([np.zeros(D), np.full(D, 0.5)]), np.stack([4 * COVARIANCE] * 2))
    draws = sample(PRIOR, both, Settings(), start=start)
    check(draws)
    weights = np.exp(draws.log_weights)
    assert weights[draws.values.mean(axis=1) > 0.25].sum() == pytest.approx(0.2, abs=0.07)


def test_a_mode_that_the_start_does_not_know_is_found_by_the_prior_draws():
    prior = Prior(("a", "b"), (Uniform(-5.0, 20.0),) * 2)

    def both(x):
        return np.logaddexp(-0.5 * np.sum(x**2, axis=1), -0.5 * np.sum((x - 14) ** 2, axis=1))

    start = Mixture(np.ones(1), np.zeros((1, 2)), np.eye(2)[None])
    draws = sample(prior, both, Settings(), start=start)
    assert draws.converged
    assert draws.log_evidence == pytest.approx(np.log(2 * 2 * np.pi / 25**2), abs=0.25)
    assert np.exp(draws.log_weights)[draws.values[:, 0] > 7].sum() == pytest.approx(0.5, abs=0.12)


def test_an_edge_of_the_prior_cuts_the_posterior_in_half():
    mean = np.array([1.0, *np.zeros(D - 1)])
    likelihood = Gaussian(mean=mean)
    draws = sample(PRIOR, likelihood, Settings(), start=one(mean, 4 * COVARIANCE))
    check(draws, LOG_EVIDENCE - np.log(2))
    assert draws.values[:, 0].max() <= 1.0
    assert draws.evaluations == likelihood.calls  # none is spent outside
    assert moments(draws)[0][0] == pytest.approx(1 - SIGMA[0] * np.sqrt(2 / np.pi), abs=0.15 * SIGMA[0])


def test_a_rough_likelihood():
    smooth = Gaussian()

    def rough(x):
        return smooth(x) + 0.5 * np.sign(np.sin(1e5 * x.sum(axis=1)))

    draws = sample(PRIOR, rough, Settings(), start=WIDE)
    check(draws, LOG_EVIDENCE + np.log(np.cosh(0.5)))


def test_impossible_models_do_no_harm():
    smooth = Gaussian()

    def half(x):
        return np.where(x[:, 0] > 0, smooth(x), -1e100)

    draws = sample(PRIOR, half, Settings(), start=WIDE)
    assert draws.converged
    assert draws.log_evidence == pytest.approx(LOG_EVIDENCE - np.log(2), abs=0.2)


def test_what_cannot_be_sampled_is_given_up_with_a_reason():
    def spikes(x):  # each parameter flat but for a comb that no mixture of a few components follows
        return -0.5 * np.sum((np.sin(40 * x) / 0.02) ** 2, axis=1)

    draws = sample(PRIOR, spikes, Settings(), start=one(0.0, np.eye(D) / 9))
    assert not draws.converged
    assert "effective draws after" in draws.note
    assert draws.evaluations < 7000


def test_a_prior_that_is_impossible_everywhere_ends_as_well():
    draws = sample(PRIOR, lambda x: np.full(len(x), -1e100), Settings(max_evaluations=500), start=WIDE)
    assert not draws.converged


def test_the_seed_decides():
    one_, same, other = (sample(PRIOR, Gaussian(), Settings(seed=seed), start=WIDE) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one_.log_weights, same.log_weights)
    assert one_.values[0, 0] != other.values[0, 0]


def test_the_watcher_hears_of_it(monkeypatch):
    heard = []
    monkeypatch.setattr(importance, "TELL_EVERY", 0.0)
    sample(PRIOR, Gaussian(), Settings(), watch=lambda evaluations, left: heard.append((evaluations, left)), start=WIDE)
    evaluations, left = zip(*heard, strict=True)
    assert list(evaluations) == sorted(evaluations)
    assert left[0] > 0.8
    assert left[-1] == 0.0


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_the_share_of_the_prior_is_a_share(share):
    with pytest.raises(ValueError, match="prior_share"):
        Settings(prior_share=share)


def test_nested_sampling_gives_the_same():
    prior = Prior(("a", "b"), (Uniform(-1.0, 1.0),) * 2)
    sigma = np.array([0.05, 0.2])

    def skewed(x):
        z = x / sigma
        return -0.5 * np.sum(z**2, axis=1) + 1.5 * np.tanh(z[:, 0] + 0.5 * z[:, 1])

    start = Mixture(np.ones(1), np.zeros((1, 2)), np.diag(4 * sigma**2)[None])
    quick = sample(prior, skewed, Settings(), start=start)
    slow = nautilus.sample(prior, skewed, nautilus.Settings(n_live=100, n_networks=0, n_eff=1000))
    assert quick.log_evidence == pytest.approx(slow.log_evidence, abs=0.2)
    for ours, theirs in zip(moments_of(quick), moments_of(slow), strict=True):
        np.testing.assert_allclose(ours / sigma, theirs / sigma, atol=0.2)
    assert quick.evaluations < 0.5 * slow.evaluations


def moments_of(draws):
    weights = np.exp(draws.log_weights - draws.log_weights.max())
    weights /= weights.sum()
    mean = weights @ draws.values
    return mean, np.sqrt(weights @ (draws.values - mean) ** 2)
