"""Laws that every deflector obeys. A new deflector is one new line in DEFLECTORS."""

import numpy as np
import pytest
import torch

from lenssbi.lensing import EllipticalPowerLaw, ExternalShear, magnification
from lenssbi.systems import LensSystem

DEFLECTORS = {
    "sie": EllipticalPowerLaw(1.2, 0.2, -0.15, centre=0.03 - 0.05j),
    "sie-flat": EllipticalPowerLaw(1.0, 0.0, 0.75),
    "sie-nearly-round": EllipticalPowerLaw(1.0, 1e-9, -1e-9),
    "sis": EllipticalPowerLaw(0.8, 0.0, 0.0, 2.0, -0.1j),
    "shallow": EllipticalPowerLaw(1.2, -0.3, 0.1, 1.6, 0.02j),
    "steep": EllipticalPowerLaw(1.2, 0.1, 0.2, 2.4),
    "steep-round": EllipticalPowerLaw(1.2, 0.0, 0.0, 2.4),
    "shear": ExternalShear(0.06 - 0.03j, 0.1 + 0.2j),
    "system": LensSystem((EllipticalPowerLaw(1.2, 0.2, -0.15), ExternalShear(0.06 - 0.03j))),
}


@pytest.fixture(params=DEFLECTORS.values(), ids=DEFLECTORS.keys())
def lens(request):
    return request.param


def field(n=60, inner=0.25, outer=2.5):
    """Points between two circles about the origin [arcsec]."""
    rng = np.random.default_rng(5)
    radius = np.sqrt(rng.uniform(inner**2, outer**2, n))
    return radius * np.exp(2j * np.pi * rng.uniform(size=n))


def derivatives(lens, theta, h=1e-5):
    along_x = (lens.deflection(theta + h) - lens.deflection(theta - h)) / (2 * h)
    along_y = (lens.deflection(theta + 1j * h) - lens.deflection(theta - 1j * h)) / (2 * h)
    return along_x, along_y


def test_deflection_is_curl_free(lens):
    along_x, along_y = derivatives(lens, field())
    np.testing.assert_allclose(along_x.imag, along_y.real, atol=2e-8)


def test_convergence_is_half_the_divergence(lens):
    theta = field()
    along_x, along_y = derivatives(lens, theta)
    np.testing.assert_allclose(lens.convergence(theta), (along_x.real + along_y.imag) / 2, atol=2e-8)


def test_shear_is_the_rest_of_the_jacobian(lens):
    theta = field()
    along_x, along_y = derivatives(lens, theta)
    np.testing.assert_allclose(lens.shear(theta), (along_x + 1j * along_y) / 2, atol=2e-8)


def test_magnification_is_the_inverse_jacobian(lens):
    theta = field()
    along_x, along_y = derivatives(lens, theta)
    jacobian = (1 - along_x.real) * (1 - along_y.imag) - along_x.imag * along_y.real
    np.testing.assert_allclose(1 / magnification(lens, theta), jacobian, atol=5e-7)


def test_finite_at_and_near_the_centre(lens):
    centre = getattr(lens, "centre", 0j)
    theta = centre + np.array([0, 1e-300, 1e-15, 1e-12j, -1e-9 + 1e-9j, 1e-6])
    for answer in (lens.deflection(theta), lens.convergence(theta), lens.shear(theta)):
        assert np.isfinite(answer).all()
    assert lens.deflection(theta)[0] == 0


def test_deflection_is_odd_about_the_centre(lens):
    theta, centre = field(), getattr(lens, "centre", 0j)
    np.testing.assert_allclose(lens.deflection(2 * centre - theta), -lens.deflection(theta), atol=1e-13)


def test_shapes_and_dtypes(lens):
    theta = field(24).reshape(2, 3, 4)
    for answer, kind in ((lens.deflection(theta), "c"), (lens.convergence(theta), "f"), (lens.shear(theta), "c")):
        assert answer.shape == theta.shape
        assert answer.dtype.kind == kind


@pytest.mark.parametrize("method", ["deflection", "convergence", "shear"])
def test_numpy_and_torch_agree(lens, method):
    theta = field()
    with_torch = getattr(lens, method)(torch.asarray(theta))
    np.testing.assert_allclose(with_torch.numpy(), getattr(lens, method)(theta), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("method", ["deflection", "convergence", "shear"])
def test_single_precision_stays_single_and_close(lens, method):
    theta = field()
    with_torch = getattr(lens, method)(torch.asarray(theta).to(torch.complex64))
    assert with_torch.dtype in (torch.complex64, torch.float32)
    # Series with alternating signs and s = 1e-7 for a circle: a few units in the last of seven digits.
    np.testing.assert_allclose(with_torch.numpy(), getattr(lens, method)(theta), rtol=2e-5, atol=2e-6)


def many_parameters(n=5):
    rng = np.random.default_rng(8)
    return {
        "einstein_radius": rng.uniform(0.3, 2.0, n),
        "e1": np.append(rng.uniform(-0.5, 0.5, n - 1), 0.0),
        "e2": np.append(rng.uniform(-0.5, 0.5, n - 1), 0.0),
        "slope": rng.uniform(1.6, 2.4, n),
        "centre": rng.uniform(-0.1, 0.1, n) + 1j * rng.uniform(-0.1, 0.1, n),
    }


@pytest.mark.parametrize("isothermal", [True, False])
@pytest.mark.parametrize("library", [np, torch], ids=["numpy", "torch"])
@pytest.mark.parametrize("method", ["deflection", "convergence", "shear"])
def test_batched_power_laws_equal_looped_ones(method, library, isothermal):
    values = many_parameters()
    if isothermal:
        del values["slope"]
    theta = field(12).reshape(3, 4)
    batch = EllipticalPowerLaw(**{name: library.asarray(value)[:, None, None] for name, value in values.items()})
    batched = np.asarray(getattr(batch, method)(library.asarray(theta)))
    for i, answer in enumerate(batched):
        one = EllipticalPowerLaw(**{name: value[i].item() for name, value in values.items()})
        np.testing.assert_allclose(answer, getattr(one, method)(theta), rtol=1e-11)


def test_batched_shears_equal_looped_ones():
    gamma = np.array([0.1, 0.05j, -0.02 + 0.01j])
    theta = field(12).reshape(3, 4)
    batch = ExternalShear(gamma[:, None, None])
    for method in ("deflection", "convergence", "shear"):
        looped = [getattr(ExternalShear(g), method)(theta) for g in gamma]
        np.testing.assert_array_equal(getattr(batch, method)(theta), looped)
