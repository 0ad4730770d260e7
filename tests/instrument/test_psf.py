"""The PSF's response on the sub-grid: the pixel applied exactly once, the right way up."""

import numpy as np
import pytest
from scipy import special

from lenssbi.instrument import PSF
from lenssbi.instrument.psf import FWHM_PER_SIGMA
from lenssbi.status import InputError

FWHM, PIXEL = 0.17, 0.1


def exact_response(subgrid, reach):
    """Gaussian integrated over the pixel at 0, seen from every sub-pixel: differences of error functions."""
    n = (2 * reach + 1) * subgrid
    offset = (np.arange(n) - (n - 1) / 2) * PIXEL / subgrid
    sigma = FWHM / FWHM_PER_SIGMA
    line = special.ndtr((PIXEL / 2 - offset) / sigma) - special.ndtr((-PIXEL / 2 - offset) / sigma)
    return np.outer(line, line)


@pytest.mark.parametrize("subgrid", [1, 2, 3])
def test_optical_gaussian_equals_its_closed_form(subgrid):
    psf = PSF.gaussian(FWHM, pixel_scale=0.0125)
    np.testing.assert_allclose(psf.response(PIXEL, subgrid, 0.5), exact_response(subgrid, 5), atol=2e-4)


@pytest.mark.parametrize("kind", ["optical", "effective"])
def test_what_a_point_sends_sums_to_one(kind):
    rng = np.random.default_rng(1)
    psf = PSF(rng.uniform(0.1, 1, (9, 11)), PIXEL, kind)
    table = psf.response(PIXEL, 2, 0.6).reshape(13, 2, 13, 2)
    np.testing.assert_allclose(table.sum(axis=(0, 2)), 1, rtol=1e-12)


def test_effective_psf_is_returned_at_pixel_offsets():
    rng = np.random.default_rng(2)
    image = rng.uniform(0.1, 1, (5, 5))
    response = PSF(image, PIXEL, "effective").response(PIXEL, 1, 0.2)
    # a pixel collects light of the point at +offset through the PSF at -offset
    np.testing.assert_allclose(response, image[::-1, ::-1] / image.sum(), rtol=1e-9)


def test_optical_and_effective_descriptions_agree():
    optical = PSF.gaussian(FWHM, pixel_scale=0.0125)
    n = 101
    fine = (np.arange(n) - n // 2) * 0.0125
    sigma = FWHM / FWHM_PER_SIGMA
    line = special.ndtr((fine + PIXEL / 2) / sigma) - special.ndtr((fine - PIXEL / 2) / sigma)
    effective = PSF(np.outer(line, line), 0.0125, "effective")
    np.testing.assert_allclose(optical.response(PIXEL, 2, 0.5), effective.response(PIXEL, 2, 0.5), atol=2e-4)


def test_fwhm_is_measured():
    assert PSF.gaussian(FWHM, 0.0125).fwhm == pytest.approx(FWHM, rel=0.03)


@pytest.mark.parametrize("image", [np.ones((4, 5)), np.zeros((3, 3)), np.full((3, 3), np.nan), np.ones(3)])
def test_bad_images_are_refused(image):
    with pytest.raises(ValueError, match="PSF"):
        PSF(image, PIXEL)


def test_reading_a_file(tmp_path):
    from astropy.io import fits

    path = tmp_path / "psf.fits"
    fits.PrimaryHDU(np.ones((3, 3))).writeto(path)
    np.testing.assert_allclose(PSF.read(path, PIXEL).image, 1 / 9)
    path.write_text("not a FITS file")
    with pytest.raises(InputError, match=r"psf\.fits"):
        PSF.read(path, PIXEL)
