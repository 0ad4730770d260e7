"""From particles to convergence: mass, closed forms, the kernel, the noise, and the mock galaxy."""

import numpy as np
import pytest

from lenssbi.arrays import pixel_grid
from lenssbi.lensing import Hernquist
from lenssbi.populations.cosmology import critical_surface_density, kpc_per_arcsec
from lenssbi.populations.hydro.mock import mock_particles
from lenssbi.populations.hydro.particles import DARK_MATTER, STARS, Particles
from lenssbi.populations.hydro.projection import (
    NEIGHBOURS,
    blurred,
    convergence_map,
    random_orientation,
    surface_density,
)
from lenssbi.populations.hydro.snapshots import read_particles, write_particles

STRAIGHT = np.eye(3)


def particles_at(position, mass=1.0, softening=1.0):
    n = len(position)
    return Particles(np.asarray(position, float), np.full(n, mass), np.full(n, STARS, np.int8), 0.5, softening, "test")


def a_hernquist_sphere(n=400_000, scale=5.0):
    rng = np.random.default_rng(3)
    root = np.sqrt(rng.uniform(0, 0.98, n))
    radius = scale * root / (1 - root)
    direction = rng.standard_normal((n, 3))
    return radius[:, None] * direction / np.linalg.norm(direction, axis=1)[:, None]


@pytest.mark.parametrize("neighbours", [0, 400])
def test_mass_is_conserved(neighbours):
    rng = np.random.default_rng(4)
    blob = particles_at(rng.standard_normal((5000, 3)) * 3, mass=2e6)
    sigma = surface_density(blob, random_orientation(rng), 128, 0.5, neighbours=neighbours)
    assert sigma.sum() * 0.5**2 == pytest.approx(5000 * 2e6, rel=1e-6)


def test_mass_beyond_the_edge_leaks_in():
    """Half of what lies on the edge of the map is in it, and a uniform sheet stays uniform up to the edge."""
    rng = np.random.default_rng(5)
    sheet = np.zeros((400_000, 3))
    sheet[:, :2] = rng.uniform(-40, 40, (400_000, 2))
    sigma = surface_density(particles_at(sheet), STRAIGHT, 64, 0.5, neighbours=0)
    expected = 400_000 / 80**2
    assert np.mean(sigma[:2]) == pytest.approx(expected, rel=0.03)
    edge = particles_at([[16.0, 0, 0]])  # the map reaches from -16 to 16 kpc
    assert surface_density(edge, STRAIGHT, 64, 0.5, neighbours=0).sum() * 0.25 == pytest.approx(0.5, abs=0.01)


def test_the_kernel_has_the_width_it_says():
    """Second moments of a single particle between pixels: its place, and sigma^2 along both axes."""
    place = np.array([1.23, -2.71, 5.0])
    sigma = surface_density(particles_at([place], softening=1.5), STRAIGHT, 96, 0.5, neighbours=0)
    theta = pixel_grid((96, 96), 0.5)
    weight = sigma / sigma.sum()
    mean = np.sum(weight * theta)
    assert mean == pytest.approx(place[0] + 1j * place[1], abs=1e-6)
    # sharing among four pixels adds between 0 and 1/4 pixel^2, depending on the place; 1/6 is taken off
    assert np.sum(weight * (theta - mean).real ** 2) == pytest.approx(1.5**2, abs=0.17 * 0.5**2)
    assert np.sum(weight * (theta - mean).imag ** 2) == pytest.approx(1.5**2, abs=0.17 * 0.5**2)
    wider = surface_density(particles_at([place], softening=1.5), STRAIGHT, 96, 0.5, neighbours=400)
    assert np.sum(wider * np.abs(theta - mean) ** 2) / wider.sum() == pytest.approx(2 * 6.0**2, rel=0.02)


def test_turning_follows_the_right_hand():
    """A rotation that takes the third axis to the first shows the third axis along x."""
    turn = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])
    sigma = surface_density(particles_at([[0, 0, 8.0]]), turn, 64, 0.5, neighbours=0)
    row, column = np.unravel_index(np.argmax(sigma), sigma.shape)
    assert (column - 31.5) * 0.5 == pytest.approx(8, abs=0.3)
    assert abs(row - 31.5) < 1


def test_orientations_are_rotations_and_uniform():
    rng = np.random.default_rng(6)
    turns = np.array([random_orientation(rng) for _ in range(2000)])
    np.testing.assert_allclose(
        np.einsum("nij,nkj->nik", turns, turns), np.broadcast_to(np.eye(3), turns.shape), atol=1e-12
    )
    assert np.all(np.linalg.det(turns) > 0)
    # each entry of a uniform rotation is uniform on (-1, 1): mean 0, variance 1/3
    np.testing.assert_allclose(turns.mean(axis=0), 0, atol=5 * np.sqrt(1 / 3 / 2000))
    np.testing.assert_allclose(turns.var(axis=0), 1 / 3, atol=0.04)


@pytest.mark.parametrize(("neighbours", "within"), [(0, 0.01), (NEIGHBOURS, 0.03)])
def test_a_sphere_projects_to_its_closed_form(neighbours, within):
    """Annuli of a Hernquist sphere of particles, seen from anywhere, against its analytic surface density under the finest kernel."""
    position = a_hernquist_sphere()
    turn = random_orientation(np.random.default_rng(7))
    sigma = surface_density(particles_at(position, 0.98 / len(position), 0.6), turn, 160, 0.5, neighbours=neighbours)
    # kappa_s = rho_s r_s / Sigma_cr with rho_s = M / (2 pi a^3), here M = Sigma_cr = 1
    analytic = Hernquist(1 / (2 * np.pi * 5.0**2), 5.0).convergence(pixel_grid((160, 160), 0.5, 4))
    analytic = blurred(analytic.reshape(160, 4, 160, 4).mean(axis=(1, 3)), 0.6 / 0.5)
    radius = np.abs(pixel_grid((160, 160), 0.5))
    for low, high in ((0, 2), (2, 3), (3, 5), (5, 8), (8, 12), (12, 20), (20, 30)):
        ring = (radius > low) & (radius < high)
        assert sigma[ring].mean() == pytest.approx(analytic[ring].mean(), rel=within)


def test_wider_kernels_calm_the_noise_and_nothing_else():
    """Far out, where the finest kernel holds few particles, the scatter about the closed form falls to that of `neighbours`."""
    position = a_hernquist_sphere()
    radius = np.abs(pixel_grid((160, 160), 0.5))
    ring = (radius > 20) & (radius < 30)
    analytic = Hernquist(1 / (2 * np.pi * 5.0**2), 5.0).convergence(pixel_grid((160, 160), 0.5))
    scatter = {}
    for neighbours in (0, NEIGHBOURS):
        sigma = surface_density(
            particles_at(position, 0.98 / len(position), 0.6), STRAIGHT, 160, 0.5, neighbours=neighbours
        )
        scatter[neighbours] = np.std((sigma / analytic)[ring])
    per_kernel = len(position) * analytic[ring].mean() * 4 * np.pi * 0.6**2
    assert scatter[0] == pytest.approx(per_kernel**-0.5, rel=0.2)  # the law in the module's docstring
    assert scatter[NEIGHBOURS] < 1.5 * NEIGHBOURS**-0.5


def test_convergence_is_the_surface_density_over_the_critical_one():
    """Within a circle around a point mass, kappa integrates to M / Sigma_cr, and what is an arcsecond is as long as it should be."""
    lens = particles_at([[8.0, 0, 0]], mass=1e11)
    kappa = convergence_map(lens, STRAIGHT, 128, 0.06, (0.5, 2.0))
    assert kappa.sum() * 0.06**2 == pytest.approx(1e11 / critical_surface_density(0.5, 2.0), rel=1e-3)
    centre = np.sum(kappa * pixel_grid((128, 128), 0.06)) / kappa.sum()
    assert centre == pytest.approx(8.0 / kpc_per_arcsec(0.5), rel=1e-4)


def test_blurring_keeps_the_sum_and_zero_width_changes_nothing():
    values = np.random.default_rng(8).random((20, 31))
    np.testing.assert_allclose(blurred(values, 0.0), values, atol=1e-12)
    assert blurred(values, 2.5).sum() == pytest.approx(values.sum())


@pytest.fixture(scope="module")
def galaxy():
    return mock_particles(1)


class TestMock:
    def test_item_i_is_always_item_i(self, galaxy):
        again = mock_particles(1)
        np.testing.assert_array_equal(again.position, galaxy.position)
        assert len(mock_particles(0)) != len(galaxy)

    def test_it_is_a_massive_elliptical(self, galaxy):
        assert galaxy.name == "mock-1"
        assert 1.5e11 < galaxy.masses[STARS] < 9e11
        assert 2e12 < galaxy.masses[DARK_MATTER] < 2e13
        radius = np.linalg.norm(galaxy.position, axis=1)
        half = np.median(radius[galaxy.kind == STARS])
        assert 4 < half < 20  # 1.33 times the half-light radius

    def test_its_total_profile_is_near_isothermal(self, galaxy):
        """Slope of the projected mass within half to twice the Einstein radius; an isothermal sphere has 2."""
        theta = np.abs(pixel_grid((256, 256), 0.06))
        kappa = convergence_map(galaxy, STRAIGHT, 256, 0.06, (0.5, 2.0))
        radii = np.linspace(0.3, 4, 60)
        mean = np.array([kappa[theta < r].mean() for r in radii])
        einstein = np.interp(-1, -mean, radii)
        assert 0.6 < einstein < 2.2
        inner, outer = np.interp([0.5 * einstein, 2 * einstein], radii, mean)
        assert 1.8 < 1 + np.log(inner / outer) / np.log(4) < 2.2

    def test_its_noise_at_the_einstein_radius(self, galaxy):
        """Halves of the particles give two maps of one galaxy; their difference is the noise."""
        half = np.random.default_rng(9).random(len(galaxy)) < 0.5
        maps = []
        for chosen in (half, ~half):
            part = Particles(
                galaxy.position[chosen], galaxy.mass[chosen], galaxy.kind[chosen], 0.5, galaxy.softening, "half"
            )
            # half the particles under the same kernels
            pixel = 0.06 * kpc_per_arcsec(0.5)
            maps.append(surface_density(part, STRAIGHT, 256, pixel, neighbours=NEIGHBOURS // 2))
        theta = np.abs(pixel_grid((256, 256), 0.06))
        ring = (theta > 1.0) & (theta < 1.6)
        noise = np.std((maps[0] - maps[1])[ring]) / np.mean((maps[0] + maps[1])[ring])
        assert noise < 0.03

    def test_through_a_file_it_stays_the_same(self, galaxy, tmp_path):
        write_particles(tmp_path / "mock-1.hdf5", galaxy, origin=10.0)
        back = read_particles(tmp_path / "mock-1.hdf5")
        turn = random_orientation(np.random.default_rng(10))
        expected, got = (convergence_map(g, turn, 128, 0.12, (0.5, 2.0)) for g in (galaxy, back))
        np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-4)
        assert back.name == galaxy.name
