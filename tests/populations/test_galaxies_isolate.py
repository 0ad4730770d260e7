"""A galaxy of known light is found again without its sky, its noise and its neighbours."""

import numpy as np
import pytest

pytest.importorskip("photutils")
pytest.importorskip("skimage")

from lenssbi.light.cutout import light_table
from lenssbi.populations.galaxies.isolate import LARGEST, central

from .made_up_galaxies import cut_out


def outer(image):
    return np.concatenate([image[:2].ravel(), image[-2:].ravel(), image[:, :2].ravel(), image[:, -2:].ravel()])


@pytest.mark.parametrize("neighbour", [0.0, 4.0])
def test_the_galaxy_alone(neighbour):
    portrait = central(cut_out(neighbour=neighbour), 0.03)
    light = portrait.image
    assert light.shape[0] == light.shape[1]
    assert light.shape[0] % 2 == 1
    assert portrait.pixel_scale == 0.03
    # the light below the threshold is lost, and what fades towards the neighbour
    assert light.sum() == pytest.approx(40.0, rel=0.08 if neighbour else 0.03)
    assert light_table([light]).cells[0] == pytest.approx(6.0, rel=0.06 if neighbour else 0.02)
    assert (outer(light) == 0).all()
    assert (light >= 0).all()
    y, x = np.indices(light.shape) - light.shape[0] // 2
    assert abs((light * (x + 1j * y)).sum()) / light.sum() < 0.05


def test_the_neighbour_is_gone():
    beside = central(cut_out(neighbour=4.0), 0.03).image
    middle, place = beside.shape[0] // 2, 15
    around = beside[middle + 11 : middle + place + 3, middle + 13 : middle + place + 4]
    assert around.sum() < 0.05 * 4.0


def test_the_sky_around_a_galaxy_is_dark_and_its_own_noise_is_less():
    noisy, exact = cut_out(q=0.9, radius=9.0), cut_out(q=0.9, radius=9.0, noise=1e-9)
    # the two are cut alike where the galaxy's own light is far above the noise
    light, truth = central(noisy, 1.0).image, exact - 0.1
    row, column = (n // 2 for n in truth.shape)
    middle = light.shape[0] // 2
    for reach in (6, 12):
        at = slice(middle - reach, middle + reach + 1)
        around = truth[row - reach : row + reach + 1, column - reach : column + reach + 1]
        assert np.abs(light[at, at] - around).mean() < 0.02


def test_masked_cut_outs_are_taken_as_they_are():
    image = cut_out(sky=0.0)
    light = cut_out(sky=0.0, noise=0.0)
    image[light < 2e-3] = 0.0
    portrait = central(image, 0.03)
    assert portrait.image.sum() == pytest.approx(light[light >= 2e-3].sum(), rel=0.03)


def test_large_galaxies_are_binned_and_keep_their_size():
    portrait = central(cut_out(401, 36.0, 3000.0), 0.03)
    assert portrait.image.shape[0] <= LARGEST + 6
    assert portrait.image.shape[0] % 2 == 1
    assert portrait.pixel_scale in (0.06, 0.09, 0.12)
    assert light_table([portrait.image]).cells[0] * portrait.pixel_scale == pytest.approx(36 * 0.03, rel=0.05)
    assert portrait.image.sum() == pytest.approx(3000, rel=0.05)


@pytest.mark.parametrize(
    "image",
    [
        cut_out(flux=0.0),
        cut_out(centre=48.0),
        cut_out(61, 14.0, 4000.0, q=0.12),
        np.full((60, 60), np.nan),
        np.zeros((60, 60)),
        np.ones((60, 60)),
        np.ones((4, 4)),
    ],
    ids=["nothing", "off-centre", "cut-by-the-edge", "nan", "zero", "constant", "tiny"],
)
def test_what_is_no_galaxy_is_none(image):
    assert central(image, 0.03) is None
