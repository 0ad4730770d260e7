"""Connected and grown regions are those of SciPy, on random images."""

import numpy as np
import pytest
from scipy import ndimage

from lenssbi.dataset.morphology import connected, grown

SHAPES = [(1, 1), (1, 9), (7, 1), (2, 3), (31, 40)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("steps", [0, 1, 3])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.4, 1.0])
def test_growth_is_a_dilation(shape, steps, share):
    region = np.random.default_rng(steps).random(shape) < share
    expected = ndimage.binary_dilation(region, iterations=steps) if steps else region  # 0 stands for no end
    np.testing.assert_array_equal(grown(region, steps), expected)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.6, 1.0])
def test_connected_regions_are_a_propagation(shape, share):
    values = np.random.default_rng(int(10 * share)).random(shape)
    region, core = values < share, values < share / 20
    np.testing.assert_array_equal(connected(core, region), ndimage.binary_propagation(core, mask=region))


def test_regions_that_share_a_corner_only_are_apart():
    region = np.eye(3, dtype=bool)
    core = np.zeros((3, 3), bool)
    core[1, 1] = True
    np.testing.assert_array_equal(connected(core, region), core)
