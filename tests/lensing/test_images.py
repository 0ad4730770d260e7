"""Image positions: closed forms, the lens equation, and how many there have to be."""

import numpy as np
import pytest

from lenssbi.arrays import pixel_grid
from lenssbi.lensing import (
    NFW,
    DeflectionField,
    EllipticalPowerLaw,
    ExternalShear,
    caustics,
    critical_curves,
    cut,
    image_positions,
)
from lenssbi.systems import LensSystem

SIE = EllipticalPowerLaw(1.0, 0.3, 0.2)
QUAD = LensSystem((SIE, ExternalShear(0.05 + 0.03j)))


@pytest.mark.parametrize("beta", [0.3 + 0.1j, 0.5 + 0j, -0.7j, 0.02 - 0.01j, 0.99 + 0j])
def test_isothermal_sphere_has_two_images(beta):
    images = image_positions(EllipticalPowerLaw(1.0, 0.0, 0.0), beta, 3.0)
    direction, size = beta / abs(beta), abs(beta)
    np.testing.assert_allclose(images.theta, [beta + direction, beta - direction], atol=1e-8)
    np.testing.assert_allclose(images.magnification, [1 + 1 / size, 1 - 1 / size], rtol=1e-6)


def test_isothermal_sphere_has_one_image_outside_its_cut():
    images = image_positions(EllipticalPowerLaw(1.0, 0.0, 0.0), 1.2 + 0.3j, 3.0)
    assert images.theta.shape == (1,)


def test_the_lens_may_stand_anywhere():
    lens = EllipticalPowerLaw(1.0, 0.0, 0.0, 2.0, 0.33 - 0.21j)
    images = image_positions(lens, 0.33 + 0.09j, 3.0)
    np.testing.assert_allclose(images.theta, 0.33 - 0.21j + np.array([1.3j, -0.7j]), atol=1e-8)


@pytest.mark.parametrize("slope", [1.7, 2.0, 2.3])
def test_images_solve_the_lens_equation(slope):
    lens = LensSystem((EllipticalPowerLaw(1.0, 0.3, 0.2, slope), ExternalShear(0.05 + 0.03j)))
    for beta in (0.05 + 0.02j, 0.3 - 0.2j, 0.6 + 0.1j):
        images = image_positions(lens, beta, 3.0)
        np.testing.assert_allclose(lens.source_angle(images.theta), beta, atol=1e-9)
        np.testing.assert_allclose(images.magnification, lens.magnification(images.theta), rtol=1e-6)
        assert (np.diff(abs(images.magnification)) <= 0).all()


def winding(curve, point):
    """How often a closed curve goes round a point."""
    turned = np.angle((curve[1:] - point) / (curve[:-1] - point))
    return round(abs(turned.sum()) / (2 * np.pi))


def distance(curve, point):
    return abs(curve - point).min()


@pytest.mark.parametrize("lens", [SIE, QUAD], ids=["sie", "sie+shear"])
def test_number_of_images_follows_from_caustic_and_cut(lens):
    (caustic,) = caustics(lens, critical_curves(lens, 2.5, 400))
    edge = cut(lens, n=2000)
    rng = np.random.default_rng(3)
    counts = set()
    for beta in rng.uniform(-0.9, 0.9, (80, 2)) @ np.array([1, 1j]):
        if min(distance(caustic, beta), distance(edge, beta)) < 0.005:
            continue  # polygons are not exact there, and an image beside the cut is too faint to count
        expected = 1 + 2 * winding(caustic, beta) + winding(edge, beta)
        assert image_positions(lens, beta, 3.0).theta.size == expected
        counts.add(expected)
    assert counts == {1, 2, 4}


def test_two_images_about_to_merge_are_both_found():
    fold = caustics(QUAD, critical_curves(QUAD, 2.5, 400))[0]
    inside = fold.mean()
    for point in fold[:: len(fold) // 20]:
        beta = point + 1e-3 * (inside - point) / abs(inside - point)
        assert image_positions(QUAD, beta, 3.0).theta.size == 4


def test_the_central_image_counts_where_it_is_bright_enough():
    shallow = EllipticalPowerLaw(1.0, 0.2, 0.0, 1.4)
    images = image_positions(shallow, 0.03 + 0.02j, 3.0)
    assert images.theta.size == 5
    assert image_positions(shallow, 0.03 + 0.02j, 3.0, faintest=0.1).theta.size == 4


def test_no_image_in_an_empty_field():
    images = image_positions(ExternalShear(0.1), 10.0 + 0j, 1.0)
    assert images.theta.size == images.magnification.size == 0


@pytest.mark.parametrize("beta", [0.02 + 0.01j, 0.15 - 0.1j])
def test_a_mass_without_singularity_has_a_central_image_that_can_be_left_out(beta):
    lens = LensSystem((NFW(0.9, 3.0), ExternalShear(0.05)))
    images = image_positions(lens, beta, 6.0)
    (centre,) = np.flatnonzero(images.maximum)
    assert len(images.theta) in (3, 5)
    assert images.magnification[centre] > 0
    assert lens.convergence(images.theta)[centre] > 1
    assert centre == abs(images.theta).argmin()
    assert len(images.outer.theta) == len(images.theta) - 1
    assert not images.outer.maximum.any()


def test_singular_masses_have_no_central_image():
    images = image_positions(QUAD, 0.02 - 0.01j, 3.0)
    assert not images.maximum.any()
    np.testing.assert_array_equal(images.outer.theta, images.theta)


@pytest.mark.parametrize("seed", range(3))
def test_images_of_a_lumpy_map(seed):
    """Each regular image of a smooth, bounded mass: minima - saddles + maxima = 1 (Burke 1981)."""
    rng = np.random.default_rng(seed)
    theta = pixel_grid((80, 80), 0.05)
    lumps = [(0.6, 0.7, 0.0)] + [(0.3, 0.15, complex(*rng.normal(0, 0.8, 2))) for _ in range(4)]
    kappa = sum(2 * k * np.exp(-(abs(theta - z) ** 2) / (2 * s**2)) for k, s, z in lumps)
    lens = DeflectionField.from_convergence(kappa, 0.05)
    for beta in rng.normal(0, 0.2, (6, 2)) @ np.array([1, 1j]):
        images = image_positions(lens, beta, 4.0, faintest=0)
        assert np.sign(images.magnification).sum() == 1
        np.testing.assert_allclose(images.theta - lens.deflection(images.theta), beta, atol=1e-9)
