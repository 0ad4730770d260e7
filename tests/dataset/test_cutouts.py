"""Stamps out of mosaics: the right pixels, in the right place, with their noise, mask and PSF."""

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

from lenssbi.dataset.cutouts.cut import OpenTile, cut
from lenssbi.dataset.cutouts.stamp_file import read_provenance, write_stamp
from lenssbi.dataset.cutouts.targets import CutoutTarget
from lenssbi.dataset.cutouts.tiles import Layers, find_tiles
from lenssbi.dataset.fits import read_stamp
from lenssbi.status import InputError, ItemError, Status

from . import made_up_mosaics as made_up

PLACES = ((120.3, 90.8), (200.49, 150.51), (60.0, 180.0))  # x, y [pixels from 0]


def open_one(**layers):
    (tile,) = find_tiles(Layers(**layers))
    return OpenTile.open(tile)


def cut_at(opened, x, y, side=40):
    place = opened.footprint.sky(np.array([float(x)]), np.array([float(y)]))
    return cut(opened, (x, y), (place[0][0], place[1][0]), side)


def stamp_at(opened, x, y, path, side=40, name="a"):
    found = cut_at(opened, x, y, side)
    place = opened.footprint.sky(np.array([float(x)]), np.array([float(y)]))
    write_stamp(path, found, opened, CutoutTarget(name, place[0][0], place[1][0]), "key")
    return read_stamp(path)


@pytest.mark.parametrize("name", made_up.WCSES)
def test_positions_are_those_of_astropy_to_a_hundredth_of_a_pixel(name, tmp_path):
    keywords = made_up.WCSES[name]
    data = made_up.sky()
    opened = open_one(**made_up.mosaic(tmp_path, keywords, data))
    theirs = WCS(fits.Header(keywords))
    for x, y in PLACES:
        wanted = theirs.pixel_to_world(x, y).icrs
        (found_x,), (found_y,) = opened.footprint.pixels(np.array([wanted.ra.deg]), np.array([wanted.dec.deg]))
        assert (found_x, found_y) == (pytest.approx(x, abs=0.01), pytest.approx(y, abs=0.01))
        stamp = stamp_at(opened, found_x, found_y, tmp_path / "a.fits")
        # the stamp's own WCS puts the target where the pixels say that it is
        ((y0, x0),) = np.argwhere(data == fits.getdata(tmp_path / "a.fits", "SCI")[0, 0])
        own = WCS(fits.getheader(tmp_path / "a.fits", "SCI"))
        seen = own.world_to_pixel(wanted)
        np.testing.assert_allclose(seen, (x - x0, y - y0), atol=0.01)
        np.testing.assert_allclose(seen, (19.5, 19.5), atol=0.51)
        middle = SkyCoord(stamp.info["ra"], stamp.info["dec"], unit="deg")
        assert middle.separation(wanted).arcsec < 0.72 * made_up.SCALE
        assert middle.separation(own.pixel_to_world(19.5, 19.5).icrs).arcsec < 1e-4
        assert stamp.pixel_scale == pytest.approx(made_up.SCALE, rel=1e-6)


def test_pixels_are_the_same_bits(tmp_path):
    data = made_up.sky(dtype=">f4")
    opened = open_one(**made_up.mosaic(tmp_path, data=data, noise=0.5 + np.abs(made_up.sky(seed=2))))
    found = cut_at(opened, 100.5, 80.5)
    part = (slice(61, 101), slice(81, 121))
    assert found.image.astype(">f4").tobytes() == data[part].tobytes()
    assert found.image.dtype.itemsize == 4
    stamp_at(opened, 100.5, 80.5, tmp_path / "a.fits")
    with fits.open(tmp_path / "a.fits") as hdus:
        assert hdus["SCI"].data.tobytes() == data[part].tobytes()
        assert hdus["ERR"].data.tobytes() == fits.getdata(tmp_path / "rms.fits")[part].tobytes()


@pytest.mark.parametrize("dtype", ["f4", "f8", "i2", "i4", "u2"])
@pytest.mark.parametrize("compressed", [False, True])
def test_every_type_of_pixels_is_read(dtype, compressed, tmp_path):
    data = np.round(1000 + 100 * made_up.sky()).astype(dtype)
    layers = made_up.mosaic(tmp_path, data=data)
    if compressed:
        options = {} if dtype[0] != "f" else {"compression_type": "GZIP_2", "quantize_level": 0}
        image = fits.CompImageHDU(data, fits.Header(made_up.cards()), **options)
        fits.HDUList([fits.PrimaryHDU(), image]).writeto(tmp_path / "image.fits.fz")
        layers["images"] = (str(tmp_path / "image.fits.fz"),)
    opened = open_one(**layers)
    assert np.array_equal(cut_at(opened, 100.5, 80.5).image, data[61:101, 81:121])
    over = cut_at(opened, 10.5, 80.5).image
    assert np.isnan(over[:, :9]).all()
    assert np.array_equal(over[:, 9:], data[61:101, :31])


def test_a_file_that_is_compressed_as_a_whole_is_read(tmp_path):
    data = made_up.sky()
    layers = made_up.mosaic(tmp_path, data=data)
    fits.PrimaryHDU(data, fits.Header(made_up.cards())).writeto(tmp_path / "image.fits.gz")
    opened = open_one(**layers | {"images": (str(tmp_path / "image.fits.gz"),)})
    assert np.array_equal(cut_at(opened, 100.5, 80.5).image, data[61:101, 81:121])


def test_axes_of_length_one_are_passed_over(tmp_path):
    data = made_up.sky()
    layers = made_up.mosaic(tmp_path)
    more = {"CTYPE3": "FREQ", "CRVAL3": 1e9, "CRPIX3": 1.0, "CDELT3": 1.0}
    layers["images"] = (made_up.write(tmp_path / "cube.fits", data[None], made_up.cards(form="PC") | more),)
    assert np.array_equal(cut_at(open_one(**layers), 100.5, 80.5).image, data[61:101, 81:121])


@pytest.mark.parametrize("side", [39, 40])
def test_the_target_is_in_the_middle_of_odd_and_even_sides(side, tmp_path):
    opened = open_one(**made_up.mosaic(tmp_path))
    for x, y in PLACES:
        found = cut_at(opened, x, y, side)
        assert found.image.shape == (side, side)
        there = found.wcs.all_world2pix(*opened.footprint.sky(np.array([x]), np.array([y])), 0)
        assert np.abs(np.array(there) - (side - 1) / 2).max() <= 0.5 + 1e-6


class TestNoise:
    @pytest.mark.parametrize(("option", "power"), [("noise", 1), ("variance", 2), ("weight", -2)])
    def test_weight_and_variance_become_one_sigma(self, option, power, tmp_path):
        sigma = 0.5 + np.abs(made_up.sky(seed=3))
        layers = made_up.mosaic(tmp_path)
        layers.pop("noise")
        layers[option] = (made_up.write(tmp_path / "map.fits", (sigma.astype(float) ** power).astype("f4")),)
        found = cut_at(open_one(**layers), 100.5, 80.5)
        np.testing.assert_allclose(found.noise, sigma[61:101, 81:121], rtol=1e-6)
        assert found.noise.dtype.itemsize == 4

    def test_no_weight_is_no_data(self, tmp_path):
        layers = made_up.mosaic(tmp_path)
        layers.pop("noise")
        weight = np.ones(made_up.SHAPE, "f4")
        weight[70:75, 90:95] = 0
        layers["weight"] = (made_up.write(tmp_path / "map.fits", weight),)
        stamp = stamp_at(open_one(**layers), 100.5, 80.5, tmp_path / "a.fits")
        bad = np.zeros((40, 40), bool)
        bad[70 - 61 : 75 - 61, 90 - 81 : 95 - 81] = True
        assert np.array_equal(~stamp.mask, bad)
        assert np.array_equal(fits.getdata(tmp_path / "a.fits", "MASK") == 1, bad)

    def test_a_number(self, tmp_path):
        opened = open_one(**made_up.mosaic(tmp_path) | {"noise": ("0.7",)})
        assert (cut_at(opened, 100.5, 80.5).noise == 0.7).all()
        assert (stamp_at(opened, 100.5, 80.5, tmp_path / "a.fits").noise == 0.7).all()

    @pytest.mark.parametrize(("name", "power"), [("ERR", 1), ("VARIANCE", 2)])
    def test_it_may_be_in_the_image_s_file(self, name, power, tmp_path):
        layers = made_up.mosaic(tmp_path)
        layers.pop("noise")
        units = [fits.ImageHDU(made_up.sky(), fits.Header(made_up.cards()), name="SCI")]
        units.append(fits.ImageHDU(np.full(made_up.SHAPE, 0.3**power), name=name))
        fits.HDUList([fits.PrimaryHDU(), *units]).writeto(tmp_path / "both.fits")
        found = cut_at(open_one(**layers | {"images": (str(tmp_path / "both.fits"),)}), 100.5, 80.5)
        np.testing.assert_allclose(found.noise, 0.3)

    @pytest.mark.parametrize(
        ("option", "name", "advice"),
        [
            ("noise", "WHT", "--weight"),
            ("noise", "VAR", "--variance"),
            ("weight", "ERR", "--noise"),
            ("variance", "IVAR", "--weight"),
        ],
    )
    def test_a_map_of_another_kind_is_refused_by_its_name(self, option, name, advice, tmp_path):
        layers = made_up.mosaic(tmp_path)
        layers.pop("noise")
        layers[option] = (made_up.write(tmp_path / "map.fits", np.ones(made_up.SHAPE), name=name),)
        with pytest.raises(InputError, match=f"{name} is .*{advice}"):
            open_one(**layers)

    def test_there_is_none(self, tmp_path):
        layers = made_up.mosaic(tmp_path)
        layers.pop("noise")
        with pytest.raises(ItemError, match="--weight") as caught:
            open_one(**layers)
        assert caught.value.status == Status.NO_NOISE

    def test_another_shape_or_unit_is_refused(self, tmp_path):
        layers = made_up.mosaic(tmp_path, made_up.cards(BUNIT="uJy"))
        layers["noise"] = (made_up.write(tmp_path / "map.fits", np.ones((240, 299))),)
        with pytest.raises(InputError, match=r"240x299 pixels, image.fits 240x300: give one with the same pixels"):
            open_one(**layers)
        layers["noise"] = (made_up.write(tmp_path / "map.fits", np.ones(made_up.SHAPE), {"BUNIT": "mJy"}),)
        with pytest.raises(InputError, match=r"in mJy, image.fits in uJy: bring them to one unit"):
            open_one(**layers)
        layers["noise"] = (made_up.write(tmp_path / "map.fits", np.ones(made_up.SHAPE), {"BUNIT": "1e-6 Jy"}),)
        assert open_one(**layers).noise.kind == "sigma"


class TestEdges:
    def test_what_is_beyond_the_tile_is_masked(self, tmp_path):
        data = made_up.sky()
        opened = open_one(**made_up.mosaic(tmp_path, data=data))
        stamp = stamp_at(opened, 3.5, 2.5, tmp_path / "a.fits")
        assert stamp.shape == (40, 40)
        assert not stamp.mask[:17].any()
        assert not stamp.mask[:, :16].any()
        assert stamp.mask[17:, 16:].all()
        with fits.open(tmp_path / "a.fits") as hdus:
            assert np.array_equal(hdus["SCI"].data[17:, 16:], data[:23, :24])
            assert np.isnan(hdus["SCI"].data[:17]).all()
            assert np.array_equal(hdus["MASK"].data == 0, stamp.mask)
        assert read_provenance(tmp_path / "a.fits")["USABLE"] == pytest.approx(23 * 24 / 1600)

    def test_a_gap_in_the_image(self, tmp_path):
        data = made_up.sky()
        data[60:100, 60:99] = np.nan
        opened = open_one(**made_up.mosaic(tmp_path, data=data))
        with pytest.raises(ItemError) as caught:
            cut_at(opened, 80.5, 80.5)
        assert caught.value.status == Status.NO_COVERAGE
        stamp = stamp_at(opened, 105.5, 80.5, tmp_path / "a.fits")
        assert np.array_equal(stamp.mask, np.isfinite(data[61:101, 86:126]))

    def test_one_bad_pixel_at_the_target_is_no_gap(self, tmp_path):
        data = made_up.sky()
        data[80, 100] = np.nan
        assert cut_at(open_one(**made_up.mosaic(tmp_path, data=data)), 100.5, 80.5).bad.sum() == 1

    def test_places_beyond_the_tile_have_no_pixel(self, tmp_path):
        footprint = open_one(**made_up.mosaic(tmp_path)).footprint
        wcs = WCS(fits.Header(made_up.cards()))
        x = np.array([-0.6, -0.4, 299.4, 299.6, 150.0])
        y = np.array([100.0, 100.0, 100.0, 100.0, 239.6])
        found, _ = footprint.pixels(*wcs.all_pix2world(x, y, 0))
        assert np.isfinite(found).tolist() == [False, True, True, False, False]

    def test_the_other_side_of_the_sky_has_no_pixel(self, tmp_path):
        """A gnomonic projection maps the antipode of a point onto the point."""
        footprint = open_one(**made_up.mosaic(tmp_path)).footprint
        assert np.isnan(footprint.pixels(np.array([57.4 - 180, 237.4]), np.array([51.0, 51.0]))).all()

    def test_pixels_that_the_projection_distorts_are_refused(self, tmp_path):
        """In a plate carree pixels at declination 60 deg are half as wide as the header says."""
        keywords = made_up.cards(ra=57.4, dec=0.0, projection="CAR", CRPIX2=120 - 60 / made_up.STEP)
        with pytest.raises(ItemError, match=r"at the target they are 0.05x0.1 arcsec") as caught:
            cut_at(open_one(**made_up.mosaic(tmp_path, keywords)), 100.5, 80.5)
        assert caught.value.status == Status.NOT_SQUARE


class TestFlags:
    def test_bad_pixels_are_masked(self, tmp_path):
        flags = np.zeros(made_up.SHAPE, "i4")
        flags[75, 95], flags[85, 105] = 1, 64
        layers = made_up.mosaic(tmp_path) | {"flag": (made_up.write(tmp_path / "flag.fits", flags),)}
        stamp = stamp_at(open_one(**layers), 100.5, 80.5, tmp_path / "a.fits")
        assert np.argwhere(~stamp.mask).tolist() == [[14, 14], [24, 24]]
        (tile,) = find_tiles(Layers(**layers))
        some = cut_at(OpenTile.open(tile, bits=64), 100.5, 80.5)
        assert np.argwhere(some.bad).tolist() == [[24, 24]]

    def test_flags_of_objects_mark_nothing_bad(self, tmp_path):
        flags = np.zeros(made_up.SHAPE, "i4")
        flags[70:90, 90:110] = 1 << 24
        flags[75, 95] |= 1
        path = made_up.write(tmp_path / made_up.mer_name("MOSAIC-VIS-FLAG", 1), flags)
        found = cut_at(open_one(**made_up.mosaic(tmp_path) | {"flag": (path,)}), 100.5, 80.5)
        assert np.argwhere(found.bad).tolist() == [[14, 14]]
        plain = made_up.write(tmp_path / "flag.fits", flags)
        assert cut_at(open_one(**made_up.mosaic(tmp_path) | {"flag": (plain,)}), 100.5, 80.5).bad.sum() == 400

    def test_those_of_rubin(self, tmp_path):
        flags = np.full(made_up.SHAPE, 1 << 5, "i4")
        flags[75, 95] |= 1
        path = made_up.write(tmp_path / "mask.fits", flags, {"MP_BAD": 0, "MP_DETECTED": 5})
        found = cut_at(open_one(**made_up.mosaic(tmp_path) | {"flag": (path,)}), 100.5, 80.5)
        assert np.argwhere(found.bad).tolist() == [[14, 14]]

    def test_none_is_wanted(self, tmp_path):
        layers = made_up.mosaic(tmp_path)
        units = [fits.ImageHDU(made_up.sky(), fits.Header(made_up.cards()), name="SCI")]
        units.append(fits.ImageHDU(np.ones(made_up.SHAPE, "u1"), name="DQ"))
        fits.HDUList([fits.PrimaryHDU(), *units]).writeto(tmp_path / "both.fits")
        layers["images"] = (str(tmp_path / "both.fits"),)
        assert cut_at(open_one(**layers), 100.5, 80.5).bad.all()
        assert not cut_at(open_one(**layers | {"flag": ("none",)}), 100.5, 80.5).bad.any()

    def test_another_shape_is_refused(self, tmp_path):
        path = made_up.write(tmp_path / "flag.fits", np.zeros((10, 10), "i4"))
        with pytest.raises(InputError, match="mask has 10x10 pixels"):
            open_one(**made_up.mosaic(tmp_path) | {"flag": (path,)})


class TestPsf:
    def places(self, keywords=None):
        wcs = WCS(fits.Header(made_up.cards() if keywords is None else keywords))
        return [tuple(map(float, wcs.all_pix2world(x, y, 0))) for x in (50, 150, 250) for y in (40, 120, 200)]

    def test_the_nearest_of_a_grid_is_taken(self, tmp_path):
        places = self.places()
        grid = made_up.grid_of_psfs(tmp_path / "grid.fits", places)
        opened = open_one(**made_up.mosaic(tmp_path) | {"psf": (grid,)})
        for k, (ra, dec) in enumerate(places):
            found = opened.psf.at(ra + 1e-4, dec - 1e-4)
            assert found.number == k + 1
            assert found.image[3, 3] == k + 1
            assert (found.image[0] == np.float32(0.01)).all()
            seen = SkyCoord(ra, dec, unit="deg").separation(SkyCoord(ra + 1e-4, dec - 1e-4, unit="deg")).arcsec
            assert found.distance == pytest.approx(seen, abs=1e-6)
        stamp = stamp_at(opened, 150, 120, tmp_path / "a.fits")
        assert stamp.psf.image.shape == (7, 7)
        assert stamp.psf.pixel_scale == pytest.approx(0.1)
        assert read_provenance(tmp_path / "a.fits")["PSFROW"] == 5

    def test_an_empty_one_is_passed_over(self, tmp_path):
        places = self.places()
        grid = made_up.grid_of_psfs(tmp_path / "grid.fits", places)
        with fits.open(grid, mode="update") as hdus:
            hdus[1].data[7:14, 7:14] = np.nan  # the fifth
        opened = open_one(**made_up.mosaic(tmp_path) | {"psf": (grid,)})
        assert opened.psf.at(*places[4]).number in (4, 6)

    def test_a_grid_of_another_tile_is_refused(self, tmp_path):
        grid = made_up.grid_of_psfs(tmp_path / "grid.fits", self.places(made_up.cards(ra=58.0)))
        with pytest.raises(InputError, match="0% of its PSFs lie on the tile"):
            open_one(**made_up.mosaic(tmp_path) | {"psf": (grid,)})

    def test_finer_pixels_and_kind_go_along(self, tmp_path):
        keywords = {"PIXSCALE": 0.025, "PSFKIND": "optical"}
        path = made_up.write(tmp_path / "fine.fits", made_up.GAUSSIAN, keywords)
        stamp = stamp_at(open_one(**made_up.mosaic(tmp_path) | {"psf": (path,)}), 100.5, 80.5, tmp_path / "a.fits")
        assert (stamp.psf.pixel_scale, stamp.psf.kind) == (0.025, "optical")

    def test_it_may_be_compressed(self, tmp_path):
        image = fits.CompImageHDU(made_up.GAUSSIAN, compression_type="GZIP_2", quantize_level=0)
        fits.HDUList([fits.PrimaryHDU(), image]).writeto(tmp_path / "psf.fits.fz")
        opened = open_one(**made_up.mosaic(tmp_path) | {"psf": (str(tmp_path / "psf.fits.fz"),)})
        assert np.array_equal(opened.psf.at(57.4, -51.0).image, made_up.GAUSSIAN)

    def test_there_is_none(self, tmp_path):
        layers = made_up.mosaic(tmp_path)
        layers.pop("psf")
        with pytest.raises(ItemError) as caught:
            open_one(**layers)
        assert caught.value.status == Status.NO_PSF


class TestMosaicsThatCannotBeUsed:
    def test_without_a_wcs(self, tmp_path):
        with pytest.raises(InputError, match=r"image.fits: its header does not say where it is on the sky"):
            open_one(**made_up.mosaic(tmp_path, {"PIXSCALE": 0.1}))

    def test_with_pixels_that_are_not_square(self, tmp_path):
        keywords = made_up.cards(form="PC") | {"CDELT1": -2 * made_up.STEP}
        with pytest.raises(ItemError) as caught:
            open_one(**made_up.mosaic(tmp_path, keywords))
        assert caught.value.status == Status.NOT_SQUARE

    @pytest.mark.parametrize("layer", ["images", "noise", "psf"])
    def test_cut_short(self, layer, tmp_path):
        layers = made_up.mosaic(tmp_path)
        with open(layers[layer][0], "r+b") as file:
            file.truncate(3000)
        with pytest.raises(ItemError) as caught:
            open_one(**layers)
        assert caught.value.status == Status.TRUNCATED

    def test_not_fits(self, tmp_path):
        layers = made_up.mosaic(tmp_path)
        (tmp_path / "image.fits").write_text("hello")
        with pytest.raises(ItemError) as caught:
            open_one(**layers)
        assert caught.value.status == Status.NOT_FITS


def test_the_header_says_where_a_stamp_comes_from(tmp_path):
    keywords = made_up.cards(MAGZERO=24.6, EXPTIME=565.0, HISTORY="long ago", FILTER="VIS")
    opened = open_one(**made_up.mosaic(tmp_path, keywords))
    stamp = stamp_at(opened, 100.5, 80.5, tmp_path / "a.fits", name="stéphane's 7th")
    assert (stamp.zero_point, stamp.unit, stamp.band) == (24.6, "ADU/s", "VIS")
    header = fits.getheader(tmp_path / "a.fits", "SCI")
    assert header["EXPTIME"] == 565.0
    assert "HISTORY" not in header
    said = read_provenance(tmp_path / "a.fits")
    assert said["OBJECT"] == "st\\xe9phane's 7th"
    assert (said["MOSAIC"], said["NOISEFIL"], said["NOISEHOW"]) == ("image.fits", "rms.fits", "sigma")
    assert (said["MOSAIC_X"], said["MOSAIC_Y"], said["CUTSIZE"]) == (101.5, 81.5, 4.0)
    assert read_provenance(tmp_path / "image.fits") is None
    before = (tmp_path / "a.fits").read_bytes()
    stamp_at(opened, 100.5, 80.5, tmp_path / "a.fits", name="stéphane's 7th")
    assert (tmp_path / "a.fits").read_bytes() == before
