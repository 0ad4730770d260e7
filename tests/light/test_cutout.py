"""Laws of a cut-out, and a known profile put into one."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lenssbi import batching
from lenssbi.arrays import pixel_grid
from lenssbi.light import Gaussian, Sersic
from lenssbi.light.cutout import Cutout, light_table
from lenssbi.populations.draws import column


def image_of(profile, side, subgrid=4):
    """Mean brightness of the pixels, side 1, of an image with `side` of them."""
    fine = profile.surface_brightness(pixel_grid((side, side), 1.0, subgrid))
    return fine.reshape(side, subgrid, side, subgrid).mean(axis=(1, 3))


def clumps(side=41):
    """An image without any symmetry."""
    lights = (Gaussian(1, 4, 0.6, 0.4, 0.5), Gaussian(0.5, 1.5, 1, 0, -6 + 3j), Gaussian(0.2, 2, 0.5, 2, 7 + 5j))
    return sum(image_of(light, side) for light in lights)


@pytest.fixture
def cutout():
    return replace(Cutout.of_image(clumps(), 3.0, 0.4), turn=0.7, mirror=-1.0, centre=0.1 - 0.2j)


def total(cutout, fine=4):
    ny, nx = cutout.table.shape
    grid = cutout.centre + pixel_grid((ny + 6, nx + 6), cutout.pixel_scale, fine)
    upright = replace(cutout, turn=0.0)
    return upright.surface_brightness(grid).sum() * (cutout.pixel_scale / fine) ** 2


def some_angles(n=200, size=0.7):
    return np.random.default_rng(2).uniform(-size, size, (2, n, 1)).T[0] @ np.array([1, 1j])


def test_flux(cutout):
    assert total(cutout) == pytest.approx(3.0, rel=2e-5)  # the clumps reach the image's edge with 1e-5 of their light


@pytest.mark.parametrize("q", [1.0, 0.6, 0.3])
def test_half_of_the_light_is_inside_the_effective_radius(q):
    profile = Sersic(1.0, 7.0, 1.0, q, 0.6)
    cutout = Cutout.of_image(image_of(profile, 161), 2.0, 0.3)
    assert cutout.cells == pytest.approx(7.0, rel=0.01)
    grid = pixel_grid((161, 161), cutout.pixel_scale, 4)
    z = grid * np.exp(-0.6j)
    inside = q * z.real**2 + z.imag**2 / q < 0.3**2
    light = cutout.surface_brightness(grid)
    assert light[inside].sum() / light.sum() == pytest.approx(0.5, abs=0.005)


def test_the_half_light_radius_is_the_same_wherever_and_however_the_galaxy_lies():
    image = clumps()
    moved = np.zeros((60, 54))
    moved[10:51, 3:44] = image[::-1].T
    radii = light_table([image, moved]).cells
    assert radii[1] == pytest.approx(radii[0], rel=2e-3)


def test_a_gaussian_is_a_gaussian():
    profile = Gaussian(1.0, 4.0, 0.6, 0.4)
    cutout = Cutout.of_image(profile.surface_brightness(pixel_grid((61, 61), 1.0)), 3.0, 0.5)
    expected = Gaussian(3.0, 0.5 / np.sqrt(2 * np.log(2)), 0.6, 0.4)
    theta = some_angles()
    peak = expected.surface_brightness(np.zeros(1))
    np.testing.assert_allclose(
        cutout.surface_brightness(theta), expected.surface_brightness(theta), atol=1e-3 * peak[0]
    )


def test_a_sersic_looks_like_the_sersic():
    cutout = Cutout.of_image(image_of(Sersic(1.0, 8.0, 1.5, 0.7, 0.9), 201), 3.0, 0.4)
    theta = some_angles(400, 0.8)
    theta = theta[np.abs(theta) > 0.1]  # two cells off the cusp, which no image resolves
    expected = Sersic(3.0, 0.4, 1.5, 0.7, 0.9).surface_brightness(theta)
    np.testing.assert_allclose(cutout.surface_brightness(theta), expected, rtol=0.03)


def test_light_is_nowhere_negative_beside_a_sharp_core():
    image = np.zeros((15, 15))
    image[7, 7], image[9, 4] = 1.0, 0.1
    raw = np.random.default_rng(1).uniform(0, 0.01, (15, 15))
    cutout = Cutout.of_image(image + raw, 1.0, 0.3)
    light = cutout.surface_brightness(pixel_grid((15, 15), cutout.pixel_scale, 8))
    assert light.min() >= 0
    assert light.max() > 0.3 / cutout.pixel_scale**2 * image.max() / (image + raw).sum()


def test_dark_outside(cutout):
    assert (cutout.surface_brightness(np.array([30.0, -30j, 5 + 5j])) == 0).all()


def test_turn(cutout):
    theta, turn = some_angles(), np.exp(0.8j)
    turned = replace(cutout, turn=cutout.turn + 0.8, centre=cutout.centre * turn)
    np.testing.assert_allclose(
        turned.surface_brightness(theta * turn), cutout.surface_brightness(theta), rtol=1e-9, atol=1e-12
    )


def test_a_quarter_turn_turns_the_image():
    image = clumps()
    ahead = Cutout.of_image(image, 1.0, 0.4)
    grid = pixel_grid(image.shape, ahead.pixel_scale)
    np.testing.assert_allclose(
        replace(ahead, turn=np.pi / 2).surface_brightness(grid),
        np.rot90(ahead.surface_brightness(grid), -1),  # row 0 is at the bottom
        atol=1e-9,
    )


def test_mirror_exchanges_left_and_right_before_the_turn(cutout):
    theta = some_angles()
    other = replace(cutout, mirror=1.0, turn=-cutout.turn)
    reflected = cutout.centre - np.conj(theta - cutout.centre)
    np.testing.assert_allclose(
        cutout.surface_brightness(theta), other.surface_brightness(reflected), rtol=1e-9, atol=1e-12
    )
    assert not np.allclose(
        cutout.surface_brightness(theta), replace(cutout, mirror=1.0).surface_brightness(theta), rtol=0.1
    )


def test_size(cutout):
    theta, twice = some_angles(), replace(cutout, effective_radius=0.8, centre=2 * cutout.centre)
    np.testing.assert_allclose(twice.surface_brightness(2 * theta), cutout.surface_brightness(theta) / 4, rtol=1e-9)


def test_numpy_and_torch_agree(cutout):
    theta = some_angles()
    light = cutout.surface_brightness(theta)
    with_torch = batching.map_tree(cutout, torch.as_tensor)
    np.testing.assert_allclose(with_torch.surface_brightness(torch.as_tensor(theta)).numpy(), light, rtol=1e-11)
    single = batching.map_tree(cutout, lambda a: torch.as_tensor(a, dtype=torch.float32))
    narrow = single.surface_brightness(torch.as_tensor(theta, dtype=torch.complex64))
    assert narrow.dtype == torch.float32
    np.testing.assert_allclose(narrow.numpy(), light, atol=1e-4 * light.max())


@pytest.fixture
def batch():
    rng = np.random.default_rng(4)
    lights = light_table([clumps(), clumps()[::-1], image_of(Gaussian(1, 2), 21)])
    rows = np.array([2, 0, 1, 0])
    properties = rng.uniform(1, 9, 4), rng.uniform(0.2, 0.6, 4), rng.uniform(0, 6, 4), np.array([1.0, -1, -1, 1])
    centre = rng.normal(size=4) * 0.1 + 0.1j * rng.normal(size=4)
    return Cutout(
        lights.table.of_row(column(rows)), column(lights.cells[rows]), *map(column, properties), column(centre)
    )


@pytest.mark.parametrize("as_array", [np.asarray, torch.as_tensor], ids=["numpy", "torch"])
def test_batched_equals_looped(batch, as_array):
    theta = pixel_grid((7, 9), 0.11)
    looped = [batching.item(batch, i).surface_brightness(theta) for i in range(4)]
    batched = batching.map_tree(batch, as_array).surface_brightness(as_array(theta))
    np.testing.assert_allclose(batched, looped, rtol=1e-9, atol=1e-12)


def test_batches_are_taken_apart_and_joined_and_share_their_table(batch):
    theta = pixel_grid((7, 9), 0.11)
    parts = [batching.take(batch, np.array(index)) for index in ([0, 3], [1], [2])]
    whole = batching.join(parts, [2, 1, 1])
    assert whole.table.coefficients is batch.table.coefficients
    expected = batch.surface_brightness(theta)[[0, 3, 1, 2]]
    np.testing.assert_array_equal(whole.surface_brightness(theta), expected)
    single = batching.item(batch, 2)
    assert isinstance(single.cells, float)
    assert len(single.table.coefficients) == 1


@pytest.mark.parametrize("change", [{"effective_radius": 0.0}, {"cells": -1.0}, {"mirror": 0.5}])
def test_refuses_what_makes_no_galaxy(cutout, change):
    with pytest.raises(ValueError, match=r"Cutout needs"):
        replace(cutout, **change)


@pytest.mark.parametrize("image", [np.zeros((9, 9)), np.full((9, 9), np.nan)])
def test_refuses_an_image_without_light(image):
    with pytest.raises(ValueError, match="finite and to hold light"):
        Cutout.of_image(image, 1.0, 0.3)
