"""The galaxies of the picture inside scikit-image."""

import numpy as np
import pytest

pytest.importorskip("photutils")
pytest.importorskip("skimage")

from lenssbi.populations.galaxies import hubble_deep_field
from lenssbi.populations.galaxies.source import load


@pytest.fixture(scope="module")
def galaxies():
    return load("hubble_deep_field", None, 0.03, None, (0.0, 1.0))


def test_several_dozen_galaxies(galaxies):
    assert 60 <= len(galaxies) <= 80
    assert len(set(galaxies.names)) == len(galaxies)
    assert all(name.startswith("hxdf-") for name in galaxies.names)


def test_sizes(galaxies):
    assert galaxies.cells.min() >= 2.3
    assert galaxies.cells.max() < 15
    assert 0.3 < np.median(galaxies.radii) < 0.8
    assert np.isnan(galaxies.magnitudes).all()


def test_edges_are_dark_and_the_light_is_whole(galaxies):
    light = galaxies.table.coefficients
    assert light.sum(axis=(1, 2)) == pytest.approx(1.0)
    border = np.ones(light.shape[1:], dtype=bool)
    border[3:-3, 3:-3] = False
    assert light[:, border].sum(axis=1).max() < 1e-5


def test_in_the_middle(galaxies):
    light = galaxies.table.coefficients
    offset = np.arange(light.shape[1]) - (light.shape[1] - 1) / 2
    x, y = light.sum(axis=1) @ offset, light.sum(axis=2) @ offset
    assert np.hypot(x, y).max() < 0.1


def test_neither_star_is_a_galaxy(galaxies):
    places = np.array([[float(part) for part in name.split("-")[1:]] for name in galaxies.names]) @ np.array([1, 1j])
    for star in hubble_deep_field.STARS:
        assert np.abs(places - star).min() > 8


def test_the_large_spiral_is_there(galaxies):
    # the picture's best-known face-on spiral, at column 122, 400 rows from the top
    places = np.array([[float(part) for part in name.split("-")[1:]] for name in galaxies.names]) @ np.array([1, 1j])
    nearest = np.abs(places - (122 + 471j)).argmin()
    assert np.abs(places[nearest] - (122 + 471j)) < 6
    assert galaxies.cells[nearest] == galaxies.cells.max()
