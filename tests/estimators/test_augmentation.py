"""A turned image of a lens is the image of the turned lens."""

import numpy as np
import pytest
import torch

from lenssbi.arrays import pixel_grid
from lenssbi.estimators.augmentation import augment, signs, turn
from lenssbi.lensing import EllipticalPowerLaw
from lenssbi.parameters import SIE_SPACE

NAMES = SIE_SPACE.names


def image(e1: float, e2: float, source: complex) -> torch.Tensor:
    """A Gaussian source behind an SIE at the centre of the stamp, by the lens equation."""
    theta = pixel_grid((40, 40), 0.1)
    beta = theta - EllipticalPowerLaw(1.1, e1, e2).deflection(theta)
    return torch.from_numpy(np.exp(-(np.abs(beta - source) ** 2) / 0.08))


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_turned_image_is_image_of_turned_lens(quarters, mirrored):
    e1, e2, source = 0.25, -0.15, 0.2 + 0.07j
    factors = signs(NAMES, quarters, mirrored)
    moved = -source.conjugate() if mirrored else source
    moved *= 1j**quarters
    expected = image(e1 * float(factors[1]), e2 * float(factors[2]), moved)
    torch.testing.assert_close(turn(image(e1, e2, source), quarters, mirrored), expected, rtol=0, atol=1e-12)


def test_einstein_radius_and_slope_stay():
    assert signs(("einstein_radius", "slope"), 1, True).tolist() == [1, 1]


def test_shear_turns_as_ellipticity_does():
    assert signs(("shear1", "shear2"), 3, True).tolist() == signs(("e1", "e2"), 3, True).tolist() == [-1, 1]


def test_components_of_a_vector_are_refused():
    with pytest.raises(ValueError, match="centre_x"):
        signs(("centre_x",), 1, False)


def test_a_batch_gets_all_symmetries_with_their_targets():
    images = image(0.25, -0.15, 0.2 + 0.07j).float().expand(200, 1, 40, 40)
    targets = torch.as_tensor(SIE_SPACE.to_targets(np.array([[1.1, 0.25, -0.15]])), dtype=torch.float32).expand(200, 3)
    middle = torch.as_tensor(SIE_SPACE.to_targets(np.zeros(3)), dtype=torch.float32)
    turned, moved = augment(images, targets, NAMES, middle, torch.Generator().manual_seed(3))
    values = SIE_SPACE.from_targets(moved.numpy())
    assert len({tuple(v) for v in values.round(4).tolist()}) == 4
    for one, value in zip(turned[:20], values[:20], strict=True):
        candidates = [turn(images[0], q, m) for q in range(4) for m in (False, True)]
        factors = [signs(NAMES, q, m).numpy() for q in range(4) for m in (False, True)]
        index = next(i for i, candidate in enumerate(candidates) if torch.equal(candidate, one))
        np.testing.assert_allclose(value, np.array([1.1, 0.25, -0.15]) * factors[index], rtol=1e-5)


def test_the_generator_decides():
    images, targets = torch.rand(16, 1, 8, 8), torch.rand(16, 3)
    one, other = (augment(images, targets, NAMES, torch.zeros(3), torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(one[0], other[0])
    assert torch.equal(one[1], other[1])
