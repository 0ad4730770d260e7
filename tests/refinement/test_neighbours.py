"""Other galaxies are told from images of the source by where they lie and how bright they are."""

from dataclasses import replace

import numpy as np
import pytest

from lenssbi.arrays import pixel_grid
from lenssbi.config import parse
from lenssbi.dataset.stamp import Stamp
from lenssbi.instrument import PSF
from lenssbi.refinement.config import RefineConfig
from lenssbi.refinement.neighbours import find_pieces, sort_field
from lenssbi.refinement.observation import observe

SHAPE = (100, 100)
THETA = pixel_grid(SHAPE, 0.1)


def blob(place, peak=25.0, width=0.15):
    return peak * np.exp(-0.5 * (np.abs(THETA - place) / width) ** 2)


def stamp_of(*lights, seed=0):
    image = sum(lights) + np.random.default_rng(seed).normal(size=SHAPE)
    return Stamp(image, np.ones(SHAPE), np.ones(SHAPE, bool), PSF.gaussian(0.17), 0.1, "field")


def is_other(field, place):
    return bool(field.others[np.abs(THETA - place) < 0.15].all())


def is_image(field, place):
    return bool(field.images[np.abs(THETA - place) < 0.15].all())


def test_a_double_and_a_galaxy_far_away():
    field = sort_field(stamp_of(blob(1.4 + 0.2j), blob(-0.6 - 0.1j, 12), blob(-2.9 + 2.6j, 20)))
    assert is_image(field, 1.4 + 0.2j)
    assert is_image(field, -0.6 - 0.1j)
    assert is_other(field, -2.9 + 2.6j)
    assert field.reach == pytest.approx(1.8, abs=0.3)


def test_the_outer_image_of_a_wide_double_is_none():
    field = sort_field(stamp_of(blob(-0.9j, 12), blob(2.4j, 25, 0.2)))
    assert is_image(field, -0.9j)
    assert is_image(field, 2.4j)
    assert not field.others.any()


def test_the_images_of_a_large_lens_are_none():
    places = 2.3 * np.exp(1j * np.array([0.3, 1.9, 3.4, 5.0]))
    field = sort_field(stamp_of(*(blob(place) for place in places)))
    assert all(is_image(field, place) for place in places)


@pytest.mark.parametrize("distance", [3.4, 4.3])
def test_images_far_out_are_better_than_none(distance):
    field = sort_field(stamp_of(blob(distance + 0j), blob(-distance * 1j)))
    assert is_image(field, distance + 0j)
    assert is_image(field, -distance * 1j)


def test_a_faint_galaxy_opposite_to_a_lone_arc_is_no_counter_image():
    field = sort_field(stamp_of(blob(1.3 + 0j, 30, 0.25), blob(-3.4 + 0.1j, 15)))
    assert is_other(field, -3.4 + 0.1j)


def test_touching_galaxies_are_cut_apart():
    pieces = find_pieces(stamp_of(blob(1.2 + 0j), blob(2.0 + 0j)), 0j)
    assert sorted(np.round(pieces.radii, 1)) == pytest.approx([1.2, 2.0], abs=0.11)


def test_a_mean_distance_is_counted_from_the_galaxy():
    pieces = find_pieces(stamp_of(blob(1.2 + 0.4j)), 0.4j)
    assert pieces.radii == pytest.approx([1.2], abs=0.06)
    assert pieces.flux[0] == pytest.approx(25 * 2 * np.pi * 1.5**2, rel=0.1)


def test_bad_pixels_are_no_galaxies():
    stamp = stamp_of(blob(1.2 + 0j), blob(3 + 3j, 1e4))
    field = sort_field(replace(stamp, mask=np.abs(THETA - 3 - 3j) > 1.0))
    assert not field.others.any()
    assert not sort_field(stamp_of(np.zeros(SHAPE))).images.any()


def test_a_fit_takes_neither_a_neighbour_nor_its_distance():
    ring = 12 * np.exp(-0.5 * ((np.abs(THETA) - 1.0) / 0.12) ** 2) * (np.abs(np.angle(THETA)) < 1)
    counter = blob(-0.7 + 0j, 10, 0.1)
    config = parse({}, RefineConfig, "test")
    alone, beside = (
        observe(stamp_of(*lights), config) for lights in ((ring, counter), (ring, counter, blob(-3.5 + 1j, 20, 0.3)))
    )
    assert beside.circle.radius == pytest.approx(alone.circle.radius, abs=0.05)
    assert not beside.mask[np.abs(THETA + 3.5 - 1j) < 0.6].any()
    assert beside.circle.window[0] < 0.85 < beside.circle.window[1]


def test_the_mask_keeps_guard_where_a_heavier_lens_would_show_images():
    double = blob(1.3 + 0j), blob(-0.5 + 0j, 10)
    observation = observe(stamp_of(*double), parse({}, RefineConfig, "test"))
    radius = np.abs(THETA)
    outside = (radius > 2.2) & (radius < 3.0)
    assert observation.mask[radius < 1.6].all()
    assert observation.mask[outside].mean() == pytest.approx(0.25, abs=0.05)
    exact = observe(stamp_of(*double), parse({"mask": {"outer": 1.9}}, RefineConfig, "test"))
    assert not exact.mask[radius > 1.9].any()
