"""The complex ellipticity and its inverse."""

import numpy as np
import pytest

from lenssbi.parameters import axis_ratio, ellipticity, position_angle, wrap_angle


def test_ellipticity_undoes_its_inverse():
    rng = np.random.default_rng(1)
    q, phi = rng.uniform(0.05, 0.99, 1000), rng.uniform(0, np.pi, 1000)
    e = ellipticity(q, phi)
    np.testing.assert_allclose(axis_ratio(e), q, rtol=1e-12)
    np.testing.assert_allclose(position_angle(e), phi, rtol=1e-12)


def test_half_a_turn_changes_nothing():
    e = ellipticity(np.array([0.6]), np.array([0.4]))
    np.testing.assert_allclose(ellipticity(np.array([0.6]), np.array([0.4 + np.pi])), e, atol=1e-15)


def test_closed_form():
    # q = 1/2 along x: (1 - 1/4) / (1 + 1/4) = 0.6
    assert complex(ellipticity(np.array(0.5), np.array(0.0))) == pytest.approx(0.6)
    assert complex(ellipticity(np.array(0.5), np.array(np.pi / 2))) == pytest.approx(-0.6)


def test_no_ellipse_beyond_the_unit_disc():
    assert axis_ratio(np.array([1.2 + 0j]))[0] == 0


def test_numpy_equals_torch():
    torch = pytest.importorskip("torch")
    q, phi = np.linspace(0.2, 1, 7), np.linspace(0, 3, 7)
    e = ellipticity(torch.asarray(q), torch.asarray(phi))
    np.testing.assert_allclose(e.numpy(), ellipticity(q, phi), atol=1e-15)
    np.testing.assert_allclose(axis_ratio(e).numpy(), q, atol=1e-12)


def test_wrapped_differences_are_the_shortest():
    np.testing.assert_allclose(wrap_angle(np.array([179.0, -91.0, 90.0, 0.0]), 180.0), [-1.0, 89.0, -90.0, 0.0])
