"""Nested sampling against closed forms; stopping, continuing, and refusing to continue what belongs to another fit."""

from dataclasses import replace

import numpy as np
import pytest

from lenssbi.parameters import Prior, Uniform
from lenssbi.refinement.sampling import nautilus
from lenssbi.refinement.sampling.checkpoint import Checkpoint, identity
from lenssbi.refinement.sampling.nautilus import Settings, sample

PRIOR = Prior(("a", "b"), (Uniform(-1.0, 1.0), Uniform(-1.0, 1.0)))
SIGMA = np.array([0.1, 0.2])
SETTINGS = Settings(n_live=50, n_networks=0, n_eff=300)
LOG_EVIDENCE = np.log(2 * np.pi * SIGMA.prod() / 4)


class Gaussian:
    """Unnormalised Gaussian log likelihood that counts, and can stop the run as a kill would."""

    def __init__(self, stop_after=np.inf, mean=0.0):
        self.calls, self.stop_after, self.mean = 0, stop_after, mean

    def __call__(self, x):
        if self.calls >= self.stop_after:
            raise KeyboardInterrupt
        self.calls += len(x)
        return -0.5 * np.sum(((x - self.mean) / SIGMA) ** 2, axis=-1)


@pytest.fixture(scope="module")
def uninterrupted():
    return sample(PRIOR, Gaussian(), SETTINGS)


def test_evidence_and_moments_of_a_gaussian(uninterrupted):
    draws = uninterrupted
    assert draws.converged
    assert draws.log_evidence == pytest.approx(LOG_EVIDENCE, abs=0.2)
    weights = np.exp(draws.log_weights)
    np.testing.assert_allclose(np.sqrt(weights @ draws.values**2), SIGMA, rtol=0.15)
    assert draws.evaluations == len(draws.values)


@pytest.mark.parametrize("networks", [0, 1])
def test_a_killed_run_goes_on_bit_for_bit(networks, tmp_path, monkeypatch):
    monkeypatch.setattr(nautilus, "SAVE_EVERY", 0.0)
    settings = replace(SETTINGS, n_networks=networks, n_eff=100)
    checkpoint = Checkpoint(tmp_path / "state.h5", identity("fit"))
    with pytest.raises(KeyboardInterrupt):
        sample(PRIOR, Gaussian(stop_after=400), settings, checkpoint)
    likelihood = Gaussian()
    again, whole = sample(PRIOR, likelihood, settings, checkpoint), sample(PRIOR, Gaussian(), settings)
    assert likelihood.calls == whole.evaluations - 400
    np.testing.assert_array_equal(again.values, whole.values)
    assert again.log_evidence == whole.log_evidence


def test_a_limit_leaves_draws_and_more_can_be_had(uninterrupted, tmp_path):
    checkpoint = Checkpoint(tmp_path / "state.h5", identity("fit"))
    few = sample(PRIOR, Gaussian(), replace(SETTINGS, max_evaluations=200), checkpoint)
    assert (few.converged, few.evaluations, len(few.values)) == (False, 200, 200)
    late = sample(PRIOR, Gaussian(), replace(SETTINGS, max_seconds=0.0), checkpoint)
    assert not late.converged
    full = sample(PRIOR, Gaussian(), SETTINGS, checkpoint)
    np.testing.assert_array_equal(full.values, uninterrupted.values)


def test_another_fit_s_state_is_not_taken_up(tmp_path):
    path = tmp_path / "state.h5"
    sample(PRIOR, Gaussian(), SETTINGS, Checkpoint(path, identity("one")))
    likelihood = Gaussian(mean=0.5)
    draws = sample(PRIOR, likelihood, SETTINGS, Checkpoint(path, identity("other")))
    assert likelihood.calls == draws.evaluations
    assert np.exp(draws.log_weights) @ draws.values[:, 0] == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.98])
def test_a_damaged_state_is_begun_again(uninterrupted, tmp_path, keep, caplog):
    checkpoint = Checkpoint(tmp_path / "state.h5", identity("fit"))
    sample(PRIOR, Gaussian(), replace(SETTINGS, max_evaluations=200), checkpoint)
    whole = checkpoint.path.read_bytes()
    checkpoint.path.write_bytes(whole[: int(keep * len(whole))])
    again = sample(PRIOR, Gaussian(), SETTINGS, checkpoint)
    np.testing.assert_array_equal(again.values, uninterrupted.values)
    assert "begun again" in caplog.text


def test_impossible_points_do_no_harm():
    def half(x):
        return np.where(x[:, 0] > 0, -0.5 * np.sum((x / SIGMA) ** 2, axis=-1), -1e100)

    draws = sample(PRIOR, half, SETTINGS)
    assert draws.log_evidence == pytest.approx(LOG_EVIDENCE - np.log(2), abs=0.2)


def test_identity_tells_fits_apart():
    image = np.arange(6.0).reshape(2, 3)
    keys = {
        identity(image),
        identity(image.T.copy()),
        identity(image + 1e-12),
        identity(image, "a"),
        identity("a", image),
    }
    assert len(keys) == 5
    assert identity(image, "a") == identity(image.copy(), "a")


def test_the_watcher_hears_of_it(monkeypatch):
    heard = []
    monkeypatch.setattr(nautilus, "TELL_EVERY", 0.0)
    sample(PRIOR, Gaussian(), SETTINGS, watch=lambda evaluations, live: heard.append((evaluations, live)))
    evaluations, live = zip(*heard, strict=True)
    assert list(evaluations) == sorted(evaluations)
    assert live[0] > 0.9
    assert live[-1] == 0.0
