"""Values that stand for missing data are no light."""

import numpy as np
import pytest

from lenssbi.dataset.usable import usable_pixels

SHAPE = (60, 60)


def sky(level=0.0, seed=0):
    return level + np.random.default_rng(seed).normal(size=SHAPE)


def usable(image, noise=None, bad=None):
    noise = np.ones(SHAPE) if noise is None else noise
    return usable_pixels(image, noise, np.zeros(SHAPE, bool) if bad is None else bad)


@pytest.mark.parametrize(
    ("value", "level"), [(-99.0, 0.0), (-999.0, 0.0), (-1e30, 0.0), (0.0, 30.0), (-32768.0, 1000.0), (-9.0, 0.0)]
)
def test_rows_of_one_value_below_the_sky(value, level):
    image = sky(level)
    image[:4] = value
    image[:, -2:] = value
    expected = np.ones(SHAPE, bool)
    expected[:4] = expected[:, -2:] = False
    np.testing.assert_array_equal(usable(image), expected)


def test_two_values_for_missing_data():
    image = sky()
    image[0], image[1] = -99.0, -999.0
    assert usable(image)[2:].all()
    assert not usable(image)[:2].any()


def test_a_single_pixel_far_below_the_sky():
    image = sky()
    image[3, 4] = -2000.0
    assert not usable(image)[3, 4]
    assert usable(image).sum() == image.size - 1


def test_light_and_what_is_left_of_a_bad_subtraction_stay():
    image = sky()
    image[20:30, 20:30] += 1000.0
    image[40, 40:43] = [-20.0, -21.0, -22.0]
    assert usable(image).all()
    assert usable(np.round(sky(100.0))).all(), "whole numbers repeat themselves"
    assert usable(np.where(np.arange(60) < 30, 0.0, 100.0)[:, None] + np.zeros(SHAPE)).all(), (
        "and so do images without noise"
    )


def test_noise_and_mask():
    noise, bad = np.ones(SHAPE), np.zeros(SHAPE, bool)
    noise[0, :4], bad[1, :3] = [0.0, -1.0, np.inf, 1e16], True
    image = sky()
    image[2, :2] = np.nan
    found = usable(image, noise, bad)
    assert found.sum() == image.size - 9
    assert not usable(image, np.zeros(SHAPE)).any()
