"""Light cones: haloes with the mass they should have, as many as there should be, and what is made of them."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.integrate import quad

from lenssbi.batching import item, join
from lenssbi.lensing.epl import EllipticalPowerLaw
from lenssbi.lensing.field import DeflectionField
from lenssbi.populations.cosmology import (
    ARCSEC,
    angular_diameter_distance,
    comoving_distance,
    critical_surface_density,
    lensing_ratio,
)
from lenssbi.populations.light_cones import Cone, Haloes, LightCone
from lenssbi.populations.light_cones.haloes import concentration, critical_density, expected_mass_within, radius_200
from lenssbi.populations.light_cones.mock import BARYONS, MockSky, stellar_mass
from lenssbi.populations.light_cones.planes import (
    GROUP,
    LEAST_SEPARATION,
    haloes_deflection,
    mean_convergence,
    plane_redshifts,
    shell_edges,
    tabulated,
)
from lenssbi.status import InputError

MASSES = (10**10.5, 10**14.5)


def one_halo(mass=3e12, z=0.4, stars=6e10, theta=0j):
    size = np.array([0.8])
    c = np.array([6.0])
    return Haloes(np.array([theta]), np.array([z]), np.array([mass]), c, np.array([stars]), size)


def few_haloes(rng, n=40, extent=30.0):
    mass = 10 ** rng.uniform(11, 13.5, n)
    theta = rng.uniform(-extent, extent, n) + 1j * rng.uniform(-extent, extent, n)
    return Haloes(theta, np.full(n, 0.5), mass, np.full(n, 7.0), 0.01 * mass, rng.uniform(0.3, 1.0, n))


def test_a_halo_has_its_mass_within_r_200():
    """The density that the NFW profile's parameters stand for, integrated over the sphere, and the galaxy."""
    halo, z_source = one_halo(), 2.0
    nfw, galaxy = halo.dark_matter(z_source), halo.galaxies(z_source)
    sigma_cr = critical_surface_density(0.4, z_source)
    rho_s = nfw.kappa_s.item() * sigma_cr / nfw.scale_radius.item()
    r_s, r_200 = nfw.scale_radius.item(), radius_200(halo.mass, halo.z).item()
    dark, _ = quad(lambda r: 4 * np.pi * r**2 * rho_s / (r / r_s * (1 + r / r_s) ** 2), 0, r_200)
    stars = 2 * np.pi * galaxy.kappa_s.item() * galaxy.scale_radius.item() ** 2 * sigma_cr
    assert stars == pytest.approx(6e10, rel=1e-9)
    assert dark + stars == pytest.approx(3e12, rel=1e-8)
    volume = 4 / 3 * np.pi * (r_200 * ARCSEC * angular_diameter_distance(0.4)) ** 3
    assert 3e12 / volume == pytest.approx(200 * critical_density(0.4), rel=1e-9)


def test_half_of_a_galaxy_lies_within_its_effective_radius():
    galaxy = one_halo().galaxies(2.0)
    alpha = galaxy.deflection(np.array([[[0.8 + 0j], [1e7 + 0j]]])).real.ravel()
    within = alpha * np.array([0.8, 1e7])  # mean kappa r^2
    assert within[0] / within[1] == pytest.approx(0.5, abs=1e-4)


@pytest.mark.parametrize("aperture", [0.5, 6.0, 75.0])
def test_mass_within_an_aperture_is_what_deflects_there(aperture):
    halo = one_halo(stars=0.0)
    alpha = halo.dark_matter(2.0).deflection(np.full((1, 1, 1), aperture + 0j)).item().real
    expected = np.pi * aperture * alpha * critical_surface_density(0.4, 2.0)
    assert halo.mass_within(aperture).item() == pytest.approx(expected, rel=1e-6)


def test_expected_mass_within_is_the_mean_over_concentrations():
    rng = np.random.default_rng(0)
    mass, z, stars = np.full(200_000, 1e13), np.full(200_000, 0.6), np.full(200_000, 1e11)
    c = concentration(mass, z) * 10 ** rng.normal(0, 0.11, mass.size)
    drawn = Haloes(0 * mass + 0j, z, mass, c, stars, mass).mass_within(20.0)
    assert expected_mass_within(20.0, 1e13, 0.6, 1e11) == pytest.approx(drawn.mean(), rel=5e-4)


@pytest.mark.reference
@pytest.mark.parametrize("z", [0.0, 0.5, 2.0])
def test_concentrations_are_colossus_dutton_maccio(z):
    from colossus.cosmology import cosmology
    from colossus.halo import concentration as reference

    planck = cosmology.setCosmology("planck18", persistence="")
    mass = np.geomspace(1e11, 1e15, 5)
    theirs = reference.concentration(mass * planck.h, "200c", z, model="dutton14")
    np.testing.assert_allclose(concentration(mass, z), theirs, rtol=0.01)  # their h is Planck18's, the paper's 0.671


def test_stars_peak_at_the_efficiency_of_moster():
    mass = np.geomspace(1e10, 1e15, 400)
    share = stellar_mass(mass, 0.0) / mass
    beta, gamma = 1.376, 0.608
    x = (beta / gamma) ** (1 / (beta + gamma))  # where the derivative of their eq. 2 is zero
    assert mass[share.argmax()] == pytest.approx(10**11.590 * x, rel=0.03)
    assert share.max() == pytest.approx(2 * 0.0351 / (x**-beta + x**gamma), rel=1e-4)
    assert share.max() < BARYONS


def test_counts_are_those_of_the_mass_function():
    """Poisson about colossus' mass function, integrated here by brute force, above three masses."""
    from colossus.cosmology import cosmology
    from colossus.lss.mass_function import massFunction

    rng, z_source, n = np.random.default_rng(1), 1.5, 40
    drawn = [MockSky(MASSES, 75.0).draw(rng, (0.5, 0.5), z_source).haloes for _ in range(n)]
    mass = np.concatenate([haloes.mass for haloes in drawn])
    h = cosmology.setCosmology("planck18", persistence="").h
    z, ln_mass = np.linspace(1e-3, z_source, 60), np.log(np.geomspace(*MASSES, 400))
    density = np.array(
        [massFunction(np.exp(ln_mass) * h, one, q_out="dndlnM", mdef="200c", model="tinker08") * h**3 for one in z]
    )
    chi = comoving_distance(z)
    for least in (10**10.5, 1e12, 1e13):
        above = np.trapezoid(density * (ln_mass >= np.log(least) - 1e-9), ln_mass)
        expected = n * np.trapezoid(above * np.pi * (75 * ARCSEC * chi) ** 2, chi)
        assert abs((mass >= least).sum() - expected) < 4 * np.sqrt(expected) + 0.01 * expected
    counts = np.array([len(haloes) for haloes in drawn])
    assert 0.5 < counts.var() / counts.mean() < 1.7


def test_mock_positions_fill_the_aperture_evenly():
    haloes = MockSky(MASSES, 75.0).draw(np.random.default_rng(2), (0.5, 0.5), 3.0).haloes
    assert np.abs(haloes.theta).max() < 75
    assert np.mean(np.abs(haloes.theta) ** 2) == pytest.approx(75**2 / 2, rel=0.1)
    assert abs(np.mean(haloes.theta)) < 5
    assert (haloes.stellar_mass <= BARYONS * haloes.mass).all()


def test_the_sheets_make_up_for_the_haloes():
    """Mean convergence on the axis over many cones, shell by shell, evaluated halo by halo."""
    rng, sky, z_source, n = np.random.default_rng(3), MockSky(MASSES, 75.0), 2.0, 400
    edges = shell_edges(0.5, z_source, 2)
    sums = np.zeros((n, 5))
    for k in range(n):
        haloes = sky.draw(rng, (0.5, 0.5), z_source).haloes
        haloes = haloes.take(haloes.z < z_source - LEAST_SEPARATION)
        on_axis = np.zeros((1, 1, 1), complex)
        kappa = haloes.dark_matter(z_source).convergence(on_axis) + haloes.galaxies(z_source).convergence(on_axis)
        sums[k] = np.bincount(np.searchsorted(edges, haloes.z) - 1, kappa.ravel(), 5)
    sheets = mean_convergence(*sky.mean_mass(), edges, z_source)
    assert sheets.sum() == pytest.approx(0.11, abs=0.03)
    error = sums.std(axis=0) / np.sqrt(n)
    assert (np.abs(sums.mean(axis=0) - sheets) < 4 * error).all()
    assert 4 * error.max() < 0.3 * sheets.sum()  # the test could fail


def test_cones_have_no_convergence_on_average():
    rng = np.random.default_rng(4)
    kappa = [LightCone(max_convergence=None).draw(rng, (0.5, 0.5), 2.0).info["cone_kappa"] for _ in range(16)]
    filled = LightCone(max_convergence=None, mean_subtracted=False).draw(np.random.default_rng(4), (0.5, 0.5), 2.0)
    assert abs(np.mean(kappa)) < 4 * np.std(kappa) / 4
    assert filled.info["cone_kappa"] - kappa[0] == pytest.approx(0.108, abs=0.02)


def test_the_table_is_the_sum_of_the_haloes():
    """To 1e-4 arcsec, but for the cells next to the cusps of massive galaxies; finer tables do better there."""
    rng = np.random.default_rng(5)
    haloes, sheet = few_haloes(rng), 0.03
    field, fine = (tabulated(haloes, sheet, 2.0, 7.0, step) for step in (0.1, 0.05))
    theta = rng.uniform(-6.9, 6.9, (50, 50)) + 1j * rng.uniform(-6.9, 6.9, (50, 50))
    direct = (
        haloes_deflection(haloes, theta, 2.0)
        - haloes_deflection(haloes, np.zeros((1, 1), complex), 2.0)
        - sheet * theta
    )
    error, finer = (np.abs(table.deflection(theta) - direct) for table in (field, fine))
    nearest = np.abs(theta[..., None] - haloes.theta).min(axis=-1)
    assert error[nearest > 1].max() < 1e-4
    assert error[nearest > 0.1].max() < 6e-3
    assert finer[nearest > 0.1].max() < 1e-3
    assert np.mean(error > 1e-3) < 0.005
    assert np.median(error) < 1e-6


def test_haloes_in_one_plane_add():
    """A cone with all of its haloes at the lens' redshift is one plane: the sum of haloes and lens."""
    haloes, lens = few_haloes(np.random.default_rng(6)), EllipticalPowerLaw(1.4, 0.2, 0.1)
    plane = tabulated(haloes, 0.0, 2.0, 7.0, 0.1)
    whole = Cone(0.5, 2.0, ((0.5, plane),), {}, haloes).around((lens,), 2.0)
    theta = np.linspace(-4, 4, 21)[None, :] + 1j * np.linspace(-3.9, 4, 21)[:, None]
    np.testing.assert_allclose(whole.deflection(theta), plane.deflection(theta) + lens.deflection(theta), atol=1e-12)


def test_a_lens_is_put_where_it_belongs():
    cone = LightCone(n_planes=6).draw(np.random.default_rng(7), (0.4, 0.9), 2.0)
    lens = EllipticalPowerLaw(1.4, 0.2, 0.1)
    whole = cone.around((lens,), 2.0)
    z = [z for z, _ in cone.planes]
    assert z == sorted(z)
    assert 0 < z[2] < z[3] == cone.z_lens < z[4] < z[6] < 2.0
    assert whole.deflectors[3].deflectors == (cone.planes[3][1], lens)
    assert whole.ratios[3][1] == pytest.approx(lensing_ratio(z[1], cone.z_lens, 2.0))
    on_axis = whole.deflection(np.zeros((1, 1), complex))
    assert abs(on_axis).max() < 1e-8  # rays along the axis stay there
    with pytest.raises(ValueError, match="draw another"):
        cone.around((lens,), 1.9)


def test_cones_of_several_lenses_make_a_batch():
    """Lenses that share a cone, and batches around different cones as one: each as if it were alone."""
    lenses = EllipticalPowerLaw(np.array([1.2, 1.5, 1.9])[:, None, None], 0.2, 0.1)
    theta = np.linspace(-3, 3, 15)[None, :] + 1j * np.linspace(-3, 3, 15)[:, None]
    rng = np.random.default_rng(3)
    batches = [LightCone().draw(rng, (0.3, 0.9), far).around((lenses,), far) for far in (1.8, 2.5)]
    whole = join(batches, [3, 3]).deflection(theta)
    assert whole.shape == (6, 15, 15)
    alone = [item(batch, k).deflection(theta) for batch in batches for k in range(3)]
    np.testing.assert_allclose(whole, alone, atol=1e-12)


def test_same_stream_same_cone():
    theta = np.linspace(-4, 4, 9)[None, :] + 0.5j
    one, other, third = (LightCone().draw(np.random.default_rng(seed), (0.3, 0.9), 2.5) for seed in (8, 8, 9))
    assert one.info == other.info
    assert one.info["cone"] != third.info["cone"]
    assert one.z_lens == other.z_lens
    for (_, a), (_, b) in zip(one.planes, other.planes, strict=True):
        assert isinstance(a, DeflectionField)
        np.testing.assert_array_equal(a.deflection(theta), b.deflection(theta))


def test_cones_too_dense_are_drawn_again(monkeypatch):
    rng = np.random.default_rng(9)
    kappa = [LightCone(max_convergence=1e-3, step=0.5).draw(rng, (0.5, 0.5), 2.0).info["cone_kappa"] for _ in range(4)]
    assert max(kappa) <= 1e-3
    monkeypatch.setattr("lenssbi.populations.light_cones.cone.ATTEMPTS", 3)
    with pytest.raises(InputError, match="raise max_convergence"):
        LightCone(max_convergence=1e-3, step=0.5, mean_subtracted=False).draw(rng, (0.5, 0.5), 2.0)


def test_more_planes_change_little():
    """The same haloes in 8 planes and in 40."""
    lens = EllipticalPowerLaw(1.8, 0.2, 0.1)
    theta = np.linspace(-3, 3, 20)[None, :] + 1j * np.linspace(-3, 3, 20)[:, None]
    few, many = (LightCone(n_planes=n).draw(np.random.default_rng(1), (0.5, 0.5), 2.0) for n in (8, 40))
    assert few.info["n_haloes"] == many.info["n_haloes"]
    difference = few.around((lens,), 2.0).deflection(theta) - many.around((lens,), 2.0).deflection(theta)
    assert np.sqrt(np.mean(np.abs(difference) ** 2)) < 0.01


@pytest.mark.parametrize("z_lens", [0.02, 0.5, 1.999])
def test_shells_and_planes(z_lens):
    edges = shell_edges(z_lens, 2.0, 3)
    assert edges.shape == (8,)
    assert edges[[0, 7]] == pytest.approx([0, 2.0])
    assert (np.diff(edges) > 0).all()
    assert edges[3] < z_lens < edges[4]
    assert edges[4] - edges[3] <= 2 * GROUP * (1 + z_lens) + 1e-12
    for side in (slice(3), slice(4, 7)):
        thickness = np.diff(comoving_distance(edges))[side]
        np.testing.assert_allclose(thickness, thickness.mean(), rtol=1e-2)
    z = plane_redshifts(edges, z_lens)
    assert ((edges[:-1] < z) & (z < edges[1:])).all()
    assert z[3] == z_lens
    assert comoving_distance(z[0]) == pytest.approx(0.75 * comoving_distance(edges[1]), rel=1e-3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "catsim"},
        {"path": "cone.csv"},
        {"masses": (1e12, 1e12)},
        {"n_planes": 5},
        {"aperture": 10.0},
        {"step": 2.0},
    ],
)
def test_configurations_that_cannot_be_meant(wrong):
    with pytest.raises(ValidationError):
        LightCone(**wrong)


def test_a_lens_behind_its_source_is_refused():
    with pytest.raises(ValueError, match="behind the lens"):
        LightCone().draw(np.random.default_rng(0), (2.0, 3.0), 1.0)
