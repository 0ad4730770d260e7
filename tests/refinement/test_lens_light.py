"""Stamp in, stamp without lens light out, on made-up stamps and on two real ones."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import fftconvolve

from lenssbi.arrays import pixel_grid
from lenssbi.config import parse
from lenssbi.dataset.fits import read_stamp
from lenssbi.dataset.noise import sky_noise
from lenssbi.dataset.stamp import Stamp
from lenssbi.instrument import PSF
from lenssbi.lensing import EllipticalPowerLaw
from lenssbi.light import Sersic
from lenssbi.refinement.config import RefineConfig
from lenssbi.refinement.first_stage import first_stage
from lenssbi.refinement.lens_light import for_network, for_picture, has_lens_light, subtract_lens_light
from lenssbi.refinement.prepare import set_up
from lenssbi.status import ItemError, Status
from lenssbi.systems import LensSystem

REAL = Path(__file__).parents[3] / "shared/data/euclid_q1"
SHAPE, SCALE = (60, 60), 0.1
THETA = pixel_grid(SHAPE, SCALE)
RING = np.exp(-((np.abs(THETA) - 1.0) ** 2) / (2 * 0.15**2)) * (THETA.real > 0.2)


def made_up(light=5.0, ring=0.5, sigma=0.05, **changes):
    image = light * np.exp(-(np.abs(THETA) ** 2) / (2 * 0.3**2)) + np.random.default_rng(2).normal(
        scale=sigma, size=SHAPE
    )
    image += ring * RING
    stamp = Stamp(image, np.full(SHAPE, sigma), np.ones(SHAPE, bool), PSF.gaussian(0.17), SCALE, "made up")
    return replace(stamp, **changes)


def test_stamp_keeps_everything_but_the_light():
    stamp = made_up(info={"ra": 12.0})
    left, fit = subtract_lens_light(stamp)
    np.testing.assert_array_equal(left.image, stamp.image - fit.model_image - fit.sky)
    np.testing.assert_array_equal(left.noise, np.hypot(stamp.noise, fit.extra_noise))
    assert (left.name, left.psf, left.pixel_scale) == (stamp.name, stamp.psf, stamp.pixel_scale)
    assert left.info["ra"] == 12.0
    assert left.info["lens_light_subtracted"]
    centre = np.abs(THETA) < 0.5
    assert np.abs(left.image[centre]).max() < 5 * 0.05
    bright = RING > 0.2
    # The blunt half ring ends within the galaxy; `tests/light/test_mge.py` holds thinner arcs to 4 per cent.
    assert left.image[bright].sum() == pytest.approx(0.5 * RING[bright].sum(), rel=0.08)


def test_masked_pixels_stay_masked_and_finite():
    stamp = made_up()
    mask = stamp.mask.copy()
    mask[:3] = False
    image = np.where(mask, stamp.image, np.nan)
    left, _ = subtract_lens_light(replace(stamp, image=image, mask=mask))
    np.testing.assert_array_equal(left.mask, mask)
    assert np.isfinite(left.image).all()


def test_too_few_pixels_are_a_status():
    mask = np.zeros(SHAPE, bool)
    mask[0, :5] = True
    with pytest.raises(ItemError) as caught:
        subtract_lens_light(made_up(mask=mask))
    assert caught.value.status is Status.ALL_NAN


@pytest.mark.parametrize(
    ("stamp", "answer"),
    [
        ({}, True),
        ({"light": 0.0}, False),
        ({"light": 0.0, "ring": 0.0}, False),
        ({"light": 1.0, "ring": 2.0}, True),
        ({"info": {"lens_light_subtracted": True}}, False),
        ({"light": 0.0, "info": {"lens_light_subtracted": False}}, True),
    ],
)
def test_whether_there_is_lens_light(stamp, answer):
    assert has_lens_light(made_up(**stamp)) is answer


@pytest.mark.skipif(not REAL.is_dir(), reason="the real stamps of ../shared/data/euclid_q1 are not here")
@pytest.mark.parametrize(
    ("name", "arcs", "radius", "peak"),
    [
        # Peaks of the arcs as read off the image: angles from +x in degrees, at this distance [arcsec] from the centre of the light.
        ("102018665_NEG570040238507752998", (10, 185), (0.4, 1.2), 10),
        ("102020532_NEG589257492489565961", (-65, 130), (0.9, 1.7), 15),
    ],
)
def test_real_lens_keeps_its_arcs(name, arcs, radius, peak):
    whole = read_stamp(REAL / f"{name}.fits")
    stamp = whole.cut((60, 60))
    assert has_lens_light(stamp)
    sigma = stamp.noise / sky_noise(whole).ratio
    left, fit = subtract_lens_light(stamp)
    z = left.image / sigma
    theta = pixel_grid(left.shape, left.pixel_scale) - fit.centre
    near = (np.abs(theta) > radius[0]) & (np.abs(theta) < radius[1])
    for angle in arcs:
        along = near & (np.abs(np.angle(theta * np.exp(-1j * np.deg2rad(angle)))) < 0.3)
        assert z[along].max() > peak
        assert fit.arc_mask[along][z[along] > 5].all()
    empty = (np.abs(theta) < 3) & ~fit.arc_mask & left.mask
    assert np.sqrt(np.mean(z[empty] ** 2)) < 1.25
    assert np.abs(z[(np.abs(theta) < 0.4)]).max() < 5
    assert not has_lens_light(replace(left, info={}))


def test_a_network_of_observed_stamps_is_shown_the_stamp_as_it_is(monkeypatch):
    """Nothing is fitted before it is asked, whatever the stamp shows."""
    stamp = made_up()
    monkeypatch.setattr("lenssbi.refinement.lens_light.subtract_lens_light", None)
    assert for_network(stamp, sees_lens_light=True) is stamp


def test_a_model_image_is_compared_with_the_arcs_alone():
    stamp = made_up()
    shown = for_picture(stamp, (50, 50))
    assert shown.shape == (50, 50)
    assert shown.info["lens_light_subtracted"]
    assert np.abs(shown.image[23:27, 23:27]).max() < 0.1 * stamp.image.max()
    assert for_picture(shown, (50, 50)) is shown


def double(galaxy):
    """A double whose fainter image lies 0.5 arcsec from the middle, with a lens galaxy of this flux."""
    lens = EllipticalPowerLaw(1.0, 0.1, 0.0)
    lights = (Sersic(300.0, 0.1, 1.0, 0.8, 0.5, 0.5 + 0.05j),)
    fine = pixel_grid(SHAPE, SCALE, 5)
    light = LensSystem((lens,), lights).surface_brightness(fine) * 0.02**2
    light = light + Sersic(galaxy, 0.6, 3.0, 0.8, 0.2, 0j).surface_brightness(fine) * 0.02**2 if galaxy else light
    seen = fftconvolve(light, PSF.gaussian(0.17, 0.02).image, mode="same").reshape(60, 5, 60, 5).sum(axis=(1, 3))
    image = seen + np.random.default_rng(0).normal(size=SHAPE)
    return Stamp(image, np.ones(SHAPE), np.ones(SHAPE, bool), PSF.gaussian(0.17), SCALE, "double")


@pytest.mark.parametrize("galaxy", [0.0, 3000.0])
def test_an_image_near_the_middle_is_no_lens_galaxy(galaxy):
    choices = {"mass": {"shear": False}, "mesh": {"pixels": 100}, "start": {"candidates": 64}, "noise_scale": "claimed"}
    problem, _ = set_up(double(galaxy), parse(choices, RefineConfig, "test"))
    assert problem.light is not None, "both look like a lens galaxy"
    stage = first_stage(problem)
    assert (stage.likelihood.parts[0].inversion.columns is not None) == (galaxy > 0)
    assert stage.modes[0].params["einstein_radius"] == pytest.approx(1.0, abs=0.05)
