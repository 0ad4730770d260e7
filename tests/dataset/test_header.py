"""The WCS of a header, and what is said of it, is astropy's."""

import warnings

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from lenssbi.dataset.header import celestial_wcs, sky_position, wcs_keywords

STEP = 0.1 / 3600
PLACE = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 57.38, "CRVAL2": -51.0, "CRPIX1": 20.5, "CRPIX2": -900.0}
PLAIN = PLACE | {"CD1_1": -0.8 * STEP, "CD1_2": 0.6 * STEP, "CD2_1": 0.6 * STEP, "CD2_2": 0.8 * STEP}
SIP = {"CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP", "A_ORDER": 2, "A_2_0": 1e-5, "B_ORDER": 2, "B_0_2": 1e-5}
OBSERVER = {"OBSGEO-X": 1.0, "OBSGEO-Y": 2.0, "OBSGEO-Z": 3.0, "SPECSYS": "BARYCENT", "VELOSYS": 3.0, "RSUN_REF": 6.9e8}
HEADERS = {
    "plain": {},
    "turned by CROTA": {"CD1_1": None, "CD1_2": None, "CD2_1": None, "CD2_2": None, "CDELT1": -STEP, "CDELT2": STEP, "CROTA2": 30.0},
    "old equinox": {"RADESYS": "FK5", "EQUINOX": 1975.0},
    "galactic": {"CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN"},
    "declination first": {"CTYPE1": "DEC--TAN", "CTYPE2": "RA---TAN"},
    "distorted by SIP": SIP,
    "distorted by PV": {"CTYPE1": "RA---TPV", "CTYPE2": "DEC--TPV", "PV1_1": 1.0, "PV1_4": 1e-3, "PV2_1": 1.0},
    "distorted by SCAMP": {"PV1_1": 1.0, "PV1_4": 1e-3, "PV2_1": 1.0, "PV2_4": 1e-3},
    "three axes": {"WCSAXES": 3, "CTYPE3": "WAVE", "CRVAL3": 1.0, "CRPIX3": 1.0, "CDELT3": 1.0, "CUNIT3": "m"},
    "dates": {"DATE-OBS": "2024-03-01T10:00:00", "MJD-OBS": 60370.4, "TIMESYS": "UTC", "XPOSURE": 600.0, "DATE": "2024-04-01"},
    "observer": OBSERVER,
    "errors and names": {"WCSNAME": "mine", "CNAME1": "alpha", "CRDER1": 0.1, "CSYER2": 0.2, "LONPOLE": 170.0, "MJDREF": 51544.0},
}  # fmt: skip


@pytest.mark.parametrize("name", HEADERS)
def test_the_wcs_is_that_of_the_whole_header(name):
    keywords = {key: value for key, value in {**PLAIN, **HEADERS[name]}.items() if value is not None}
    others = {"OBJECT": "a lens", "EXPTIME": 600.0, "FILTER": "VIS", "LONGTEXT": "x" * 100, "BUNIT": "electron"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = WCS(fits.Header({**keywords, **others}), naxis=2)
        there = expected.pixel_to_world(31.0, 29.5).icrs
        found = celestial_wcs({**others, **keywords})
        assert wcs_keywords(found) == dict(expected.to_header(relax=True))
    np.testing.assert_allclose(sky_position(found, (60, 63)), [there.ra.deg, there.dec.deg], rtol=1e-14)


@pytest.mark.parametrize(
    "change", [{"CTYPE1": "LINEAR"}, {"CTYPE1": "RA---XXX"}, {"CUNIT1": "furlong"}, {"CD1_1": 0.0, "CD1_2": 0.0}]
)
def test_a_broken_wcs_is_none(change):
    assert celestial_wcs({**PLAIN, **change}) is None
    assert sky_position(None, (60, 63)) is None
    assert wcs_keywords(None) == {}


def test_a_card_of_something_else_does_not_break_it():
    assert celestial_wcs({**PLAIN, "HISTORY": "two\nlines"}) is not None
