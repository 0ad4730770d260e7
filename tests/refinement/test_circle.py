"""The circle estimate: rings, doubles, lone arcs, neighbours, nothing at all."""

from dataclasses import replace

import numpy as np
import pytest

from lenssbi.arrays import pixel_grid
from lenssbi.dataset.stamp import Stamp
from lenssbi.instrument import PSF
from lenssbi.refinement.circle import fit_circle
from lenssbi.status import ItemError, Status

THETA = pixel_grid((80, 80), 0.1)


def stamp_of(light, seed=0):
    image = light + np.random.default_rng(seed).normal(size=light.shape)
    mask = np.ones(light.shape, bool)
    return Stamp(image, np.ones(light.shape), mask, PSF.gaussian(0.17), 0.1, "test")


def ring(radius, centre=0j, width=0.12):
    return 20 * np.exp(-0.5 * ((np.abs(THETA - centre) - radius) / width) ** 2)


def blob(place, flux=20.0, width=0.15):
    return flux * np.exp(-0.5 * (np.abs(THETA - place) / width) ** 2)


@pytest.mark.parametrize("radius", [0.4, 1.0, 2.4])
def test_a_ring_gives_its_radius(radius):
    circle = fit_circle(stamp_of(ring(radius, 0.05 - 0.1j)), THETA.real > -9)
    assert circle.radius == pytest.approx(radius, abs=0.05)
    assert circle.centre == pytest.approx(0.05 - 0.1j, abs=0.06)
    assert circle.error < 0.15


def test_a_double_gives_half_its_separation():
    light = blob(1.4 + 0.2j, 40.0) + blob(-0.6 - 0.1j, 15.0)
    assert fit_circle(stamp_of(light), THETA.real > -9).radius == pytest.approx(1.0, abs=0.12)


def test_a_lone_arc_is_an_outer_image():
    circle = fit_circle(stamp_of(blob(1.2 + 0.3j)), THETA.real > -9)
    assert 0.6 < circle.radius < 1.24
    assert circle.error > 0.1


def test_a_neighbour_pulls_little():
    alone = fit_circle(stamp_of(ring(1.0)), THETA.real > -9)
    beside = fit_circle(stamp_of(ring(1.0) + blob(3.0 + 2.5j)), THETA.real > -9)
    assert beside.radius == pytest.approx(alone.radius, abs=0.1)


def test_faint_arcs_are_found_in_the_smoothed_image():
    assert fit_circle(stamp_of(0.1 * ring(1.2, width=0.2)), THETA.real > -9).radius == pytest.approx(1.2, abs=0.2)


def test_masked_pixels_do_not_count():
    stamp = stamp_of(ring(1.0) + 1000 * blob(0j))
    assert fit_circle(stamp, np.abs(THETA) > 0.7).radius == pytest.approx(1.0, abs=0.05)
    bad = np.abs(THETA - 2j) < 0.3
    flagged = replace(stamp, image=np.where(bad, np.nan, stamp.image), mask=~bad)
    assert fit_circle(flagged, np.abs(THETA) > 0.7).radius == pytest.approx(1.0, abs=0.05)


def test_an_empty_stamp_says_so():
    with pytest.raises(ItemError) as caught:
        fit_circle(stamp_of(np.zeros(THETA.shape)), THETA.real > -9)
    assert caught.value.status is Status.NO_ARCS


def test_a_ring_that_no_pixel_shows_is_found_in_the_smoothed_image():
    side = 80
    theta = pixel_grid((side, side), 0.1)
    ring = 0.8 * np.exp(-0.5 * ((np.abs(theta) - 2.0) / 0.35) ** 2)
    image = ring + np.random.default_rng(1).normal(size=ring.shape)
    faint = Stamp(image, np.ones_like(image), np.ones(image.shape, bool), PSF.gaussian(0.17), 0.1, "faint")
    found = fit_circle(faint, np.abs(theta) < 3.5)
    assert found.arcs.sum() > 30
    assert found.radius == pytest.approx(2.0, abs=0.15)
