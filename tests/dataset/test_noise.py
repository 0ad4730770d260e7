"""Noise of the sky: known noise is found again, with sources in the way and with correlated neighbours."""

from pathlib import Path

import numpy as np
import pytest

from lenssbi.arrays import pixel_grid
from lenssbi.dataset.fits import read_stamp
from lenssbi.dataset.noise import sky_noise, sky_pixels
from lenssbi.dataset.stamp import Stamp
from lenssbi.instrument import PSF
from lenssbi.status import ItemError, Status

REAL = Path(__file__).parents[3] / "shared/data/euclid_q1"
MEASURED = ("102018665_NEG570040238507752998.fits", "102020532_NEG589257492489565961.fits")  # what the bounds are of


def made_up(sigma=0.2, claimed=0.3, share=0.0, size=120, source=200.0, seed=3):
    """Noise with scatter `sigma`; `share` of each pixel goes to each of its four neighbours; a Gaussian source in the middle."""
    white = np.random.default_rng(seed).normal(size=(size, size))
    noise = white + share * sum(np.roll(white, step, axis) for step in (-1, 1) for axis in (0, 1))
    noise *= sigma / np.sqrt(1 + 4 * share**2)
    light = sigma * source * np.exp(-(np.abs(pixel_grid((size, size), 0.1)) ** 2) / (2 * 0.5**2))
    image = noise + light + 0.05
    return Stamp(image, np.full(image.shape, claimed), np.ones(image.shape, bool), PSF.gaussian(0.17), 0.1, "made up")


def test_white_noise_is_found():
    found = sky_noise(made_up())
    assert found.sigma == pytest.approx(0.2, rel=0.03)
    assert found.extended == pytest.approx(0.2, rel=0.08)
    assert found.ratio == pytest.approx(1.5, rel=0.03)
    assert found.level == pytest.approx(0.05, abs=0.01)
    assert abs(found.correlation) < 0.03


def test_correlated_noise_is_found():
    share = 0.15
    found = sky_noise(made_up(share=share))
    assert found.sigma == pytest.approx(0.2, rel=0.04)
    assert found.correlation == pytest.approx(2 * share / (1 + 4 * share**2), abs=0.03)
    # Shared noise does not average out: the sum of all correlations says how much of it is left.
    assert found.extended == pytest.approx(0.2 * (1 + 4 * share) / np.sqrt(1 + 4 * share**2), rel=0.12)


def test_sources_and_flagged_pixels_are_no_sky():
    stamp = made_up()
    stamp.mask[:20] = False
    stamp.image[:20] = np.nan
    sky = sky_pixels(stamp)
    assert not sky[:20].any()
    assert not sky[np.abs(pixel_grid(stamp.shape, 0.1)) < 1.0].any()
    assert sky[30:].mean() > 0.8


def test_uneven_noise_map_gives_its_median():
    stamp = made_up(source=0.0)
    factor = np.where(np.arange(120) < 40, 2.0, 1.0)[:, None]
    object.__setattr__(stamp, "image", (stamp.image - 0.05) * factor)
    object.__setattr__(stamp, "noise", stamp.noise * factor)
    found = sky_noise(stamp)
    assert found.claimed == pytest.approx(0.3)
    assert found.ratio == pytest.approx(1.5, rel=0.03)


def test_too_little_sky_is_a_status():
    with pytest.raises(ItemError) as caught:
        sky_noise(made_up(size=15))
    assert caught.value.status is Status.NO_SKY


@pytest.mark.skipif(not REAL.is_dir(), reason="the real stamps of ../shared/data/euclid_q1 are not here")
@pytest.mark.parametrize("name", MEASURED)
def test_real_sky(name):
    found = sky_noise(read_stamp(REAL / name))
    assert 1.4 < found.ratio < 1.65
    assert 0.18 < found.correlation < 0.42
    assert 0.8 < found.extended / found.claimed < 1.0


def test_a_faint_ring_is_no_noise():
    plain = made_up(source=0.0)
    distance = np.abs(pixel_grid(plain.shape, 0.1))
    ring = 0.14 * np.exp(-0.5 * ((distance - 2.5) / 0.25) ** 2)  # 0.7 sigma in a pixel: no mean of 5 x 5 stands out
    found = sky_noise(Stamp(plain.image + ring, plain.noise, plain.mask, plain.psf, 0.1, "ring"))
    assert found.extended < 1.35 * sky_noise(plain).extended
    assert found.pixels > 0.7 * plain.image.size
