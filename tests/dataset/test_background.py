"""The sky is taken off, whatever it was, and nothing else is."""

from dataclasses import replace

import numpy as np
import pytest

from lenssbi.arrays import pixel_grid
from lenssbi.dataset.background import measure_sky, subtract_sky
from lenssbi.dataset.fits import read_stamp
from lenssbi.dataset.stamp import Stamp
from lenssbi.instrument import PSF as PointSpread

from .made_up_fits import PSF, image, stamp

SHAPE = (100, 90)


def lens(sigma=0.3, seed=0):
    """A galaxy, a ring, and a neighbour at the edge, in noise; 0 is the true sky."""
    theta = pixel_grid(SHAPE, 0.1)
    light = 200 * np.exp(-np.abs(theta) / 0.3) + 8 * np.exp(-0.5 * ((np.abs(theta) - 1.4) / 0.15) ** 2)
    light += 60 * np.exp(-np.abs(theta - (3.9 + 4j)) / 0.3)
    data = sigma * (light + np.random.default_rng(seed).normal(size=SHAPE))
    return Stamp(data, np.full(SHAPE, sigma), np.ones(SHAPE, bool), PointSpread(PSF, 0.1), 0.1, "lens")


def slope(x, y):
    return pixel_grid(SHAPE, 2.0 / SHAPE[1]).real * x + pixel_grid(SHAPE, 2.0 / SHAPE[0]).imag * y


def test_no_sky_is_left_alone():
    plain = lens()
    found = subtract_sky(plain)
    np.testing.assert_array_equal(found.image, plain.image)
    assert found.info["background"] == 0
    assert found.flags == ()


@pytest.mark.parametrize("offset", [-1000.0, -30.0, 0.5, 1.0, 30.0, 100.0, 1000.0])
@pytest.mark.parametrize("gradient", [(0.0, 0.0), (0.5, -0.3)])
def test_a_sky_is_taken_off(offset, gradient):
    """Left over are less than the 0.1 sigma that do not matter to a network."""
    plain = lens()
    sky = offset * plain.noise * (1 + slope(*gradient))
    found = subtract_sky(replace(plain, image=plain.image + sky))
    assert np.abs(found.image - plain.image).max() < 0.15 * 0.3
    assert found.flags == (("background_removed",) if abs(offset) > 3 else ())
    assert found.info["background"] == pytest.approx(np.abs(sky / 0.3).max(), rel=0.05, abs=0.2)


def test_a_gradient_alone_is_taken_off():
    plain = lens()
    found = subtract_sky(replace(plain, image=plain.image + 0.3 * slope(20.0, 15.0)))
    assert np.abs(found.image - plain.image).max() < 0.15 * 0.3


def test_masked_pixels_are_not_looked_at():
    plain = lens()
    mask = plain.mask.copy()
    mask[:, :30] = False
    bare = replace(plain, mask=mask, image=np.where(mask, plain.image + 30.0, 0.0))
    found = subtract_sky(bare)
    assert np.abs(found.image - plain.image)[mask].max() < 0.15 * 0.3
    assert (found.image[~mask] == 0).all()


def test_little_sky_is_no_measure():
    small = lens().cut((15, 15))
    assert measure_sky(small) is None
    assert subtract_sky(small) is small


def test_a_level_within_the_error_of_its_mean_is_no_sky():
    """Of 400 pixels the mean is known to a twentieth of a sigma."""
    noise = [np.random.default_rng(i).normal(size=(20, 20)) for i in range(30)]
    small = lens().cut((20, 20))
    found = [subtract_sky(replace(small, image=one, noise=np.ones((20, 20)))).info["background"] for one in noise]
    assert np.mean(np.array(found) > 0) <= 0.1


def test_an_image_without_noise_keeps_its_galaxy():
    theta = pixel_grid(SHAPE, 0.1)
    clean = replace(lens(), image=200 * np.exp(-np.abs(theta) / 0.3))
    found = subtract_sky(clean)
    np.testing.assert_array_equal(found.image, clean.image)
    assert found.flags == ("noise_doubtful",)


def test_files_are_levelled(tmp_path):
    plain = read_stamp(stamp(tmp_path / "a.fits"))
    high = read_stamp(stamp(tmp_path / "b.fits", data=image() + 500.0))
    assert np.abs(high.image - plain.image).max() < 0.2
    assert high.flags == ("background_removed",)
    assert plain.flags == ()
