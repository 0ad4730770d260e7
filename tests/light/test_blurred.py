"""Gaussians behind a PSF against closed forms and against a sum over the sub-grid."""

import numpy as np
import pytest
from scipy.special import ndtr

from lenssbi.arrays import pixel_grid
from lenssbi.instrument import PSF
from lenssbi.light.blurred import WIDE, BlurredGaussians

SCALE = 0.1
FWHM = 0.17
SHAPE = (61, 70)


def blur(psf=None, subgrid=2, radius=0.6, shape=SHAPE):
    psf = psf or PSF.gaussian(FWHM, radius=1.0)
    return BlurredGaussians(psf.response(SCALE, subgrid, radius), subgrid, SCALE, shape)


def closed_form(sigma, q, centre, shape=SHAPE):
    """A Gaussian along the axes, behind a Gaussian PSF, integrated over the pixels."""
    theta = pixel_grid(shape, SCALE) - centre
    psf = FWHM / np.sqrt(8 * np.log(2))

    def part(x, width):
        return ndtr((x + SCALE / 2) / width) - ndtr((x - SCALE / 2) / width)

    return part(theta.real, np.hypot(sigma / np.sqrt(q), psf)) * part(theta.imag, np.hypot(sigma * np.sqrt(q), psf))


@pytest.mark.parametrize("sigma", [0.001, 0.05, 0.2, 0.55, 0.65, 1.5])
@pytest.mark.parametrize("q", [1.0, 0.5])
def test_closed_form(sigma, q):
    centre = 0.123 - 0.047j
    found = blur().columns(np.array([sigma]), q, 0.0, centre)[0]
    expected = closed_form(sigma, q, centre)
    # The response reaches 0.6 arcsec, 8 sigma of the PSF; the sub-grid of 2 leaves 0.2 per cent of the peak of a point.
    np.testing.assert_allclose(found, expected, atol=(2e-3 if sigma < 0.04 else 3e-4) * expected.max())


def test_turning_by_a_right_angle():
    shape = (61, 61)
    along_x = blur(shape=shape).columns(np.array([0.1, 1.0]), 0.4, 0.0, 0.2 + 0.1j)
    along_y = blur(shape=shape).columns(np.array([0.1, 1.0]), 0.4, np.pi / 2, 0.1 + 0.2j)
    np.testing.assert_allclose(along_x, along_y.transpose(0, 2, 1), atol=1e-12)


def test_flux_is_one():
    columns = blur().columns(np.geomspace(0.01, 0.6, 6), 0.7, 0.5, 0.03j)
    np.testing.assert_allclose(columns.sum(axis=(1, 2)), 1, atol=2e-3)


def lopsided_psf():
    """A measured-looking PSF without any symmetry, its centroid off the middle."""
    y, x = np.mgrid[-7:8, -7:8] * 0.1
    image = np.exp(-((x - 0.02) ** 2 + (y + 0.01) ** 2 + 0.6 * x * y) / (2 * 0.09**2))
    return PSF(image + 0.01 * np.exp(-(np.abs(x - 0.1) + np.abs(y)) / 0.2), SCALE, "effective")


def test_equals_the_sum_over_the_subgrid():
    subgrid, reach, shape = 4, 6, (21, 23)
    psf = lopsided_psf()
    q, phi, centre, sigma = 0.7, 0.6, 0.033 - 0.121j, 0.12
    found = blur(psf, subgrid, reach * SCALE, shape).columns(np.array([sigma]), q, phi, centre)[0]
    padded = (shape[0] + 2 * reach, shape[1] + 2 * reach)
    delta = (pixel_grid(padded, SCALE, subgrid) - centre) * np.exp(-1j * phi)
    light = (
        np.exp(-(q * delta.real**2 + delta.imag**2 / q) / (2 * sigma**2))
        / (2 * np.pi * sigma**2)
        * (SCALE / subgrid) ** 2
    )
    response = psf.response(SCALE, subgrid, reach * SCALE)
    n = response.shape[0]
    windows = np.lib.stride_tricks.sliding_window_view(light, (n, n))[::subgrid, ::subgrid]
    np.testing.assert_allclose(found, np.einsum("yxij,ij->yx", windows, response), atol=1e-12)


def test_wide_gaussians_keep_the_centroid():
    """The short cut for wide Gaussians follows a lopsided PSF as the Fourier transform does."""
    sigmas = np.array([0.999, 1.001]) * WIDE * SCALE
    narrow, wide = blur(lopsided_psf(), shape=(121, 121)).columns(sigmas, 0.8, 0.3, 0.05 + 0.02j)
    theta = pixel_grid((121, 121), SCALE)
    assert (wide * theta).sum() / wide.sum() == pytest.approx((narrow * theta).sum() / narrow.sum(), abs=1e-3)
    np.testing.assert_allclose(narrow, wide, atol=0.01 * wide.max())


@pytest.mark.parametrize("centre", [2.9 + 2.9j, -9.0 + 0j, 100 + 100j])
def test_centre_near_and_beyond_the_edge(centre):
    found = blur().columns(np.array([0.1]), 0.8, 0.0, centre)[0]
    expected = closed_form(0.1, 0.8, centre)
    np.testing.assert_allclose(found, expected, atol=3e-4 * 0.3)
