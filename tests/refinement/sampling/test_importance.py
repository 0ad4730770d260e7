"""Importance sampling against closed forms, from bad starts; stopping, continuing, giving up, and nested sampling beside it."""

import time
from dataclasses import replace

import numpy as np
import pytest

from lenssbi.parameters import Prior, Uniform
from lenssbi.refinement.sampling import importance, nautilus
from lenssbi.refinement.sampling.checkpoint import Checkpoint, identity
from lenssbi.refinement.sampling.clock import processor_seconds
from lenssbi.refinement.sampling.importance import Settings, sample
from lenssbi.refinement.sampling.mixture_fit import n_eff
from lenssbi.refinement.sampling.mixtures import Mixture

D = 8
PRIOR = Prior(tuple("abcdefgh"), (Uniform(-1.0, 1.0),) * D)
SIGMA = np.geomspace(0.005, 0.1, D)
_TURN = np.random.default_rng(1).standard_normal((D, D))
_COVARIANCE = _TURN @ _TURN.T + np.eye(D)
COVARIANCE = _COVARIANCE * np.outer(SIGMA, SIGMA) / np.sqrt(np.outer(np.diag(_COVARIANCE), np.diag(_COVARIANCE)))
FACTOR, PRECISION = np.linalg.cholesky(COVARIANCE), np.linalg.inv(COVARIANCE)
LOG_EVIDENCE = 0.5 * (D * np.log(2 * np.pi) + np.linalg.slogdet(COVARIANCE)[1]) - D * np.log(2)
DIAGONAL = np.diag(SIGMA**2)
BUDGET = 1500


class Gaussian:
    """Gaussian log likelihood that counts, and can stop the run as a kill would."""

    def __init__(self, mean=0.0, stop_after=np.inf):
        self.calls, self.stop_after, self.mean = 0, stop_after, mean

    def __call__(self, x):
        if self.calls >= self.stop_after:
            raise KeyboardInterrupt
        self.calls += len(x)
        step = x - self.mean
        return -0.5 * np.einsum("ni,ij,nj->n", step, PRECISION, step)


def one(mean, covariance):
    return Mixture(np.ones(1), np.broadcast_to(mean, (1, D)), covariance[None])


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


WIDE = one(0.0, 9 * DIAGONAL)
STARTS = {
    "right": one(0.0, COVARIANCE),
    "three times too wide, correlations unknown": WIDE,
    "ten times too wide": one(0.0, 100 * COVARIANCE),
    "three times too narrow": one(0.0, COVARIANCE / 9),
    "five sigma off": one(5 * SIGMA / np.sqrt(D), DIAGONAL),
    "five sigma off in each parameter": one(5 * SIGMA, DIAGONAL),
}


@pytest.fixture(scope="module")
def uninterrupted():
    return sample(PRIOR, Gaussian(), Settings(), start=WIDE)


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


@pytest.mark.parametrize("stop_after", [5, 330, 700])
def test_a_killed_run_goes_on_bit_for_bit(uninterrupted, stop_after, tmp_path, monkeypatch):
    monkeypatch.setattr(importance, "SAVE_EVERY", 0.0)
    checkpoint = Checkpoint(tmp_path / "state.h5", identity("fit"))
    with pytest.raises(KeyboardInterrupt):
        sample(PRIOR, Gaussian(stop_after=stop_after), Settings(), checkpoint, start=WIDE)
    likelihood = Gaussian()
    again = sample(PRIOR, likelihood, Settings(), checkpoint, start=WIDE)
    assert uninterrupted.evaluations - likelihood.calls >= stop_after
    np.testing.assert_array_equal(again.values, uninterrupted.values)
    np.testing.assert_array_equal(again.log_weights, uninterrupted.log_weights)
    assert again.log_evidence == uninterrupted.log_evidence
    none = Gaussian(stop_after=0)
    sample(PRIOR, none, Settings(), checkpoint, start=WIDE)  # a finished run is read, not repeated


def test_a_run_without_a_start_goes_on_as_well(tmp_path):
    checkpoint, settings = Checkpoint(tmp_path / "state.h5", identity("fit")), Settings(max_rounds=4)
    with pytest.raises(KeyboardInterrupt):
        sample(PRIOR, Gaussian(stop_after=1100), settings, checkpoint)
    again, whole = sample(PRIOR, Gaussian(), settings, checkpoint), sample(PRIOR, Gaussian(), settings)
    np.testing.assert_array_equal(again.log_weights, whole.log_weights)


def test_a_limit_leaves_draws_and_more_can_be_had(uninterrupted, tmp_path):
    checkpoint = Checkpoint(tmp_path / "state.h5", identity("fit"))
    few = sample(PRIOR, Gaussian(), Settings(max_evaluations=250), checkpoint, start=WIDE)
    assert (few.converged, few.evaluations, len(few.values)) == (False, 250, 250)
    assert "250" in few.note
    late = sample(PRIOR, Gaussian(), Settings(max_seconds=0.0), checkpoint, start=WIDE)
    assert not late.converged
    assert "seconds" in late.note
    full = sample(PRIOR, Gaussian(), Settings(), checkpoint, start=WIDE)
    np.testing.assert_array_equal(full.values, uninterrupted.values)


def test_a_wait_for_the_processor_is_no_time_of_the_fit():
    start = processor_seconds()
    time.sleep(0.3)
    assert processor_seconds() - start < 0.1
    assert processor_seconds(4) == pytest.approx(processor_seconds() / 4, rel=0.01)


def test_another_fit_s_state_is_not_taken_up(uninterrupted, tmp_path):
    path = tmp_path / "state.h5"
    sample(PRIOR, Gaussian(mean=0.1), Settings(), Checkpoint(path, identity("one")), start=WIDE)
    likelihood = Gaussian()
    draws = sample(PRIOR, likelihood, Settings(), Checkpoint(path, identity("other")), start=WIDE)
    assert likelihood.calls == draws.evaluations
    np.testing.assert_array_equal(draws.values, uninterrupted.values)


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.98])
def test_a_damaged_state_is_begun_again(uninterrupted, tmp_path, keep, caplog):
    checkpoint = Checkpoint(tmp_path / "state.h5", identity("fit"))
    sample(PRIOR, Gaussian(), Settings(max_evaluations=250), checkpoint, start=WIDE)
    whole = checkpoint.path.read_bytes()
    checkpoint.path.write_bytes(whole[: int(keep * len(whole))])
    again = sample(PRIOR, Gaussian(), Settings(), checkpoint, start=WIDE)
    np.testing.assert_array_equal(again.values, uninterrupted.values)
    assert "begun again" in caplog.text


def test_another_sampler_s_state_is_begun_again(uninterrupted, tmp_path, caplog):
    checkpoint = Checkpoint(tmp_path / "state.h5", identity("fit"))
    limits = nautilus.Settings(n_live=50, n_networks=0, max_evaluations=100)
    nautilus.sample(PRIOR, Gaussian(), limits, checkpoint)
    again = sample(PRIOR, Gaussian(), Settings(), checkpoint, start=WIDE)
    np.testing.assert_array_equal(again.values, uninterrupted.values)
    assert "begun again" in caplog.text


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


def test_the_effective_draws_are_kish_s(uninterrupted):
    assert uninterrupted.n_eff == pytest.approx(n_eff(np.exp(uninterrupted.log_weights)))
    assert replace(uninterrupted, log_weights=np.zeros(len(uninterrupted.values))).n_eff == pytest.approx(
        len(uninterrupted.values)
    )
