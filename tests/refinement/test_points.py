"""Lensed quasars are told from lensed galaxies by the image alone."""

import numpy as np
import pytest
from scipy.signal import fftconvolve

from lenssbi.arrays import pixel_grid
from lenssbi.config import parse
from lenssbi.dataset.stamp import Stamp
from lenssbi.instrument import PSF
from lenssbi.lensing import EllipticalPowerLaw
from lenssbi.lensing.images import image_positions
from lenssbi.light import Gaussian, Sersic
from lenssbi.refinement.config import RefineConfig
from lenssbi.refinement.points import find_points
from lenssbi.refinement.prepare import refine_stamp
from lenssbi.systems import LensSystem

SIDE, SCALE, FINE = 50, 0.1, 10
LENS = EllipticalPowerLaw(1.0, 0.15, 0.1)
SPREAD = PSF.gaussian(0.17, SCALE / FINE).image
THETA = pixel_grid((SIDE, SIDE), SCALE)
NEAR = np.abs(THETA) < 2.0


def seen(light, significance, seed=0, spread=SPREAD):
    """Light on the fine grid behind the PSF, in noise of one, at this significance."""
    blurred = fftconvolve(light, spread, mode="same").reshape(SIDE, FINE, SIDE, FINE).sum(axis=(1, 3))
    return blurred * significance / np.linalg.norm(blurred) + np.random.default_rng(seed).normal(size=(SIDE, SIDE))


def quasar(place, significance, seed=0, spread=SPREAD):
    """Images of a point source, each in the fine pixel where it falls."""
    light = np.zeros((SIDE * FINE, SIDE * FINE))
    images = image_positions(LENS, place, 3.0)
    for theta, magnification in zip(images.theta, images.magnification, strict=True):
        step = SCALE / FINE
        light[int((theta.imag + 2.5) / step), int((theta.real + 2.5) / step)] += abs(magnification)
    return seen(light, significance, seed, spread), len(images.theta)


def galaxy(source, significance, seed=0):
    return seen(
        LensSystem((LENS,), (source,)).surface_brightness(pixel_grid((SIDE, SIDE), SCALE, FINE)), significance, seed
    )


def look(image):
    return find_points(image, np.ones_like(image), NEAR, PSF.gaussian(0.17), SCALE)


@pytest.mark.parametrize("significance", [80.0, 200.0, 800.0])
@pytest.mark.parametrize("place", [0.03 + 0.02j, 0.02 - 0.05j, 0.3 + 0.1j, -0.25j])
def test_images_of_a_point_are_points(place, significance):
    image, count = quasar(place, significance)
    found = look(image)
    assert found.explain
    assert 2 <= found.number <= count
    assert found.significance == pytest.approx(significance, rel=0.05)


def test_a_psf_that_is_a_few_per_cent_off_changes_nothing():
    image, _ = quasar(0.03 + 0.02j, 300.0, spread=PSF.gaussian(0.174, SCALE / FINE).image)
    assert look(image).explain


@pytest.mark.parametrize("significance", [30.0, 60.0, 200.0, 800.0])
@pytest.mark.parametrize("radius", [0.08, 0.2, 0.4])
@pytest.mark.parametrize("place", [0.03 + 0.02j, 0.3 + 0.1j])
def test_images_of_a_galaxy_are_not(place, radius, significance):
    for seed in range(3):
        assert not look(galaxy(Sersic(1.0, radius, 1.0, 0.8, 0.5, place), significance, seed)).explain


@pytest.mark.parametrize("seed", range(5))
def test_noise_and_one_point_are_not(seed):
    assert not look(np.random.default_rng(seed).normal(size=(SIDE, SIDE))).explain
    light = np.zeros((SIDE * FINE, SIDE * FINE))
    light[333, 222] = 1.0
    found = look(seen(light, 300.0, seed))
    assert (found.number, found.explain) == (1, False)


@pytest.mark.parametrize("points", [True, False])
def test_a_fit_says_so(points):
    image = quasar(0.03 + 0.02j, 150.0)[0] if points else galaxy(Gaussian(1.0, 0.15, 0.8, 0.5, 0.03 + 0.02j), 150.0)
    ones = np.ones_like(image)
    stamp = Stamp(image, ones, ones > 0, PSF.gaussian(0.17), SCALE, "made up", info={"lens_light_subtracted": True})
    choices = {"mass": {"shear": False}, "mesh": {"pixels": 64}, "start": {"candidates": 64}, "noise_scale": "claimed"}
    choices |= {"prior": {"mode": "broad"}, "sampler": {"importance_n_eff": 50}}
    fit = refine_stamp(stamp, parse(choices, RefineConfig, "test"))
    assert ("point_images" in fit.flags) is points
