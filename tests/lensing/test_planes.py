"""Several planes: what they are without each other, in closed form, and what every lens has to obey."""

import numpy as np
import pytest

from lenssbi.lensing import (
    NFW,
    EllipticalPowerLaw,
    ExternalShear,
    Hernquist,
    MultiPlane,
    Together,
    derivatives,
    image_positions,
    magnification,
)
from lenssbi.systems import LensSystem

THETA = np.random.default_rng(1).uniform(-2.5, 2.5, (2, 100)).T @ np.array([1, 1j])
SIE, SHEAR, HALO, STARS = (
    EllipticalPowerLaw(1.1, 0.2, -0.1),
    ExternalShear(0.05 + 0.02j),
    NFW(0.2, 5.0),
    Hernquist(1.0, 0.5),
)
METHODS = ["deflection", "convergence", "shear", "derivatives"]


@pytest.mark.parametrize("method", METHODS)
def test_planes_at_one_distance_are_one_plane(method):
    """D_ij = 0 between them: the deflections add."""
    several = MultiPlane((SIE, SHEAR, HALO), ((), (0.0,), (0.0, 0.0)))
    one = Together((HALO, SIE, SHEAR))
    np.testing.assert_allclose(getattr(several, method)(THETA), getattr(one, method)(THETA), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("method", METHODS)
def test_a_system_is_its_deflectors_together(method):
    system = LensSystem((SIE, MultiPlane((SHEAR, HALO), ((), (0.4,)))))
    np.testing.assert_array_equal(getattr(system, method)(THETA), getattr(Together(system.deflectors), method)(THETA))


def test_two_sheets_of_shear_turn_images():
    """Closed form: A = 1 - G1 - G2 (1 - r G1) with matrices G of two shears, not symmetric unless they commute."""
    g1, g2, ratio = 0.2, 0.3j, 0.6
    lens = MultiPlane((ExternalShear(g1), ExternalShear(g2)), ((), (ratio,)))
    focus, shear = derivatives(lens, THETA)
    np.testing.assert_allclose(focus, -ratio * g2 * np.conj(g1), atol=1e-15)
    np.testing.assert_allclose(shear, g1 + g2, atol=1e-15)
    matrices = [np.array([[g.real, g.imag], [g.imag, -g.real]]) for g in (complex(g1), g2)]
    jacobian = np.eye(2) - matrices[0] - matrices[1] @ (np.eye(2) - ratio * matrices[0])
    np.testing.assert_allclose(1 / magnification(lens, THETA), np.linalg.det(jacobian), atol=1e-14)


def test_a_plane_without_mass_and_the_place_of_a_split_plane_do_not_matter():
    ratios = ((), (0.3,), (0.7, 0.5))
    lens = MultiPlane((HALO, SIE, STARS), ratios)
    empty = MultiPlane((HALO, Together(()), SIE, STARS), ((), (0.1,), (0.3, 0.2), (0.7, 0.6, 0.5)))
    split = MultiPlane((HALO, SIE, STARS, SHEAR), (*ratios, (0.7, 0.5, 0.0)))
    joined = MultiPlane((HALO, SIE, Together((SHEAR, STARS))), ratios)
    for method in METHODS:
        np.testing.assert_allclose(getattr(empty, method)(THETA), getattr(lens, method)(THETA), rtol=1e-13)
        np.testing.assert_allclose(
            getattr(split, method)(THETA), getattr(joined, method)(THETA), rtol=1e-12, atol=1e-14
        )


def test_nothing_deflects_nothing():
    for lens in (Together(()), MultiPlane((), ())):
        for answer in (lens.deflection(THETA), lens.convergence(THETA), lens.shear(THETA), *lens.derivatives(THETA)):
            np.testing.assert_array_equal(answer, 0)


def test_symmetry_of_two_planes_on_one_axis_gives_an_einstein_ring_where_theory_puts_it():
    """Two isothermal spheres: theta_E = b1 + b2 for rays that have not crossed the axis."""
    lens = MultiPlane((EllipticalPowerLaw(0.8, 0, 0), EllipticalPowerLaw(0.4, 0, 0)), ((), (0.6,)))
    ring = 1.2 * np.exp(1j * np.linspace(0, 6, 20))
    np.testing.assert_allclose(lens.deflection(ring), ring, atol=1e-12)
    np.testing.assert_allclose(1 / magnification(lens, ring), 0, atol=1e-12)


@pytest.mark.parametrize("beta", [0.02 + 0.03j, -0.2 + 0.1j, 0.6j])
def test_images_through_several_planes(beta):
    """Against Newton from a dense grid of starts."""
    lens = MultiPlane((HALO, Together((SIE, SHEAR)), NFW(0.15, 2.0, 0.5 + 0.8j)), ((), (0.4,), (0.7, 0.5)))
    images = image_positions(lens, beta, 3.5)
    np.testing.assert_allclose(images.theta - lens.deflection(images.theta), beta, atol=1e-9)
    axis = np.linspace(-3.5, 3.5, 40)
    theta = (axis[None, :] + 1j * axis[:, None]).ravel()
    for _ in range(40):
        h, residual = 1e-6, beta - theta + lens.deflection(theta)
        x = (lens.deflection(theta + h) - lens.deflection(theta - h)) / (2 * h)
        y = (lens.deflection(theta + 1j * h) - lens.deflection(theta - 1j * h)) / (2 * h)
        a, b = 1 - (x - 1j * y) / 2, -(x + 1j * y) / 2
        step = (a.conj() * residual - b * residual.conj()) / (abs(a) ** 2 - abs(b) ** 2)
        theta = theta + step / np.maximum(1, abs(step) / 0.1)
    solved = theta[(abs(beta - theta + lens.deflection(theta)) < 1e-9) & (abs(theta) < 3)]
    bright = solved[abs(magnification(lens, solved)) > 1e-3]
    distinct = np.unique(np.round(bright, 6))
    assert len(distinct) == len(images.theta)
    assert all(abs(images.theta - place).min() < 2e-6 for place in distinct)


def test_ratios_are_checked():
    with pytest.raises(ValueError, match="one row per plane"):
        MultiPlane((SIE, SHEAR), ((),))
    with pytest.raises(ValueError, match="one row per plane"):
        MultiPlane((SIE, SHEAR), ((), (0.1, 0.2)))
