"""Quantiles of pixels are NumPy's: the median to the last bit."""

import numpy as np
import pytest

from lenssbi.dataset.robust import median, quantile, scatter


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 50, 1001, 9000])
@pytest.mark.parametrize("kind", ["normal", "small numbers", "equal"])
def test_quantiles_are_those_of_numpy(size, kind):
    rng = np.random.default_rng(size)
    draws = {
        "normal": rng.normal(size=size),
        "small numbers": rng.poisson(0.7, size) * 1.0,
        "equal": np.full(size, 0.1),
    }
    values = draws[kind]
    before = values.copy()
    assert median(values) == np.median(values)
    assert scatter(values) == 1.4826 * np.median(np.abs(values - np.median(values)))
    for share in (0.0, 0.1, 0.37, 1.0):
        assert quantile(values, share) == pytest.approx(np.quantile(values, share), rel=1e-14, abs=1e-300)
    np.testing.assert_array_equal(values, before)


@pytest.mark.parametrize("size", [6, 7])
def test_a_value_that_is_no_number_gives_none(size):
    values = np.arange(size, dtype=float)
    values[2] = np.nan
    assert np.isnan(median(values))


@pytest.mark.parametrize("size", [6, 7])
def test_infinite_values_have_their_place(size):
    values = np.arange(size, dtype=float)
    values[[0, 2]] = -np.inf, np.inf
    assert median(values) == np.median(values)
    assert median(np.array([1.0, np.inf, np.inf])) == np.inf
    assert median(np.array([-np.inf, 0.0, np.inf])) == 0.0
