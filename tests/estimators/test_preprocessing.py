"""Scaling of the pixels."""

import numpy as np
import pytest

from lenssbi.config import ConfigError, parse
from lenssbi.estimators.preprocessing import ImagePreprocessing, noise_level


def prepared_by(**options):
    """A preprocessing of one channel, without its axis."""
    prepare = ImagePreprocessing(**options)
    assert prepare.channels == 1
    return lambda *stamps: prepare(*stamps)[:, 0]


RNG = np.random.default_rng(1)
IMAGES = RNG.normal(0, 2, (3, 8, 8)).astype(np.float32)
NOISE = np.full((3, 8, 8), 2.0, np.float32)


def test_asinh_has_no_unit():
    prepare = prepared_by(kind="asinh", scale=1.5)
    np.testing.assert_allclose(prepare(IMAGES, NOISE), np.arcsinh(IMAGES / 2) / 1.5, rtol=1e-6)
    np.testing.assert_allclose(prepare(IMAGES * 1e-3, NOISE * 1e-3), prepare(IMAGES, NOISE), rtol=1e-5)


def test_one_noise_per_stamp_or_per_pixel():
    prepare = prepared_by()
    np.testing.assert_array_equal(prepare(IMAGES, NOISE[:, 0, 0]), prepare(IMAGES, NOISE))


def test_unit_interval_is_the_papers():
    prepared = prepared_by(kind="unit_interval")(IMAGES, NOISE)
    np.testing.assert_allclose(prepared.min(axis=(1, 2)), 0)
    np.testing.assert_allclose(prepared.max(axis=(1, 2)), 1)
    assert (prepared_by(kind="unit_interval")(np.ones((1, 4, 4)), np.ones(1)) == 0).all()


def test_asinh_map_weighs_pixel_by_pixel():
    noise = RNG.uniform(1, 5, IMAGES.shape).astype(np.float32)
    prepare = prepared_by(kind="asinh_map", scale=1.5)
    np.testing.assert_allclose(prepare(IMAGES, noise), np.arcsinh(IMAGES / noise) / 1.5, rtol=1e-5)
    np.testing.assert_allclose(prepare(IMAGES * 1e-3, noise * 1e-3), prepare(IMAGES, noise), rtol=1e-5)
    np.testing.assert_array_equal(prepare(IMAGES, NOISE), prepared_by(kind="asinh", scale=1.5)(IMAGES, NOISE))
    np.testing.assert_array_equal(prepare(IMAGES, NOISE[:, 0, 0]), prepare(IMAGES, NOISE))
    assert prepare(IMAGES, noise).dtype == np.float32


@pytest.mark.parametrize("absurd", [np.nan, np.inf, 0.0, -2.0, 1e-6, 1e30])
def test_asinh_map_trusts_no_absurd_noise(absurd):
    noise, mask = NOISE.copy(), np.ones(NOISE.shape, bool)
    noise[0, 2, 2], mask[0, 3, 3] = absurd, False
    prepared = prepared_by(kind="asinh_map")(IMAGES, noise, mask)
    np.testing.assert_allclose(prepared[0, [2, 3], [2, 3]], 0, atol=1e-6)
    expected = np.arcsinh(IMAGES / 2)
    expected[0, [2, 3], [2, 3]] = 0
    np.testing.assert_allclose(prepared, expected, atol=1e-6)  # its neighbours do not mind


@pytest.mark.parametrize("kind", ["asinh", "asinh_map", "unit_interval"])
def test_bad_pixels_become_zero(kind):
    images = IMAGES.copy()
    images[0, 0, 0], images[1, 2, 2] = np.nan, np.inf
    mask = np.ones(images.shape, bool)
    mask[2, 3, 3] = False
    prepared = prepared_by(kind=kind)(images, NOISE, mask)
    assert np.isfinite(prepared).all()
    assert prepared[0, 0, 0] == prepared[1, 2, 2] == prepared[2, 3, 3] == 0


def test_noise_level_passes_over_flagged_noise():
    noise = NOISE.copy()
    noise[0, :, :3], noise[1, 0, 0], noise[2] = np.inf, -1, np.nan
    np.testing.assert_allclose(noise_level(noise), [2, 2, 1])


def test_unknown_kind_is_refused():
    with pytest.raises(ConfigError, match="kind"):
        parse({"kind": "log"}, ImagePreprocessing, "x.yaml")
