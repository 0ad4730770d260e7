"""The core of scoring against closed forms and SciPy."""

import numpy as np
import pytest
from scipy import stats

from lenssbi.calibration.scores import (
    LEVELS,
    binomial_error,
    claimed,
    gross,
    half_width,
    half_widths,
    interval,
    nmad,
    resampled,
    rms,
    wilson,
)


def test_a_gaussian_has_one_scatter_by_every_score():
    errors = stats.norm.ppf((np.arange(20001) + 0.5) / 20001) * 0.3 + 0.1
    assert half_width(errors) == pytest.approx(0.3, rel=1e-3)
    assert float(nmad(errors)) == pytest.approx(0.3, rel=1e-3)
    assert float(rms(errors)) == pytest.approx(np.hypot(0.3, 0.1), rel=1e-3)


def test_scores_work_along_the_last_axis():
    errors = np.random.default_rng(0).normal(size=(3, 50))
    for score in (half_widths, nmad, rms):
        assert score(errors).tolist() == [float(score(row)) for row in errors]


def test_an_error_is_gross_beyond_a_fraction_of_the_truth():
    assert gross(np.array([0.14, -0.16, 0.31]), np.array([1.0, 1.0, 2.0])).tolist() == [False, True, True]


def test_claimed_levels_of_a_right_posterior_are_uniform():
    below = np.random.default_rng(1).uniform(size=20000)
    for level in LEVELS.values():
        assert np.mean(claimed(below) < level) == pytest.approx(level, abs=4 * binomial_error(level, 20000))


def test_wilsons_interval_is_the_root_of_his_equation():
    share, count = 0.2, 40
    for end in wilson(share, count):  # |p - share| = sqrt(p (1 - p) / n), one sigma
        assert abs(end - share) == pytest.approx(np.sqrt(end * (1 - end) / count), rel=2e-3)
    assert wilson(0.0, 40)[0] == 0


def test_the_bootstrap_of_a_mean_scatters_as_the_mean():
    values = np.random.default_rng(2).normal(size=400)
    draws = values[resampled(400, 4000, 7)].mean(axis=1)
    low, high = interval(draws)
    assert (high - low) / 2 == pytest.approx(values.std() / 20, rel=0.05)
    assert np.array_equal(resampled(400, 4000, 7), resampled(400, 4000, 7))
