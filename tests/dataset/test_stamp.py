"""Stamps check themselves."""

import numpy as np
import pytest
from astropy.wcs import WCS

from lenssbi.dataset import Stamp
from lenssbi.instrument import PSF


def stamp(shape=(6, 8), **changes):
    fields = {"image": np.arange(float(np.prod(shape))).reshape(shape), "noise": np.ones(shape)}
    fields |= {"mask": np.ones(shape, bool), "psf": PSF.gaussian(0.17), "pixel_scale": 0.1, "name": "a"}
    return Stamp(**{**fields, **changes})


def test_cut_keeps_the_centre():
    cut = stamp().cut((2, 4))
    np.testing.assert_array_equal(cut.image, stamp().image[2:4, 2:6])
    assert stamp().cut((6, 8)).shape == (6, 8)


def test_an_odd_cut_of_an_even_side_moves_the_centre_by_half_a_pixel():
    np.testing.assert_array_equal(stamp().cut((5, 8)).image, stamp().image[:5])


def test_a_cut_keeps_the_place_on_the_sky():
    own = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRPIX1": 3.0, "CRPIX2": 4.5, "CDELT1": -1e-4, "CDELT2": 1e-4}
    cut = stamp(info={"wcs": own}).cut((2, 4))
    there = WCS(own).wcs_pix2world(2 + np.arange(4), 2 + np.zeros(4), 0)
    np.testing.assert_allclose(WCS(cut.info["wcs"]).wcs_pix2world(np.arange(4), np.zeros(4), 0), there, atol=1e-12)


def test_a_larger_cut_is_refused():
    with pytest.raises(ValueError, match="cannot cut"):
        stamp().cut((8, 8))


def test_extent_is_centred():
    assert stamp().extent == pytest.approx((-0.4, 0.4, -0.3, 0.3))


@pytest.mark.parametrize(
    "changes",
    [{"noise": np.ones((6, 7))}, {"noise": np.zeros((6, 8))}, {"image": np.full((6, 8), np.nan)}, {"pixel_scale": 0.0}],
)
def test_broken_stamps_are_refused(changes):
    with pytest.raises(ValueError):
        stamp(**changes)


def test_masked_pixels_may_be_anything():
    image, mask = np.zeros((6, 8)), np.ones((6, 8), bool)
    image[0, 0], mask[0, 0] = np.nan, False
    assert stamp(image=image, mask=mask).mask.sum() == 47
