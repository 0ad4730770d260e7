"""The tail's shape against draws of known shape."""

import numpy as np
import pytest

from lenssbi.refinement.sampling.tail import pareto_k


@pytest.mark.parametrize("k", [0.2, 0.5, 0.7, 1.0, 1.5])
def test_the_shape_of_a_pareto_tail(k):
    found = [pareto_k(k * np.random.default_rng(seed).exponential(size=20_000)) for seed in range(4)]
    assert np.mean(found) == pytest.approx(k, abs=0.08 * (1 + k))  # Zhang & Stephens: an error of (1 + k) / sqrt(tail)


def test_bounded_weights_have_no_tail():
    assert pareto_k(np.log(np.random.default_rng(0).random(5000))) < 0
    assert pareto_k(np.zeros(1000)) == 0.0


def test_one_draw_with_all_the_weight_is_no_sample():
    log_weights = np.zeros(1000)
    log_weights[3] = 800.0
    assert pareto_k(log_weights) > 0.7
    assert pareto_k(np.zeros(10)) == np.inf


def test_draws_without_weight_do_no_harm():
    weights = np.concatenate([0.5 * np.random.default_rng(1).exponential(size=5000), np.full(5000, -1e100)])
    assert pareto_k(weights) == pytest.approx(0.5, abs=0.2)
