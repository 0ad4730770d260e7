"""Which galaxies of an archive are taken."""

import numpy as np
import pytest

from lenssbi.arrays import pixel_grid
from lenssbi.light import Gaussian
from lenssbi.populations.galaxies.catalogue import Galaxies, GalaxyEntry, place
from lenssbi.populations.galaxies.isolate import Portrait

GRID = pixel_grid((25, 25), 1.0)


def entry(name, sigma=2.5, magnitude=float("nan")):
    portrait = Portrait(Gaussian(7.0, sigma).surface_brightness(GRID), 0.05)
    return GalaxyEntry(name, lambda: portrait, magnitude)


ARCHIVE = [entry(f"galaxy-{i}", 2.5 + 0.02 * i, 20.0 + i) for i in range(40)]


def test_everything_is_kept_with_its_name():
    galaxies = Galaxies.gather(ARCHIVE)
    assert sorted(galaxies.names) == sorted(e.name for e in ARCHIVE)
    index = galaxies.names.index("galaxy-7")
    assert galaxies.magnitudes[index] == 27.0
    sigma = galaxies.cells[index] / np.sqrt(2 * np.log(2))
    assert sigma == pytest.approx(2.64, rel=0.003)
    assert galaxies.radii[index] == pytest.approx(0.05 * galaxies.cells[index])


def test_the_order_of_the_archive_does_not_matter():
    assert Galaxies.gather(ARCHIVE[::-1]).names == Galaxies.gather(ARCHIVE).names


def test_shares_have_no_galaxy_in_common_and_miss_none():
    train, test = (Galaxies.gather(ARCHIVE, share).names for share in ((0.0, 0.7), (0.7, 1.0)))
    assert not set(train) & set(test)
    assert len(train) + len(test) == len(ARCHIVE)
    assert 20 <= len(train) <= 36


def test_a_grown_archive_moves_no_galaxy_to_the_other_share():
    grown = [*ARCHIVE, *(entry(f"new-{i}") for i in range(20))]
    before, after = (set(Galaxies.gather(archive, (0.0, 0.5)).names) for archive in (ARCHIVE, grown))
    assert before <= after


def test_a_galaxy_has_the_same_place_everywhere():
    assert place("hxdf-12") == pytest.approx(0.6223521, abs=1e-7)
    places = np.array([place(f"cosmos-{i}") for i in range(4000)])
    assert places.min() >= 0
    assert np.abs(np.histogram(places, 10, (0, 1))[0] - 400).max() < 80


def test_no_more_than_count_are_read():
    read = []
    archive = [GalaxyEntry(e.name, lambda e=e: read.append(e.name) or e.read()) for e in ARCHIVE]
    galaxies = Galaxies.gather(archive, count=5)
    assert galaxies.names == Galaxies.gather(ARCHIVE).names[:5]
    assert len(read) == 5


def test_unusable_and_small_ones_are_left_out():
    galaxies = Galaxies.gather([entry("good"), entry("small", 1.2), GalaxyEntry("none", lambda: None)])
    assert galaxies.names == ("good",)
    assert len(galaxies.table.coefficients) == len(galaxies.cells) == 1
    assert len(Galaxies.gather([])) == 0
