"""Tabulated deflections: maps of mass against sums over their pixels, tables against what they tabulate."""

from dataclasses import replace

import numpy as np
import pytest

from lenssbi.arrays import pixel_grid
from lenssbi.batching import item, take
from lenssbi.lensing import NFW, DeflectionField, EllipticalPowerLaw, ExternalShear, Together, image_positions
from lenssbi.lensing.squares import unit_square

RNG = np.random.default_rng(11)
TIDE = Together((NFW(0.2, 6.0, 5 + 4j), ExternalShear(0.03 - 0.05j)))


def places(half_width, n=200):
    return np.random.default_rng(3).uniform(-half_width, half_width, (2, n)).T @ np.array([1, 1j])


def sum_over_pixels(kappa, scale, theta):
    """The map's deflection, square by square."""
    ny, nx = kappa.shape
    centres = pixel_grid((ny, nx), scale).ravel()
    return np.array([np.sum(kappa.ravel() * unit_square((z - centres) / scale)) * scale for z in theta])


def test_a_square_of_mass():
    """Against the integral of the deflections of points, on every side of it and inside."""
    node, weight = np.polynomial.legendre.leggauss(60)
    for z in (0.9 + 0.2j, 2.0 - 3.0j, 7.9 + 0.3j, -6.1 + 6.1j, 30 - 4j):
        points = z - (node[None, :] + 1j * node[:, None]) / 2
        expected = np.sum(weight[:, None] * weight / 4 / np.conj(points)) / np.pi
        assert unit_square(np.array([z]))[0] == pytest.approx(expected, rel=1e-9)
    inside = np.array([0.1 + 0.3j, -0.4 + 0.35j, 0.2 - 0.1j])
    h = 1e-5
    outflow = (
        unit_square(inside + h)
        - unit_square(inside - h)
        - 1j * (unit_square(inside + 1j * h) - unit_square(inside - 1j * h))
    )
    np.testing.assert_allclose(outflow.real / (4 * h), 1, rtol=1e-8)  # uniform convergence
    corners = np.array([0.5 + 0.5j, 0.5, -0.5 - 0.5j, 0])
    assert np.isfinite(unit_square(corners)).all()
    assert unit_square(corners)[3] == 0


def test_closed_form_and_multipoles_of_a_square_meet(monkeypatch):
    z = 8 * np.exp(1j * np.linspace(0, 6, 50)) * 1.01
    from_afar = unit_square(z)
    monkeypatch.setattr("lenssbi.lensing.squares.FAR", 100.0)
    np.testing.assert_allclose(unit_square(z), from_afar, rtol=1e-12)


@pytest.mark.parametrize("shape", [(12, 17), (9, 9), (20, 11)])
def test_a_map_is_the_sum_of_its_pixels(shape):
    kappa, scale = RNG.uniform(size=shape), 0.13
    lens = DeflectionField.from_convergence(kappa, scale)
    nodes = pixel_grid((shape[0] + 2, shape[1] + 2), scale)[1:-1, 1:-1].ravel()
    np.testing.assert_allclose(lens.deflection(nodes), sum_over_pixels(kappa, scale, nodes), atol=1e-10)


def test_mass_at_one_edge_does_not_come_back_at_the_other():
    kappa = np.zeros((16, 16))
    kappa[:, -1] = 1.0
    lens = DeflectionField.from_convergence(kappa, 0.1)
    edge = pixel_grid((16, 16), 0.1)[:, 0]
    assert (lens.deflection(edge).real < 0).all()  # towards the mass
    np.testing.assert_allclose(lens.deflection(edge), sum_over_pixels(kappa, 0.1, edge), atol=1e-10)


def isothermal_map(lens, n, scale):
    """Mean convergence of each pixel within the ellipse that fits: the mass outside an ellipse does not deflect inside it.

    The mean over a pixel is the flux of the deflection through its sides (Gauss), which needs no care at the cusp.
    """
    node, weight = np.polynomial.legendre.leggauss(12)
    axis, step = (np.arange(n + 1) - n / 2) * scale, scale / 2
    along = (axis[:-1, None] + step + step * node)[None, :]
    up = np.sum(weight * lens.deflection(along + 1j * axis[:, None, None]).imag, -1)
    right = np.sum(weight * lens.deflection(axis[:, None, None] + 1j * along).real, -1).T
    whole = (np.diff(up, axis=0) + np.diff(right, axis=1)) / (4 * scale)
    fine = pixel_grid((n, n), scale, 16)
    inside = lens.convergence(fine) > lens.convergence(
        np.array([n * scale / 2 * lens.prepared().q * 1j * lens.prepared().axis])
    )
    return whole * inside.reshape(n, 16, n, 16).mean((1, 3))


def test_isothermal_ellipsoid_from_its_map():
    lens, theta = EllipticalPowerLaw(1.2, 0.2, -0.15), places(1.8, 2000)
    errors = []
    for scale in (0.1, 0.05):
        mapped = DeflectionField.from_convergence(isothermal_map(lens, round(8 / scale), scale), scale)
        error = abs(mapped.deflection(theta) - lens.deflection(theta))
        errors.append([error[(abs(theta) > low) & (abs(theta) < low + 0.4)].max() for low in (0.4, 0.8, 1.2)])
    assert (np.array(errors[1]) < [3e-3, 8e-4, 4e-4]).all()  # of 1.2
    np.testing.assert_allclose(np.divide(*errors), 4, rtol=0.1)  # second order: pixels have no finer structure
    expected, found = image_positions(lens, 0.1 + 0.05j, 2.5), image_positions(mapped, 0.1 + 0.05j, 2.5).outer
    np.testing.assert_allclose(found.theta, expected.theta, atol=1e-3)
    np.testing.assert_allclose(found.magnification, expected.magnification, rtol=5e-3)


def test_far_away_a_map_is_a_point():
    kappa = RNG.uniform(size=(12, 12))
    kappa = kappa + kappa[::-1, ::-1]  # no dipole
    lens = DeflectionField.from_convergence(kappa, 0.1)
    theta = np.array([300 + 200j, -50j])
    np.testing.assert_allclose(lens.deflection(theta), kappa.sum() * 0.01 / np.pi / theta.conj(), rtol=2e-4)
    outside = 0.95 * np.exp(2j * np.pi * np.arange(90) / 90)
    expected = sum_over_pixels(kappa, 0.1, outside)
    np.testing.assert_allclose(lens.deflection(outside), expected, atol=0.05 * abs(expected).max())


def test_deflection_is_continuous_across_the_edge():
    for lens, edge in (
        (DeflectionField.from_convergence(RNG.uniform(size=(12, 20)), 0.1), 1.05 + 0.3j),
        (DeflectionField.from_convergence(RNG.uniform(size=(12, 20)), 0.1), 1.05 + 0.65j),
        (DeflectionField.tabulate(TIDE, 2.0, 0.1), -0.3 - 2.0j),
    ):
        inside, outside = lens.deflection(np.array([edge * (1 - 1e-9), edge * (1 + 1e-9)]))
        assert inside == pytest.approx(outside, abs=1e-7)


def test_a_table_is_what_it_tabulates():
    theta = places(2.0)
    errors = []
    for step in (0.2, 0.1):
        lens = DeflectionField.tabulate(TIDE, 2.0, step)
        errors.append(abs(lens.deflection(theta) - TIDE.deflection(theta)).max())
        np.testing.assert_allclose(lens.convergence(theta), TIDE.convergence(theta), atol=2e-5)
        np.testing.assert_allclose(lens.shear(theta), TIDE.shear(theta), atol=2e-5)
    assert errors[1] < 1e-7
    assert errors[1] < errors[0] / 10  # fourth order, up to the very edge


def test_a_tide_goes_on_outside_its_table():
    linear = Together((ExternalShear(0.1 - 0.2j, 0.3 + 0.1j), ExternalShear(-0.02j)))
    theta = places(30.0)
    lens = DeflectionField.tabulate(linear, 2.0, 0.5)
    np.testing.assert_allclose(lens.deflection(theta), linear.deflection(theta), atol=1e-11)
    np.testing.assert_allclose(lens.shear(theta), linear.shear(theta), atol=1e-10)
    curved = DeflectionField.tabulate(TIDE, 2.0, 0.1)
    rim = 2.0 * np.exp(2j * np.pi * np.arange(90) / 90)
    middle = TIDE.deflection(np.zeros(1))
    steepest = abs(TIDE.deflection(rim) - middle).max() / 2.0
    assert (abs(curved.deflection(theta) - middle) < 1.1 * steepest * abs(theta)).all()


@pytest.mark.parametrize("mirror", [1, -1])
def test_turned_mirrored_stretched_and_moved(mirror):
    """A lens whose parameters say what the same transform of it is."""
    turn, scale, centre = np.exp(0.8j), 1.4, 0.3 - 0.2j
    table = DeflectionField.tabulate(NFW(0.3, 4.0, 6.0 + 5.0j), 3.0, 0.1)
    moved = 6.0 + mirror * 5.0j
    expected = NFW(0.3, 4.0 * scale, centre + turn * scale * moved)
    lens = replace(table, turn=turn, mirror=mirror, scale=scale, centre=centre)
    theta = centre + places(2.5)
    np.testing.assert_allclose(lens.deflection(theta), expected.deflection(theta), atol=1e-6)
    np.testing.assert_allclose(lens.convergence(theta), expected.convergence(theta), atol=1e-5)
    np.testing.assert_allclose(lens.shear(theta), expected.shear(theta), atol=1e-5)


def test_many_maps_share_one_table():
    maps, scales = RNG.uniform(size=(4, 10, 13)), [0.1, 0.2, 0.15, 0.1]
    atlas = DeflectionField.from_convergences(maps, scales)
    theta = places(1.5, 20).reshape(4, 5)
    chosen = np.array([2, 0, 2])
    batch = take(atlas, chosen)
    assert batch.table.coefficients is atlas.table.coefficients
    for i, which in enumerate(chosen):
        alone = DeflectionField.from_convergence(maps[which], scales[which])
        np.testing.assert_allclose(batch.deflection(theta)[i], alone.deflection(theta), atol=1e-12)
        np.testing.assert_array_equal(item(batch, i).deflection(theta), batch.deflection(theta)[i])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: DeflectionField.from_convergence(np.full((4, 4), np.nan), 0.1), "not finite"),
        (lambda: DeflectionField.from_convergence(np.ones(4), 0.1), "one shape"),
        (lambda: DeflectionField.from_convergences([np.ones((4, 4)), np.ones((4, 5))], [0.1, 0.1]), "one shape"),
        (lambda: DeflectionField.from_convergences([], []), "one shape"),
        (lambda: DeflectionField.from_convergence(np.ones((4, 4)), 0.0), "step > 0"),
        (lambda: DeflectionField.tabulate(TIDE, 1.0, 0.5), "half_width >= 3 step"),
        (lambda: replace(DeflectionField.tabulate(TIDE, 1.0, 0.2), turn=2.0), "turn"),
        (lambda: replace(DeflectionField.tabulate(TIDE, 1.0, 0.2), mirror=0), "mirror"),
    ],
)
def test_impossible_fields_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
