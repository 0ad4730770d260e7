"""Light cones out of catalogues: both layouts, their units, and what is wrong with a file."""

import h5py
import numpy as np
import pytest

from lenssbi.populations.cosmology import critical_surface_density
from lenssbi.populations.light_cones import Haloes, LightCone
from lenssbi.populations.light_cones.catalogues import CATSIM_UNIT, COSMODC2, catalogue_sky, read_catsim, read_cosmodc2
from lenssbi.populations.light_cones.mock import MockSky
from lenssbi.populations.light_cones.planes import LEAST_SEPARATION
from lenssbi.status import InputError

MASSES = (10**10.5, 10**14.5)


def catsim_rows(rng, n=400):
    mass = 10 ** rng.uniform(0.5, 3.5, n)
    return np.stack(
        [10 + rng.uniform(-0.1, 0.1, n), rng.uniform(-0.1, 0.1, n), rng.uniform(0.1, 3, n), 0.01 * mass, mass], axis=1
    )


def write_catsim(path, rows, header="#dec, ra, mass_halo, gal_type, redshift, mass_stellar"):
    ra, dec, z, stars, mass = rows.T
    columns = {"ra": ra, "dec": dec, "redshift": z, "mass_stellar": stars, "mass_halo": mass}
    names = [name.strip() for name in header.lstrip("#").split(",")]
    lines = [", ".join(f"{columns[n][i]:.6f}" if n in columns else "nan" for n in names) for i in range(len(rows))]
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def write_cosmodc2(path, rng, n=300, leave_out=None):
    host = np.arange(n)
    ids = np.concatenate([host, host[: n // 2]])  # half of the haloes have a satellite
    columns = dict.fromkeys(COSMODC2)
    columns["ra_true"] = np.concatenate([150 + rng.uniform(-0.1, 0.1, n), np.full(n // 2, 150.0)])
    columns["dec_true"] = np.concatenate([60 + rng.uniform(-0.05, 0.05, n), np.full(n // 2, 60.0)])
    columns["redshiftHubble"] = rng.uniform(0.2, 2, n)[ids]
    columns["isCentral"] = np.arange(len(ids)) < n
    columns["uniqueHaloID"] = 1000 + ids
    columns["hostHaloMass"] = (10 ** rng.uniform(11, 13.5, n))[ids]
    columns["diskMassStellar"] = np.full(len(ids), 3e9)
    columns["spheroidMassStellar"] = np.full(len(ids), 1e9)
    columns["morphology/diskHalfLightRadiusArcsec"] = np.full(len(ids), 0.8)
    columns["morphology/spheroidHalfLightRadiusArcsec"] = np.full(len(ids), 0.4)
    with h5py.File(path, "w") as file:
        for name, values in columns.items():
            if name != leave_out:
                file[f"galaxyProperties/{name}"] = values
    return path


def test_catsim_layout(tmp_path):
    rows = catsim_rows(np.random.default_rng(10))
    haloes, ids = read_catsim(write_catsim(tmp_path / "cone.csv", rows))
    np.testing.assert_allclose(haloes.mass, rows[:, 4] * 1e10 / 0.73, rtol=1e-5)
    np.testing.assert_allclose(haloes.stellar_mass, 0.01 * haloes.mass, rtol=1e-2, atol=1e6)
    np.testing.assert_array_equal(ids, np.arange(len(rows)))
    separation = (haloes.theta[0] - haloes.theta[1]) / 3600
    across = (rows[0, 0] - rows[1, 0]) * np.cos(np.radians(rows[0, 1]))
    assert separation == pytest.approx(-across + 1j * (rows[0, 1] - rows[1, 1]), abs=1e-6)


def test_cosmodc2_layout_counts_each_halo_once(tmp_path):
    haloes, ids = read_cosmodc2(write_cosmodc2(tmp_path / "z_0_1.hdf5", np.random.default_rng(11)))
    assert len(haloes) == len(np.unique(ids)) == 300
    with h5py.File(tmp_path / "z_0_1.hdf5") as file:
        native = file["galaxyProperties/hostHaloMass"][:300]
    np.testing.assert_allclose(haloes.mass, native / 0.71)
    np.testing.assert_allclose(haloes.effective_radius, 0.7)
    np.testing.assert_allclose(haloes.stellar_mass, 4e9)
    assert np.ptp(haloes.theta.real) == pytest.approx(720 * np.cos(np.radians(60)), rel=0.02)
    both, _ = read_cosmodc2(tmp_path)
    assert len(both) == 300


@pytest.mark.parametrize("kind", ["catsim", "cosmodc2"])
def test_a_catalogue_cone_is_centred_on_a_galaxy_that_is_not_in_it(tmp_path, kind):
    rng = np.random.default_rng(12)
    path = tmp_path / "catalogue"
    path = write_catsim(path, catsim_rows(rng)) if kind == "catsim" else write_cosmodc2(path, rng)
    config = LightCone(kind=kind, path=str(path), host_mass=1e12, aperture=60.0, max_convergence=None)
    cones = [config.draw(rng, (0.4, 1.2), 1.8) for _ in range(4)]
    assert len({cone.info["cone"] for cone in cones}) > 1
    sky = catalogue_sky(kind, str(path), config.masses, 60.0, 1e12)
    for cone in cones:
        host = np.flatnonzero(sky.catalogue.ids == int(cone.info["cone"].split("-")[1])).item()
        assert sky.catalogue.haloes.mass[host] >= 1e12
        assert cone.z_lens == sky.catalogue.haloes.z[host]
        assert 0.4 <= cone.z_lens <= 1.2
        assert sky.catalogue.depth[host] >= 60
        away = np.abs(sky.catalogue.haloes.theta - sky.catalogue.haloes.theta[host])
        expected = away[(away < 60) & (away > 0) & (sky.catalogue.haloes.z < 1.8 - LEAST_SEPARATION)]
        np.testing.assert_allclose(np.sort(np.abs(cone.haloes.theta)), np.sort(expected), rtol=1e-9)


def test_mean_mass_of_a_field_is_that_around_random_places(tmp_path):
    rng = np.random.default_rng(13)
    path = write_catsim(tmp_path / "cone.csv", catsim_rows(rng, 3000))
    sky = catalogue_sky("catsim", str(path), MASSES, 60.0, 1e12)
    z, mass = sky.mean_mass()
    field = sky.catalogue.haloes
    places = rng.uniform(-290, 290, 400) + 1j * rng.uniform(-290, 290, 400)
    found = []
    for place in places:
        haloes = field.take(sky.catalogue.within(place, 60.0))
        distance = (place - haloes.theta)[:, None, None]
        at_zero = Haloes(0 * haloes.theta, *list(vars(haloes).values())[1:])
        kappa = at_zero.dark_matter(5.0).convergence(distance) + at_zero.galaxies(5.0).convergence(distance)
        found.append((kappa.ravel() * critical_surface_density(haloes.z, 5.0)).sum())
    assert z[-1] >= field.z.max()
    assert np.mean(found) == pytest.approx(mass[-1], abs=4 * np.std(found) / 20)
    assert 4 * np.std(found) / 20 < 0.5 * mass[-1]


def test_bad_catalogues_are_named(tmp_path):
    rng = np.random.default_rng(14)
    rows = catsim_rows(rng)
    header = "#ra, dec, redshift, mass_stellar, mass"
    foreign = write_catsim(tmp_path / "foreign.csv", rows, header)
    with pytest.raises(InputError, match=r"foreign\.csv.*mass_halo"):
        read_catsim(foreign)
    with pytest.raises(InputError, match=r"gone\.csv.*check the path"):
        read_catsim(tmp_path / "gone.csv")
    words = tmp_path / "words.csv"
    words.write_text("#ra, dec, redshift, mass_stellar, mass_halo\n1, 2, three, 4, 5\n")
    with pytest.raises(InputError, match=r"words\.csv.*numbers"):
        read_catsim(words)
    holes = tmp_path / "holes.csv"
    holes.write_text("#ra, dec, redshift, mass_stellar, mass_halo\n1, 2, nan, 4, 5\n")
    with pytest.raises(InputError, match=r"holes\.csv.*finite"):
        read_catsim(holes)
    binary = tmp_path / "binary.csv"
    binary.write_bytes(bytes(range(256)))
    with pytest.raises(InputError, match=r"binary\.csv"):
        read_catsim(binary)
    with pytest.raises(InputError, match=r"foreign\.csv.*HDF5"):
        read_cosmodc2(foreign)
    other = write_cosmodc2(tmp_path / "other.hdf5", rng, leave_out="hostHaloMass")
    with pytest.raises(InputError, match=r"other\.hdf5.*hostHaloMass"):
        read_cosmodc2(other)
    truncated = tmp_path / "truncated.hdf5"
    truncated.write_bytes(other.read_bytes()[:3000])
    with pytest.raises(InputError, match=r"truncated\.hdf5"):
        read_cosmodc2(truncated)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match=r"empty.*\*\.hdf5"):
        read_cosmodc2(empty)
    path = str(write_catsim(tmp_path / "good.csv", rows))
    with pytest.raises(InputError, match="lower host_mass"):
        LightCone(kind="catsim", path=path, host_mass=1e16).draw(rng, (0.3, 1.0), 2.0)
    with pytest.raises(InputError, match="widen masses"):
        LightCone(kind="catsim", path=path, masses=(1e15, 2e15)).draw(rng, (0.3, 1.0), 2.0)


@pytest.mark.reference
def test_the_real_catsim_field(shared_data):
    path = shared_data / "lightcone" / "lsst_catsim_cone.csv"
    haloes, ids = read_catsim(path)
    assert len(haloes) == len(ids) == 34331
    particles = haloes.mass[haloes.mass < 1e12] / CATSIM_UNIT / 0.0860657
    assert (
        np.percentile(np.abs(particles - particles.round()), 99) < 0.01
    )  # whole particles of the Millennium simulation
    sky = catalogue_sky("catsim", str(path), MASSES, 75.0, 10**12.5)
    assert sky.catalogue.outline.volume == pytest.approx(720**2, rel=0.01)
    rng = np.random.default_rng(15)
    mine = [MockSky(MASSES, 75.0).draw(rng, (0.5, 0.5), 2.0).haloes for _ in range(10)]
    expected = np.mean([(h.mass > 1e11).sum() for h in mine]) / (np.pi * 75**2) * 720**2
    found = ((haloes.mass > 1e11) & (haloes.z < 2.0)).sum()
    assert 0.5 < found / expected < 2
    cone = LightCone(kind="catsim", path=str(path)).draw(rng, (0.3, 0.8), 2.0)
    assert cone.info["cone"].startswith("catsim-")
    assert 400 < cone.info["n_haloes"] < 1200
