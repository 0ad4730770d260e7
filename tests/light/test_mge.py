"""The lens's light: recovered behind arcs, neighbours and bad pixels, and nothing else taken off."""

import numpy as np
import pytest

from lenssbi.arrays import pixel_grid
from lenssbi.instrument import PSF
from lenssbi.light.blurred import BlurredGaussians
from lenssbi.light.lens_light_options import LensLightOptions
from lenssbi.light.mge import fit_lens_light

SCALE, SHAPE, NOISE = 0.1, (80, 80), 0.01
CENTRE = 0.04 - 0.03j
BLUR = BlurredGaussians(PSF.gaussian(0.17).response(SCALE, 2, 0.6), 2, SCALE, SHAPE)
THETA = pixel_grid(SHAPE, SCALE)
WHOLE = np.ones(SHAPE, bool)
FAST = LensLightOptions(gaussians=10, ellipses=1)


def lens(q=0.7, phi=0.4):
    """Widths that are none of the fit's own."""
    return np.tensordot([3.0, 8.0, 9.0, 5.0], BLUR.columns(np.array([0.03, 0.18, 0.45, 0.9]), q, phi, CENTRE), 1)


def arcs(peak=0.15):
    """A long arc and its counter-image on a ring of 1.2 arcsec."""
    angle = np.angle(THETA)
    ring = np.exp(-((np.abs(THETA) - 1.2) ** 2) / (2 * 0.12**2))
    return (
        peak
        * ring
        * (np.exp(-((angle - 0.5) ** 2) / (2 * 0.6**2)) + 0.7 * np.exp(-((angle + 2.6) ** 2) / (2 * 0.25**2)))
    )


def stamp(light, seed=0, noise=NOISE):
    sigma = np.sqrt(noise**2 + np.clip(light, 0, None) * 1e-4)
    return light + sigma * np.random.default_rng(seed).normal(size=SHAPE), sigma


def fit(light, options=FAST, mask=None, **kwargs):
    image, sigma = stamp(light, **kwargs)
    return fit_lens_light(image, sigma, WHOLE if mask is None else mask, BLUR, options)


def test_light_without_arcs():
    found = fit(lens())
    np.testing.assert_allclose(found.model_image, lens(), atol=0.05 * lens().max())
    assert abs(found.centre - CENTRE) < 0.003
    assert found.q[0] == pytest.approx(0.7, abs=0.02)
    assert found.phi[0] == pytest.approx(0.4, abs=0.03)
    inner = np.abs(THETA) < 2  # further out, light and sky are one
    assert found.model_image[inner].sum() == pytest.approx(lens()[inner].sum(), rel=0.02)
    assert found.chi2 == pytest.approx(1, abs=0.06)
    assert found.arc_mask.mean() < 0.03
    assert found.core_radius == 0


@pytest.mark.parametrize("ellipses", [1, 2])
def test_arcs_keep_their_flux(ellipses):
    options = LensLightOptions(gaussians=10, ellipses=ellipses)
    light = lens() + arcs()
    image, _ = stamp(light)
    found = fit(light, options)
    bright = arcs() > 2 * NOISE
    left = image - found.model_image - found.sky
    assert left[bright].sum() == pytest.approx(arcs()[bright].sum(), rel=0.04)
    assert found.arc_mask[bright].mean() > 0.99
    assert abs(found.centre - CENTRE) < 0.005
    assert (found.amplitudes >= 0).all()
    assert found.chi2 == pytest.approx(1, abs=0.06)


def test_twisted_isophotes_need_a_second_ellipse():
    inner = np.tensordot([4.0, 8.0, 4.0], BLUR.columns(np.array([0.1, 0.2, 0.3]), 0.6, 0.1, CENTRE), 1)
    outer = np.tensordot([10.0, 20.0, 10.0], BLUR.columns(np.array([0.6, 0.8, 1.0]), 0.7, 1.2, CENTRE), 1)
    image, sigma = stamp(inner + outer, noise=0.003)
    core = np.abs(THETA) < 1
    missed = []
    for ellipses in (1, 2):
        found = fit_lens_light(image, sigma, WHOLE, BLUR, LensLightOptions(gaussians=10, ellipses=ellipses))
        missed.append(((found.model_image + found.sky - inner - outer) / sigma)[core].std())
    assert missed[0] > 1.5
    assert missed[1] < 0.5 * missed[0]


def test_neighbour_and_bad_pixels_do_not_matter():
    mask = WHOLE.copy()
    mask[37:39, 44:47] = False
    light = lens() + 20 * BLUR.columns(np.array([0.25]), 0.8, 0.0, 2.6 + 2.2j)[0]
    image, sigma = stamp(light)
    image[~mask], sigma[~mask] = np.nan, np.inf
    found = fit_lens_light(image, sigma, mask, BLUR, FAST)
    clean = fit(lens())
    np.testing.assert_allclose(found.model_image, clean.model_image, atol=5 * NOISE)
    assert found.arc_mask[np.abs(THETA - 2.6 - 2.2j) < 0.5].all()


def test_scale_of_flux_and_noise_does_not_matter():
    image, sigma = stamp(lens() + arcs())
    plain = fit_lens_light(image, sigma, WHOLE, BLUR, FAST)
    scaled = fit_lens_light(1e4 * image, 1e4 * sigma, WHOLE, BLUR, FAST)
    np.testing.assert_allclose(scaled.model_image, 1e4 * plain.model_image, rtol=1e-3)
    np.testing.assert_array_equal(scaled.arc_mask, plain.arc_mask)


@pytest.mark.parametrize("sky", [-10.0, 1.0, 10.0])
def test_a_sky_of_up_to_a_thousand_sigma_changes_nothing_else(sky):
    image, sigma = stamp(lens() + arcs())
    plain = fit_lens_light(image, sigma, WHOLE, BLUR, FAST)
    high = fit_lens_light(image + sky, sigma, WHOLE, BLUR, FAST)
    np.testing.assert_allclose(high.model_image, plain.model_image, atol=0.05 * NOISE)
    assert high.sky == pytest.approx(plain.sky + sky, abs=0.01 * NOISE)
    assert (high.arc_mask != plain.arc_mask).sum() <= 3


def test_sky_is_not_lens():
    found = fit(lens() + 0.03)
    assert found.sky == pytest.approx(0.03, abs=0.004)
    assert found.model_image[THETA.real**2 > 3.5**2].max() < 0.02


def test_nothing_in_the_stamp_gives_nothing():
    found = fit(np.zeros(SHAPE))
    assert found.model_image.max() < 5 * NOISE
    blank = fit_lens_light(np.zeros(SHAPE), np.full(SHAPE, NOISE), WHOLE, BLUR, FAST)
    assert blank.model_image.max() < 1e-6 * NOISE


def test_core_that_no_ellipse_follows_gets_more_noise():
    spoke = np.where((np.abs(THETA - CENTRE) < 0.25) & (THETA.real > CENTRE.real), 0.4, 0.0)
    found = fit(3 * lens() + spoke)
    assert 0.1 <= found.core_radius <= 0.6
    assert found.extra_noise[np.abs(THETA - CENTRE) < 0.1].min() > NOISE
    assert (found.extra_noise[np.abs(THETA - CENTRE) > found.core_radius + 0.2] == 0).all()


def test_field_is_the_middle_of_a_large_stamp():
    wide = np.zeros((121, 140))
    wide[20:100, 30:110] = stamp(lens())[0]
    found = fit_lens_light(wide, np.full(wide.shape, NOISE), np.ones(wide.shape, bool), BLUR, FAST)
    assert found.model_image.shape == found.arc_mask.shape == found.extra_noise.shape == wide.shape
    assert not found.arc_mask[:9].any()
    # 121 rows: the lens is half a pixel below the middle.
    assert abs(found.centre - (CENTRE - 0.05j)) < 0.01


def test_too_few_pixels_are_refused():
    mask = np.zeros(SHAPE, bool)
    mask[:1, :8] = True
    with pytest.raises(ValueError, match="8 usable pixels"):
        fit(lens(), mask=mask)


@pytest.mark.parametrize(
    "bad", [{"gaussians": 1}, {"ellipses": 0}, {"clip": 0.0}, {"field": -1.0}, {"model_error": -0.1}]
)
def test_options_are_checked(bad):
    with pytest.raises(ValueError, match="got"):
        LensLightOptions(**bad)


@pytest.mark.parametrize("place", [-1.8 + 0.1j, 0.1 + 1.8j])
def test_a_brighter_neighbour_does_not_draw_the_centre_to_itself(place):
    """It moved by 0.3 arcsec a round, until the neighbour was taken for the lens galaxy."""
    faint = 0.02 * lens()
    neighbour = 3.0 * np.exp(-0.5 * (np.abs(THETA - place) / 0.25) ** 2)
    found = fit(faint + neighbour, LensLightOptions(gaussians=10, ellipses=2))
    assert abs(found.centre - CENTRE) < 0.5
