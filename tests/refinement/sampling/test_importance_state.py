"""Importance sampling that is stopped, continued or limited."""

import time
from dataclasses import replace

import numpy as np
import pytest

from lenssbi.refinement.sampling import importance, nautilus
from lenssbi.refinement.sampling.checkpoint import Checkpoint, identity
from lenssbi.refinement.sampling.clock import processor_seconds
from lenssbi.refinement.sampling.importance import Settings, sample
from lenssbi.refinement.sampling.mixture_fit import n_eff

from .made_up_gaussian import (
    PRIOR,
    WIDE,
    Gaussian,
)


@pytest.fixture(scope="module")
def uninterrupted():
    return sample(PRIOR, Gaussian(), Settings(), start=WIDE)


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


def test_the_effective_draws_are_kish_s(uninterrupted):
    assert uninterrupted.n_eff == pytest.approx(n_eff(np.exp(uninterrupted.log_weights)))
    assert replace(uninterrupted, log_weights=np.zeros(len(uninterrupted.values))).n_eff == pytest.approx(
        len(uninterrupted.values)
    )
