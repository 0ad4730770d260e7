"""Cut-outs of mosaics: the right pixels at the right place."""

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

from lenssbi.dataset.cutouts.stamp_file import read_provenance
from lenssbi.status import InputError, ItemError, Status

from . import made_up_mosaics as made_up
from .cutting import cut_at, open_one, stamp_at

PLACES = ((120.3, 90.8), (200.49, 150.51), (60.0, 180.0))  # x, y [pixels from 0]


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
