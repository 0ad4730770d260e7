"""NFW and Hernquist against their definitions, and against many digits where their formulae cancel."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad

from lenssbi.lensing import NFW, Hernquist
from lenssbi.lensing.hernquist import EFFECTIVE_RADIUS

RADII = np.sort(
    np.concatenate([np.geomspace(1e-8, 300, 60), [1.0], *(1 + sign * np.geomspace(1e-12, 0.6, 30) for sign in (1, -1))])
)


def projected_density(cusp_power, x):
    """Line-of-sight integral of 1 / (r (1 + r)^n) at projected radius x, both in scale radii."""
    integrand = lambda s: 1 / (1 + x * np.cosh(s)) ** cusp_power  # noqa: E731 (l = x sinh s)
    return 2 * quad(integrand, 0, 60, epsabs=0, epsrel=1e-12, limit=200)[0]


@pytest.mark.parametrize(("profile", "power"), [(NFW, 2), (Hernquist, 3)])
@pytest.mark.parametrize("x", [0.01, 0.3, 0.9, 1.0, 1.7, 20.0])
def test_convergence_is_the_density_along_the_line_of_sight(profile, power, x):
    lens = profile(0.7, 2.5, 0.1j)
    kappa = lens.convergence(np.array([0.1j + 2.5 * x * np.exp(0.4j)]))
    assert kappa[0] == pytest.approx(0.7 * projected_density(power, x), rel=1e-10)


@pytest.mark.parametrize("profile", [NFW, Hernquist])
@pytest.mark.parametrize("radius", [0.02, 1.0, 2.5, 4.0, 30.0])
def test_deflection_is_the_mean_convergence_within(profile, radius):
    lens = profile(0.7, 2.5)
    mass = quad(lambda r: 2 * r * float(lens.convergence(np.array([r + 0j]))[0]), 0, radius, epsabs=0, epsrel=1e-10)[0]
    assert lens.deflection(np.array([1j * radius]))[0] == pytest.approx(1j * mass / radius, rel=1e-8)


def exact(x):
    """f, deflection / kappa_s, convergence / kappa_s and shear / kappa_s of NFW and Hernquist, scale radius 1, in many digits."""
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(150):
        x = mpmath.mpf(float(x))
        if x == 1:
            x += mpmath.mpf(10) ** -25  # the limit
        s = mpmath.sqrt(1 - x**2)
        f = mpmath.re(mpmath.acosh(1 / x) / s) if x < 1 else mpmath.acos(1 / x) / mpmath.sqrt(x**2 - 1)
        nfw_mean, nfw = 4 * (mpmath.log(x / 2) + f) / x**2, 2 * (1 - f) / (x**2 - 1)
        mean, hernquist = 2 * (1 - f) / (x**2 - 1), ((2 + x**2) * f - 3) / (x**2 - 1) ** 2
        return [
            [float(v) for v in (nfw_mean * x, nfw, nfw - nfw_mean)],
            [float(v) for v in (mean * x, hernquist, hernquist - mean)],
        ]


@pytest.mark.parametrize(("which", "profile"), [(0, NFW), (1, Hernquist)])
@pytest.mark.parametrize(
    ("library", "units"), [(np.asarray, 200), (lambda z: torch.asarray(z).to(torch.complex64), 80)]
)
def test_no_digits_are_lost(which, profile, library, units):
    theta = library(RADII + 0j)
    radii = np.asarray(theta.real)
    epsilon = np.finfo(radii.dtype).eps
    expected = np.array([exact(x)[which] for x in radii]).T
    lens = profile(1.0, 1.0)
    for answer, truth in zip(
        (lens.deflection(theta), lens.convergence(theta), lens.shear(theta)), expected, strict=True
    ):
        # CORE, 1e-10, is 5e-5 of the square of the smallest radius
        tolerance = units * epsilon + 1e-20 / radii**2
        error = abs(np.asarray(answer, complex) - truth) / abs(truth)
        worst = (error / tolerance).argmax()
        assert error[worst] < tolerance[worst], (radii[worst], error[worst] / epsilon)


def test_total_mass_and_effective_radius_of_a_hernquist_galaxy():
    """M = 2 pi kappa_s scale_radius^2 Sigma_cr, half of it within the effective radius."""
    lens = Hernquist(0.4, 0.7)

    def mass(radius):
        return np.pi * radius * lens.deflection(np.array([radius + 0j]))[0].real

    total = 2 * np.pi * 0.4 * 0.7**2
    assert mass(1e7) == pytest.approx(total, rel=1e-6)
    assert mass(0.7 * EFFECTIVE_RADIUS) == pytest.approx(total / 2, rel=1e-6)


def test_mass_of_an_nfw_halo_within_a_cylinder():
    """Mean convergence within the scale radius: 4 kappa_s (1 - ln 2)."""
    assert NFW(0.3, 2.0).deflection(np.array([2.0 + 0j]))[0] == pytest.approx(2 * 4 * 0.3 * (1 - np.log(2)), rel=1e-14)


@pytest.mark.parametrize("profile", [NFW, Hernquist])
def test_impossible_parameters_are_refused(profile):
    with pytest.raises(ValueError, match=r"kappa_s >= 0, got -0.1"):
        profile(-0.1, 1.0)
    with pytest.raises(ValueError, match="scale_radius > 0"):
        profile(np.full((2, 1, 1), 0.1), np.zeros((2, 1, 1)))
