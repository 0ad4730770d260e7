"""PSF and pixel against closed forms, direct sums and each other."""

import numpy as np
import pytest
import torch
from scipy import special

from lenssbi.arrays import pixel_grid
from lenssbi.instrument import PSF
from lenssbi.instrument.psf import FWHM_PER_SIGMA
from lenssbi.rendering.blur import GaussianBlur, ImageBlur
from lenssbi.rendering.brightness import SkyPatch

CPU = torch.device("cpu")
FWHM = 0.17
SIGMA = FWHM / FWHM_PER_SIGMA


def effective(fwhm=FWHM, pixel=0.1, step=0.0125, n=48):
    """The pixel's response to a Gaussian, in closed form."""
    line = (np.arange(-n, n + 1)) * step
    sigma = fwhm / FWHM_PER_SIGMA
    share = special.ndtr((line + pixel / 2) / sigma) - special.ndtr((line - pixel / 2) / sigma)
    return PSF(np.outer(share, share), step, "effective")


def cells(field, seed=1):
    """Smooth light: a few Gaussians wider than a pixel, away from the edges, and their image in closed form."""
    rng = np.random.default_rng(seed)
    theta = pixel_grid(field.shape, field.pixel_scale, field.oversampling)
    pixels = pixel_grid(field.shape, field.pixel_scale)
    light, image = np.zeros(theta.shape), np.zeros(pixels.shape)
    half = field.pixel_scale / 2
    for _ in range(4):
        at, width = complex(*rng.uniform(-0.5, 0.5, 2)), rng.uniform(0.1, 0.2)
        light += np.exp(-0.5 * abs(theta - at) ** 2 / width**2) / (2 * np.pi * width**2) * field.cell**2
        seen = np.hypot(width, SIGMA)
        x, y = (pixels - at).real, (pixels - at).imag
        image += np.prod([special.ndtr((t + half) / seen) - special.ndtr((t - half) / seen) for t in (x, y)], axis=0)
    return torch.from_numpy(light[None]).float(), image


@pytest.mark.parametrize("oversampling", [1, 2, 3, 4])
@pytest.mark.parametrize("shape", [(30, 30), (24, 31)])
def test_gaussian_light_is_blurred_as_in_closed_form(shape, oversampling):
    field = SkyPatch(shape, 0.1, oversampling)
    light, image = cells(field)
    blurs = [GaussianBlur(field, FWHM, CPU), ImageBlur(field, PSF.gaussian(FWHM, 0.0125, 0.6), CPU)]
    for blur in [*blurs, ImageBlur(field, effective(), CPU)]:
        np.testing.assert_allclose(blur(light)[0], image, atol=1e-3 * image.max())


@pytest.mark.parametrize("make", [lambda f: GaussianBlur(f, FWHM, CPU), lambda f: ImageBlur(f, effective(), CPU)])
def test_flux_is_kept_wherever_the_cell_is(make):
    field = SkyPatch((20, 20), 0.1, 3)
    point = torch.zeros((9, 60, 60))
    for k in range(9):
        point[k, 30 + k // 3, 27 + k % 3] = 1.0
    np.testing.assert_allclose(make(field)(point).sum(dim=(1, 2)), 1.0, rtol=1e-4)


def test_light_that_leaves_does_not_return_on_the_other_side():
    field = SkyPatch((20, 20), 0.1, 3)
    light = torch.zeros((1, 60, 60))
    light[0, 0, 59] = 1.0
    for blur in (GaussianBlur(field, FWHM, CPU), ImageBlur(field, effective(), CPU)):
        image = blur(light)[0]
        assert image[:5, -5:].sum() == pytest.approx(float(image.sum()), abs=1e-5)


def test_a_lopsided_psf_points_the_right_way():
    """Against the sum over cells of the response, which `tests/instrument` holds against the definition."""
    y, x = np.mgrid[-24:25, -24:25] * 0.025
    psf = PSF(np.exp(-0.5 * ((x - 0.06) ** 2 / 0.08**2 + (y + 0.1) ** 2 / 0.12**2)), 0.025, "optical")
    field = SkyPatch((16, 16), 0.1, 3)
    light = torch.zeros((1, 48, 48))
    light[0, 20, 26] = 1.0
    image = ImageBlur(field, psf, CPU)(light)[0].numpy()
    rows, columns = np.mgrid[:16, :16]
    assert (image * columns).sum() == pytest.approx((26 - 1) / 3 + 0.6, abs=0.02)
    assert (image * rows).sum() == pytest.approx((20 - 1) / 3 - 1.0, abs=0.02)


def test_each_width_is_its_own():
    field = SkyPatch((20, 20), 0.1, 3)
    light, _ = cells(field)
    both = GaussianBlur(field, np.array([0.15, 0.25]), CPU)(light.expand(2, -1, -1))
    for image, fwhm in zip(both, (0.15, 0.25), strict=True):
        np.testing.assert_allclose(image, GaussianBlur(field, fwhm, CPU)(light)[0], atol=1e-7)
