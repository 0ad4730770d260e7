"""Noise, flags and PSFs of cut-outs."""

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

from lenssbi.dataset.cutouts.cut import OpenTile
from lenssbi.dataset.cutouts.stamp_file import read_provenance
from lenssbi.dataset.cutouts.tiles import Layers, find_tiles
from lenssbi.status import InputError, ItemError, Status

from . import made_up_mosaics as made_up
from .cutting import cut_at, open_one, stamp_at


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
