"""Maps as lenses: files, what is fitted to them, what is drawn from them."""

import numpy as np
import pytest
from astropy.io import fits

from lenssbi.arrays import pixel_grid
from lenssbi.batching import item
from lenssbi.config import ConfigError, parse
from lenssbi.lensing import EllipticalPowerLaw, critical_curves, equivalent_einstein_radius
from lenssbi.parameters import axis_ratio, ellipticity
from lenssbi.populations.hydro import MapMass
from lenssbi.populations.hydro.atlas import einstein_circle
from lenssbi.populations.hydro.maps import files_of, maps_of_archive, maps_of_image
from lenssbi.populations.hydro.mass import convergence_maps, map_atlas
from lenssbi.populations.hydro.mock import mock_particles
from lenssbi.populations.hydro.snapshots import write_particles
from lenssbi.populations.truth import fit_convergence
from lenssbi.status import InputError

TRUE = {"einstein_radius": 1.1, "q": 0.7, "phi": 0.6, "centre": 0.21 - 0.13j}


def a_sie_map(shape=(240, 240), pixel_scale=0.05):
    """Pixel averages of an SIE cut off on one of its own ellipses, beyond which shells deflect nothing (Bourassa & Kantowski 1975)."""
    e = complex(ellipticity(np.asarray(TRUE["q"]), np.asarray(TRUE["phi"])))
    sie = EllipticalPowerLaw(TRUE["einstein_radius"], e.real, e.imag, 2.0, TRUE["centre"])

    def averages(theta, subgrid):
        z = (theta - TRUE["centre"]) * np.exp(-1j * TRUE["phi"])
        kappa = sie.convergence(theta) * (np.hypot(TRUE["q"] * z.real, z.imag) < 3.8)
        ny, nx = (n // subgrid for n in theta.shape)
        return kappa.reshape(ny, subgrid, nx, subgrid).mean(axis=(1, 3))

    kappa = averages(pixel_grid(shape, pixel_scale, 4), 4)
    # the singular centre needs more: 8 x 8 pixels around it again
    theta = pixel_grid(shape, pixel_scale)
    row, column = (i - 4 for i in np.unravel_index(np.argmax(kappa), shape))
    middle = theta[row : row + 8, column : column + 8].mean()
    kappa[row : row + 8, column : column + 8] = averages(middle + pixel_grid((8, 8), pixel_scale, 80), 80)
    return kappa


@pytest.fixture(scope="module")
def sie_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("maps") / "sie_kappa_maps.npz"
    np.savez(path, kappa_maps=a_sie_map()[None], pixel_scale=0.05)
    return path


def draw(mass, n, seed=0):
    return mass.draw(np.random.default_rng(seed), n, np.full(n, 0.5), np.full(n, 2.0))


@pytest.mark.parametrize("model", ["sie", "power_law"])
def test_an_sie_map_gives_its_truth_back(sie_file, model):
    """Unturned, unscaled: the fit is the SIE that the map was made of, to 1 per cent."""
    fit = {name: values[0] for name, values in map_atlas(MapMass(maps=(sie_file,), model=model)).fits.items()}
    e = fit["e1"] + 1j * fit["e2"]
    assert fit["einstein_radius"] == pytest.approx(TRUE["einstein_radius"], rel=0.01)
    assert fit["slope"] == pytest.approx(2.0, abs=0.02)
    assert axis_ratio(e) == pytest.approx(TRUE["q"], abs=0.01)
    assert np.angle(e) / 2 == pytest.approx(TRUE["phi"], abs=0.01)
    assert fit["centre_x"] + 1j * fit["centre_y"] == pytest.approx(TRUE["centre"], abs=0.01)


def test_deflections_of_a_turned_mirrored_stretched_map_are_the_sies(sie_file):
    """The whole chain, from a file to alpha, against the closed form with the drawn parameters."""
    (field,), params, info = draw(MapMass(maps=(sie_file,), centre_sigma=0.2), 8)
    assert set(np.sign(field.mirror.ravel())) == {-1, 1}
    assert all(1.3 <= r <= 2.6 for r in params["einstein_radius"])
    np.testing.assert_allclose(axis_ratio(params["e1"] + 1j * params["e2"]), TRUE["q"], atol=0.01)
    rest = {name: values[:, None, None] for name, values in params.items() if name in ("einstein_radius", "e1", "e2")}
    centre = (params["centre_x"] + 1j * params["centre_y"])[:, None, None]
    truth = EllipticalPowerLaw(**rest, centre=centre)
    rings = np.linspace(0.3, 2.0, 6)[:, None] * np.exp(2j * np.pi * np.arange(24) / 24)
    theta = centre + rest["einstein_radius"] * rings
    error = np.abs(field.deflection(theta) - truth.deflection(theta)) / rest["einstein_radius"]
    assert error.max() < 0.01
    assert set(info["lens"]) == {"sie-0"}
    assert set(info["lens_kind"]) == {"map"}
    np.testing.assert_allclose(info["lens_stretch"], params["einstein_radius"] / 1.1, rtol=0.01)


def test_parameters_are_those_of_a_fit_to_the_lens_as_drawn():
    mass = MapMass(mock_galaxies=1, model="power_law")
    (field,), params, info = draw(mass, 3, seed=4)
    assert set(info["lens_kind"]) == {"mock"}
    for i in range(3):
        one = {name: values[i] for name, values in params.items()}
        centre = one["centre_x"] + 1j * one["centre_y"]
        fit = fit_convergence(item(field, i), "power_law", 1.1 * one["einstein_radius"], centre + 0.05)
        assert fit["einstein_radius"] == pytest.approx(one["einstein_radius"], rel=0.01)
        assert fit["slope"] == pytest.approx(one["slope"], abs=0.02)
        assert fit["e1"] + 1j * fit["e2"] == pytest.approx(one["e1"] + 1j * one["e2"], abs=0.015)
        assert fit["centre_x"] + 1j * fit["centre_y"] == pytest.approx(centre, abs=0.01)


def test_without_a_range_maps_keep_their_size(sie_file):
    (_,), params, info = draw(MapMass(maps=(sie_file,), einstein_radius=None, centre_sigma=0), 5)
    np.testing.assert_allclose(params["einstein_radius"], 1.1, rtol=0.01)
    np.testing.assert_array_equal(info["lens_stretch"], 1)
    np.testing.assert_array_equal(params["centre_x"], 0)


def test_draws_repeat_and_the_atlas_is_made_once(sie_file):
    mass = MapMass(maps=(sie_file,))
    assert map_atlas(mass) is map_atlas(MapMass(maps=(sie_file,)))
    first, again = draw(mass, 4, seed=9), draw(mass, 4, seed=9)
    for name, values in first[1].items():
        np.testing.assert_array_equal(values, again[1][name])


def test_mock_galaxies_are_lenses_of_the_wanted_kind():
    atlas = map_atlas(MapMass(mock_galaxies=1, projections=2, einstein_radius=None, q=(0.1, 1.0)))
    assert atlas.names.tolist() == ["mock-0-a", "mock-0-b"]
    assert np.all((atlas.fits["einstein_radius"] > 0.8) & (atlas.fits["einstein_radius"] < 2.2))
    q = axis_ratio(atlas.fits["e1"] + 1j * atlas.fits["e2"])
    assert np.all((q > 0.5) & (q < 1))
    # the fit to the convergence is no fit to the deflection: where the core is soft, they part
    curves = [critical_curves(item(atlas.field, i), 3.0) for i in range(2)]
    np.testing.assert_allclose(atlas.fits["einstein_radius"], list(map(equivalent_einstein_radius, curves)), rtol=0.04)


def test_snapshots_maps_and_images_in_one_folder(tmp_path):
    galaxy = mock_particles(0)
    write_particles(tmp_path / "tng.hdf5", galaxy)
    np.savez(tmp_path / "archive.npz", a=a_sie_map((200, 180), 0.06), pixel_scale=0.06)
    header = fits.Header({"CD1_1": -0.08 / 3600, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 0.08 / 3600})
    header.update({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"})
    fits.PrimaryHDU(a_sie_map((120, 120), 0.08), header).writeto(tmp_path / "image.fits")
    (tmp_path / "notes.txt").write_text("not a map")
    mass = MapMass(maps=(tmp_path,), einstein_radius=None, q=(0.1, 1.0))
    names = [one.name for one in convergence_maps(mass)]
    assert names == ["archive", "image", "tng-a", "tng-b"]
    atlas = map_atlas(mass)
    assert atlas.names.tolist() == names
    # maps of different shapes and scales in one table
    np.testing.assert_allclose(atlas.fits["einstein_radius"][:2], 1.1, rtol=0.01)
    # as the same galaxy gives without a file: same directions from the same seed
    mock = map_atlas(MapMass(mock_galaxies=1, einstein_radius=None, q=(0.1, 1.0)))
    np.testing.assert_allclose(atlas.fits["einstein_radius"][2:], mock.fits["einstein_radius"], rtol=1e-3)


def test_files_of_one_snapshot_belong_together(tmp_path):
    for name in ("snap.0.hdf5", "snap.1.hdf5", "snap.10.hdf5", "other.hdf5"):
        (tmp_path / name).touch()
    together = [[path.name for path in paths] for paths in files_of(tmp_path)]
    assert sorted(map(len, together)) == [1, 3]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no \.npz.* in it"):
        files_of(tmp_path / "empty")
    with pytest.raises(InputError, match="no such file or folder"):
        files_of(tmp_path / "missing")


def test_the_tng_maps(shared_data):
    """Einstein radii of the data's README; its fourth, 0.19, is a satellite's: the galaxy itself has 0.88."""
    maps = maps_of_archive(shared_data / "hydro/tng100_kappa_maps.npz", 0.06, (0.5, 2.0))
    assert [one.name for one in maps] == [f"tng100-{i}" for i in range(4)]
    radii = [einstein_circle(one.kappa, one.pixel_scale)[0] for one in maps]
    np.testing.assert_allclose(radii, [0.94, 0.54, 0.75, 0.88], rtol=0.1)
    (masses,) = maps_of_archive(shared_data / "hydro/tng_galaxy_components_z0p3.npz", None, (0.5, 2.0))
    assert einstein_circle(masses.kappa, masses.pixel_scale)[0] == pytest.approx(0.79, rel=0.1)


def test_the_light_eagle_galaxy_is_left_out(shared_data):
    mass = MapMass(maps=(shared_data / "hydro",), pixel_scale=0.06)
    atlas = map_atlas(mass)
    assert "tng100-0" in atlas.names
    assert "tng100-1" in atlas.left_out  # too small to become 2.6 arcsec
    assert any(name.startswith("eagle") and "mean convergence" in why for name, why in atlas.left_out.items())


def test_maps_of_one_name_are_refused(sie_file, tmp_path):
    (tmp_path / sie_file.name).write_bytes(sie_file.read_bytes())
    with pytest.raises(InputError, match="sie-0: two maps have this name"):
        draw(MapMass(maps=(sie_file, tmp_path)), 1)


def test_no_map_left_says_why(sie_file):
    with pytest.raises(InputError, match=r"no map .* is left .*sie-0: its axis ratio 0.70 is outside \(0.8, 1.0\)"):
        draw(MapMass(maps=(sie_file,), q=(0.8, 1.0)), 1)
    with pytest.raises(InputError, match="would have to be stretched"):
        draw(MapMass(maps=(sie_file,), einstein_radius=(5.0, 6.0)), 1)


def test_archives_that_cannot_be_used(tmp_path):
    def use(pixel_scale=None, **arrays):
        np.savez(tmp_path / "a.npz", **arrays)
        return maps_of_archive(tmp_path / "a.npz", pixel_scale, (0.5, 2.0))

    kappa = np.ones((32, 32))
    with pytest.raises(InputError, match="set pixel_scale"):
        use(kappa=kappa)
    with pytest.raises(InputError, match="no array of two or three axes"):
        use(0.06, line=np.ones(4))
    with pytest.raises(InputError, match="not finite"):
        use(0.06, kappa=kappa * np.nan)
    with pytest.raises(InputError, match="16 pixels or more"):
        use(0.06, kappa=np.ones((3, 3)))
    with pytest.raises(InputError, match="pixel_scale is above 0"):
        use(kappa=kappa, pixel_scale=-1.0)
    with pytest.raises(InputError, match="edges do not fit"):
        use(stars=kappa, edges=np.arange(10.0))
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04 and then nothing")
    with pytest.raises(InputError, match=r"a\.npz: not a numpy archive"):
        maps_of_archive(tmp_path / "a.npz", 0.06, (0.5, 2.0))


@pytest.mark.filterwarnings("ignore:File may have been truncated")
def test_images_that_cannot_be_used(tmp_path):
    path = tmp_path / "i.fits"
    fits.PrimaryHDU(np.ones((32, 32))).writeto(path)
    with pytest.raises(InputError, match="set pixel_scale"):
        maps_of_image(path, None)
    (one,) = maps_of_image(path, 0.05)
    assert (one.name, one.pixel_scale) == ("i", 0.05)
    fits.PrimaryHDU(np.ones(32)).writeto(path, overwrite=True)
    with pytest.raises(InputError, match="no image of two axes"):
        maps_of_image(path, 0.05)
    path.write_text("SIMPLE? no")
    with pytest.raises(InputError, match="not a FITS file"):
        maps_of_image(path, 0.05)
    fits.PrimaryHDU(np.ones((64, 64))).writeto(path, overwrite=True)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(InputError, match=r"i\.fits"):
        maps_of_image(path, 0.05)


def test_configurations_that_mean_nothing():
    for wrong in ({"einstein_radius": [2, 1]}, {"maps": []}, {"map_z_source": 0.3}, {"model": "nfw"}):
        with pytest.raises(ConfigError):
            parse({"kind": "map", **wrong}, MapMass, "test")
    read = parse({"kind": "map", "maps": ["a.npz"], "galaxies": [[1, 0]]}, MapMass, "test")
    assert read.galaxies == ((1, 0),)
