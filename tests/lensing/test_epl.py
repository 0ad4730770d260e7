"""The elliptical power law against closed forms and its own definition."""

import numpy as np
import pytest
import torch
from scipy.special import hyp2f1

from lenssbi.lensing import EllipticalPowerLaw
from lenssbi.parameters.transforms import ellipticity

THETA = np.random.default_rng(2).uniform(-2, 2, (2, 200)).T @ np.array([1, 1j])
ORIENTATIONS = [(0.2, 0.3), (0.5, 1.7), (0.8, np.pi / 2), (0.999, 3.0), (1.0, 0.0)]


def power_law(q, phi, slope=2.0, einstein_radius=1.3, centre=0j):
    e = complex(ellipticity(np.asarray(q), np.asarray(phi)))
    return EllipticalPowerLaw(einstein_radius, e.real, e.imag, slope, centre)


def test_isothermal_sphere_deflects_by_its_einstein_radius():
    np.testing.assert_allclose(power_law(1.0, 0).deflection(THETA), 1.3 * THETA / abs(THETA), rtol=1e-13)


@pytest.mark.parametrize("slope", [1.5, 2.0, 2.6])
def test_round_power_law(slope):
    expected = THETA * (1.3 / abs(THETA)) ** (slope - 1)
    np.testing.assert_allclose(power_law(1.0, 0, slope).deflection(THETA), expected, rtol=1e-12)


@pytest.mark.parametrize(("q", "phi"), ORIENTATIONS)
def test_closed_form_is_the_series_at_slope_two(q, phi):
    lens = power_law(q, phi)
    series = power_law(q, phi, np.full((1, 1), 2.0))  # an array takes the general route
    np.testing.assert_allclose(series.deflection(THETA)[0], lens.deflection(THETA), rtol=1e-11)
    np.testing.assert_allclose(series.convergence(THETA)[0], lens.convergence(THETA), rtol=1e-12)
    np.testing.assert_allclose(series.shear(THETA)[0], lens.shear(THETA), rtol=0, atol=1e-10)


@pytest.mark.parametrize("slope", [1.3, 1.9, 2.2, 2.8])
@pytest.mark.parametrize(("q", "phi"), ORIENTATIONS)
def test_series_is_the_hypergeometric_function(q, phi, slope):
    """TM15 eq. 13."""
    t, f = slope - 1, (1 - q) / (1 + q)
    z = THETA * np.exp(-1j * phi)
    elliptical = q * z.real + 1j * z.imag
    radius, direction = abs(elliptical), elliptical / abs(elliptical)
    b = 1.3 * np.sqrt(q)
    omega = hyp2f1(1, t / 2, 2 - t / 2, -f * direction**2)
    expected = 2 * b / (1 + q) * (b / radius) ** (t - 1) * direction * omega * np.exp(1j * phi)
    np.testing.assert_allclose(power_law(q, phi, slope).deflection(THETA), expected, rtol=1e-11)


@pytest.mark.parametrize("slope", [1.6, 2.0, 2.4])
@pytest.mark.parametrize(("q", "phi"), ORIENTATIONS)
def test_mean_convergence_inside_the_einstein_ellipse_is_one(q, phi, slope):
    """The definition of einstein_radius: an ellipse of area pi einstein_radius^2 on which kappa is constant."""
    lens = power_law(q, phi, slope, centre=0.1 - 0.2j)
    node, weight = np.polynomial.legendre.leggauss(40)
    u, weight = (node + 1) / 2, weight / 2
    power = 1 / (3 - slope)  # rho = u**power makes the integrand of the singular profile flat
    rho, angle = 1.3 * u**power, 2 * np.pi * np.arange(64) / 64
    on_axes = rho[:, None] * (np.cos(angle) / np.sqrt(q) + 1j * np.sqrt(q) * np.sin(angle))
    kappa = lens.convergence(lens.centre + on_axes * np.exp(1j * phi))
    np.testing.assert_allclose(kappa.std(axis=1) / kappa.mean(axis=1), 0, atol=1e-11)  # CORE is 1e-6 of the least rho
    mean = np.sum(weight * 2 * power * u ** (2 * power - 1) * kappa.mean(axis=1))
    assert mean == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("slope", [1.6, 2.0, 2.4])
def test_flux_of_the_deflection_is_the_mass_inside(slope):
    """Gauss: ties deflection to convergence across the singular centre, where no finite difference reaches."""
    lens = power_law(0.6, 0.7, slope)
    angle = 2 * np.pi * np.arange(400) / 400
    edge = 1.3 * (np.cos(angle) / np.sqrt(0.6) + 1j * np.sqrt(0.6) * np.sin(angle))  # of the Einstein ellipse
    along = 1.3 * (-np.sin(angle) / np.sqrt(0.6) + 1j * np.sqrt(0.6) * np.cos(angle))
    turn = np.exp(0.7j)
    outflow = np.mean(np.imag(np.conj(lens.deflection(edge * turn)) * along * turn)) * 2 * np.pi
    assert outflow / 2 == pytest.approx(np.pi * 1.3**2, rel=1e-10)


@pytest.mark.parametrize("slope", [1.7, 2.0])
@pytest.mark.parametrize("angle", [0.4, 1.9, -2.5])
def test_rotating_the_lens_rotates_the_deflection(slope, angle):
    turn = np.exp(1j * angle)
    lens, turned = power_law(0.5, 0.2, slope, centre=0.1j), power_law(0.5, 0.2 + angle, slope, centre=0.1j * turn)
    np.testing.assert_allclose(turned.deflection(THETA * turn), lens.deflection(THETA) * turn, rtol=1e-12)
    np.testing.assert_allclose(turned.convergence(THETA * turn), lens.convergence(THETA), rtol=1e-12)
    np.testing.assert_allclose(turned.shear(THETA * turn), lens.shear(THETA) * turn**2, rtol=1e-11)


def test_the_circle_is_a_smooth_limit():
    round_lens = power_law(1.0, 0.0)
    for size in (1e-16, 1e-12, 1e-9, 1e-6):
        lens = EllipticalPowerLaw(1.3, size, -size)
        np.testing.assert_allclose(lens.deflection(THETA), round_lens.deflection(THETA), atol=3 * size + 1e-13)


def test_torch_differentiates_with_respect_to_the_parameters():
    values = torch.tensor([1.1, 0.2, -0.1], dtype=torch.float64)
    theta = torch.asarray(THETA)

    def x_deflection(v):
        return EllipticalPowerLaw(v[0], v[1], v[2]).deflection(theta).real.sum()

    jacobian = torch.autograd.functional.jacobian(x_deflection, values)
    step = 1e-6 * torch.eye(3, dtype=torch.float64)
    numeric = [(x_deflection(values + h) - x_deflection(values - h)) / 2e-6 for h in step]
    np.testing.assert_allclose(jacobian.numpy(), numeric, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"einstein_radius": -0.1}, "einstein_radius"),
        ({"einstein_radius": float("nan")}, "einstein_radius"),
        ({"e1": 0.8, "e2": 0.7}, "|e| < 1"),
        ({"slope": 3.0}, "slope"),
        ({"slope": np.array([2.0, 1.0])}, "slope"),
    ],
)
def test_impossible_parameters_are_refused(wrong, words):
    with pytest.raises(ValueError) as error:
        EllipticalPowerLaw(**({"einstein_radius": 1.0, "e1": 0.0, "e2": 0.0} | wrong))
    assert words in str(error.value)
