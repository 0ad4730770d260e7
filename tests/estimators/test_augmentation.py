"""A turned image of a lens is the image of the turned lens."""

import numpy as np
import pytest
import torch

from lenssbi.arrays import pixel_grid
from lenssbi.estimators.augmentation import SYMMETRIES, augment, turn_images, turn_targets
from lenssbi.lensing import EllipticalPowerLaw, ExternalShear
from lenssbi.parameters import SIE_SPACE, parameter_space

SPACE = parameter_space("power_law", shear=True, centre=True)
TRUTH = {"einstein_radius": 1.1, "e1": 0.25, "e2": -0.15, "slope": 2.1, "shear1": 0.03, "shear2": 0.08}
TRUTH |= {"centre_x": 0.2, "centre_y": -0.05}
SOURCE = 0.2 + 0.07j
MIDDLE = torch.as_tensor(SPACE.to_targets(np.zeros(len(SPACE))))


def image(p: dict[str, float], source: complex) -> torch.Tensor:
    """A Gaussian source behind a power law with shear, anywhere on the stamp, by the lens equation."""
    theta = pixel_grid((40, 40), 0.1)
    lens = EllipticalPowerLaw(p["einstein_radius"], p["e1"], p["e2"], p["slope"], p["centre_x"] + 1j * p["centre_y"])
    beta = theta - lens.deflection(theta) - ExternalShear(p["shear1"] + 1j * p["shear2"]).deflection(theta)
    return torch.from_numpy(np.exp(-(np.abs(beta - source) ** 2) / 0.08))


def turned(symmetry: int) -> dict[str, float]:
    """The true parameters under a symmetry."""
    targets = torch.as_tensor(SPACE.to_targets(SPACE.stack(TRUTH)))
    return SPACE.unstack(SPACE.from_targets(turn_targets(targets, SPACE.names, MIDDLE, symmetry).numpy()))


@pytest.mark.parametrize("symmetry", range(SYMMETRIES))
def test_turned_image_is_image_of_turned_lens(symmetry):
    source = (-SOURCE.conjugate() if symmetry >= 4 else SOURCE) * 1j ** (symmetry % 4)
    expected = image(turned(symmetry), source)
    torch.testing.assert_close(turn_images(image(TRUTH, SOURCE), symmetry), expected, rtol=0, atol=1e-10)


def test_the_symmetries_are_a_group():
    images = {symmetry: turn_images(image(TRUTH, SOURCE), symmetry) for symmetry in range(SYMMETRIES)}
    targets = torch.as_tensor(SPACE.to_targets(SPACE.stack(TRUTH)))
    for first in range(SYMMETRIES):
        for second in range(SYMMETRIES):
            twice = turn_images(images[first], second)
            product = next(k for k, candidate in images.items() if torch.equal(candidate, twice))
            moved = turn_targets(targets, SPACE.names, MIDDLE, first)
            moved = turn_targets(moved, SPACE.names, MIDDLE, second)
            torch.testing.assert_close(moved, turn_targets(targets, SPACE.names, MIDDLE, product))


def test_a_quarter_turn_in_words():
    quarter, mirrored = turned(1), turned(4)
    assert quarter["centre_x"] == pytest.approx(-TRUTH["centre_y"])
    assert quarter["centre_y"] == pytest.approx(TRUTH["centre_x"])
    assert quarter["e1"] == pytest.approx(-TRUTH["e1"])
    assert mirrored["centre_x"] == pytest.approx(-TRUTH["centre_x"])
    assert mirrored["centre_y"] == pytest.approx(TRUTH["centre_y"])
    assert mirrored["shear1"] == pytest.approx(TRUTH["shear1"])
    assert mirrored["shear2"] == pytest.approx(-TRUTH["shear2"])


def test_half_a_vector_is_refused():
    with pytest.raises(ValueError, match="centre_y"):
        turn_targets(torch.zeros(1), ("centre_x",), torch.zeros(1), 1)
    assert turn_targets(torch.ones(1), ("e1",), torch.zeros(1), 1).item() == -1  # e1 does not mix with e2


def test_a_batch_gets_all_symmetries_with_their_targets():
    images = image(TRUTH, SOURCE).expand(200, 1, 40, 40)
    targets = torch.as_tensor(SPACE.to_targets(SPACE.stack(TRUTH))).expand(200, len(SPACE))
    moved, values = augment(images, targets, SPACE.names, MIDDLE, torch.Generator().manual_seed(3))
    candidates = [turn_images(images[0], symmetry) for symmetry in range(SYMMETRIES)]
    found = [next(k for k, c in enumerate(candidates) if torch.equal(c, one)) for one in moved]
    assert set(found) == set(range(SYMMETRIES))
    for symmetry, value in zip(found, values, strict=True):
        torch.testing.assert_close(value, turn_targets(targets[0], SPACE.names, MIDDLE, symmetry))


def test_the_generator_decides():
    images, targets = torch.rand(16, 1, 8, 8), torch.rand(16, 3)
    one, other = (
        augment(images, targets, SIE_SPACE.names, torch.zeros(3), torch.Generator().manual_seed(5)) for _ in range(2)
    )
    assert torch.equal(one[0], other[0])
    assert torch.equal(one[1], other[1])
