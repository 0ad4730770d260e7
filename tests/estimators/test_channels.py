"""What a network sees of an observed stamp."""

import numpy as np
import pytest
import torch

from lenssbi.estimators.augmentation import SYMMETRIES, turn_images
from lenssbi.estimators.channels import _arcsinh, observed_channels, sky
from lenssbi.estimators.preprocessing import ImagePreprocessing


@pytest.fixture
def stamps():
    """A symmetric galaxy off the middle, an arc, and noise."""
    generator = torch.Generator().manual_seed(1)
    y, x = torch.meshgrid(torch.arange(60.0) - 29.5, torch.arange(60.0) - 29.5, indexing="ij")
    galaxy = 300 * torch.exp(-torch.hypot(y - 1.5, x + 1.0) / 4)
    arc = 20 * torch.exp(-(((torch.hypot(y, x) - 12) / 1.5) ** 2)) * (x > 6)
    return (galaxy + arc)[None] + torch.randn((4, 60, 60), generator=generator)


def test_sky_is_measured_in_the_frame(stamps):
    generator = torch.Generator().manual_seed(2)
    level, sigma = sky(3.0 + 2.0 * torch.randn((50, 60, 60), generator=generator))
    assert level.mean() == pytest.approx(3.0, abs=0.05)
    assert sigma.mean() == pytest.approx(2.0, rel=0.02)


def test_neither_unit_nor_background_matters(stamps):
    plain = observed_channels(stamps, 2.0)
    other = observed_channels(1e-3 * stamps + 0.7, 2.0)
    np.testing.assert_allclose(other, plain, atol=2e-3)
    noise = np.ones((4, 60, 60))
    one, two = (ImagePreprocessing(kind="observed", scale=2.0)(stamps.numpy(), noise * k) for k in (1, 7))
    np.testing.assert_array_equal(one, two)
    assert one.shape == (4, ImagePreprocessing(kind="observed").channels, 60, 60)


def test_a_symmetric_galaxy_leaves_the_second_channel_and_arcs_stay(stamps):
    channels = observed_channels(stamps, 1.0)
    core = (slice(None), 1, slice(24, 38), slice(21, 36))
    assert channels[core].abs().mean() < 1.5
    assert channels[:, 0, 29, 28].min() > 5
    assert channels[:, 1, 29, 41].min() > 3


def test_channels_turn_with_the_stamp(stamps):
    for k in range(SYMMETRIES):
        turned = observed_channels(turn_images(stamps, k), 2.0)
        expected = turn_images(observed_channels(stamps, 2.0), k)
        np.testing.assert_allclose(turned, expected, atol=1e-4)


def test_unusable_pixels_are_empty_sky(stamps):
    holed = stamps.clone()
    holed[:, 10:20, 15:18] = torch.nan
    channels = observed_channels(holed, 2.0)
    assert torch.isfinite(channels).all()
    assert (channels[:, :, 10:20, 15:18] == 0).all()
    mask = np.ones((4, 60, 60), bool)
    mask[:, 10:20, 15:18] = False
    masked = ImagePreprocessing(kind="observed", scale=2.0)(stamps.numpy(), np.ones((4, 60, 60)), mask)
    np.testing.assert_allclose(masked, channels)


@pytest.mark.parametrize("value", [0.0, 5.0, float("nan")])
def test_a_stamp_without_anything_is_finite(value):
    assert torch.isfinite(observed_channels(torch.full((2, 40, 40), value), 2.0)).all()


def test_arcsinh_is_arcsinh():
    x = torch.linspace(-2000, 2000, 4001)
    np.testing.assert_allclose(_arcsinh(x), torch.arcsinh(x.double()), atol=2e-6, rtol=2e-6)
