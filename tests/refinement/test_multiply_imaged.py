"""Where a source is seen more than once: closed forms of the isothermal sphere, and what a posterior makes of them."""

from functools import partial

import numpy as np
import pytest

from lenssbi.arrays import pixel_grid
from lenssbi.dataset.stamp import Stamp
from lenssbi.flags import Flag
from lenssbi.instrument import PSF
from lenssbi.posteriors import DiagonalMixture
from lenssbi.refinement.config import RefineConfig
from lenssbi.refinement.multiply_imaged import multiply_imaged
from lenssbi.refinement.observation import observe, seen_through
from lenssbi.refinement.prepare import contradicts, set_up

TURNS = np.exp(1j * np.linspace(0, 2 * np.pi, 7))


def learned(radius, sigma=1e-4, e1=0.0, e2=0.0, **more):
    names = ("einstein_radius", "e1", "e2", *more)
    means = np.array([[radius, e1, e2, *more.values()]])
    sigmas = np.array([[sigma, *[1e-4] * (2 + len(more))]])
    return DiagonalMixture(means, sigmas, names, ("arcsec",) + ("",) * (2 + len(more)))


@pytest.mark.parametrize("radius", [0.4, 1.0, 2.3])
def test_a_sphere_shows_two_images_within_twice_its_radius(radius):
    """A source behind an isothermal sphere has two images if it lies within the Einstein radius: at most at twice that."""
    for share, expected in ((0.3, 1.0), (0.8, 1.0), (1.2, 1.0), (1.8, 1.0), (2.0 + 0.2 / radius, 0.0), (3.0, 0.0)):
        np.testing.assert_array_equal(multiply_imaged(learned(radius), 0j, share * radius * TURNS), expected)


def test_the_middle_is_that_of_the_lens():
    place = np.array([2.4 + 0j])
    assert multiply_imaged(learned(1.0), 0j, place) == 0
    assert multiply_imaged(learned(1.0), 0.8 + 0j, place - 0.8) == 1
    assert multiply_imaged(learned(1.0, centre_x=0.8, centre_y=0.0), 0j, place) == 1


def test_a_probability_is_the_share_of_the_posterior():
    """At 2 arcsec an isothermal sphere shows a source twice if its Einstein radius is above 1 arcsec, which is its mean."""
    found = multiply_imaged(learned(1.0, sigma=0.15), 0j, 2.0 * TURNS)
    assert (np.abs(found - 0.5) < 0.3).all()


def test_a_flat_lens_and_draws_that_are_none():
    found = multiply_imaged(learned(1.0, sigma=0.8, e1=0.94, e2=0.3), 0j, 1.2 * TURNS)
    assert ((found >= 0) & (found <= 1)).all()


def wide_double():
    """A bright image at 1.8 Einstein radii of 1.4 arcsec, its faint counter-image, and a galaxy of the same brightness at 3.6 arcsec."""
    theta = pixel_grid((100, 100), 0.1)
    image = np.random.default_rng(0).normal(size=theta.shape)
    for place, peak, width in ((-2.52j, 40.0, 0.2), (0.28j, 12.0, 0.15), (3.5 + 0.8j, 40.0, 0.2)):
        image += peak * np.exp(-0.5 * (np.abs(theta - place) / width) ** 2)
    return Stamp(image, np.ones(theta.shape), np.ones(theta.shape, bool), PSF.gaussian(0.17), 0.1, "double"), theta


def test_a_posterior_tells_images_from_galaxies():
    """The bright image of a wide double was taken for a galaxy, and left out of the fit."""
    stamp, theta = wide_double()
    config = RefineConfig()
    alone = observe(stamp, config)
    assert not alone.mask[np.abs(theta + 2.52j) < 0.2].all()
    seen = seen_through(alone, config, None, partial(multiply_imaged, learned(1.4, sigma=0.1), 0j))
    assert seen.mask[np.abs(theta + 2.52j) < 0.2].all()
    assert seen.mask[np.abs(theta - 0.28j) < 0.2].all()
    assert not seen.mask[np.abs(theta - 3.5 - 0.8j) < 0.2].any()
    assert seen.circle.radius == pytest.approx(1.4, abs=0.3)
    assert not contradicts(learned(1.4, sigma=0.1), seen.circle)


def test_a_posterior_that_allows_none_of_the_arcs_changes_nothing():
    stamp, _ = wide_double()
    config = RefineConfig()
    alone = observe(stamp, config)
    faint = seen_through(alone, config, None, partial(multiply_imaged, learned(0.05), 0j))
    np.testing.assert_array_equal(faint.mask, alone.mask)


class Says:
    """A network with a given answer."""

    identity, sees_lens_light = "says", True

    def __init__(self, answer, flags=()):
        self.answer = answer, flags

    def applies_to(self, stamp):
        return None

    def judge_stamp(self, stamp):
        return self.answer


@pytest.mark.parametrize(("radius", "conflict"), [(1.4, False), (4.5, True)])
def test_a_radius_that_the_arcs_exclude_is_a_conflict(radius, conflict):
    stamp, _ = wide_double()
    problem, flags = set_up(stamp, RefineConfig(), Says(learned(radius, sigma=0.1)))
    assert (Flag.ESTIMATE_CONFLICT in flags) == conflict
    assert (problem.learned is None) == conflict
    assert problem.guide is not None  # the search begins there all the same


def test_a_network_that_calls_the_stamp_unlike_its_training_gives_starts():
    stamp, _ = wide_double()
    problem, _ = set_up(stamp, RefineConfig(), Says(learned(1.4, sigma=0.1), (Flag.MISSPECIFIED,)))
    assert problem.learned is None
    assert problem.guide is not None
    assert problem.priors.belief is None
