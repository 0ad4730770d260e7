"""Closed forms of the light profiles, and what they refuse."""

import numpy as np
import pytest
import torch

from lenssbi.light import Gaussian, Sersic

THETA = np.random.default_rng(1).normal(size=(2, 40)).T @ np.array([1, 1j])


def test_sersic_of_index_one_half_is_a_gaussian():
    sersic = Sersic(2.0, Gaussian(2.0, 0.5).effective_radius, 0.5, 0.6, 0.4, 0.1j)
    gaussian = Gaussian(2.0, 0.5, 0.6, 0.4, 0.1j)
    np.testing.assert_allclose(sersic.surface_brightness(THETA), gaussian.surface_brightness(THETA), rtol=1e-11)


def test_central_brightness_of_an_exponential():
    scale_length = 0.5 / 1.6783469900166605  # R_e of exp(-R / scale_length), to all digits
    centre = Sersic(2.0, 0.5, 1).surface_brightness(np.zeros(1, complex))
    assert centre[0] == pytest.approx(2.0 / (2 * np.pi * scale_length**2), rel=1e-12)


def test_isophotes_are_elongated_along_phi():
    light = Gaussian(1.0, 0.5, 0.5, 0.9)
    along, across = light.surface_brightness(0.5 * np.exp(1j * np.array([0.9, 0.9 + np.pi / 2])))
    assert along > across


def test_the_index_may_carry_a_gradient_nobody_asked_for():
    index = torch.tensor([[[1.0]], [[4.0]]], requires_grad=True)
    flux = torch.ones(2, 1, 1, requires_grad=True)
    Sersic(flux, 0.5, index).surface_brightness(torch.asarray(THETA)[None]).sum().backward()
    assert torch.isfinite(flux.grad).all()
    assert index.grad is None


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Gaussian(1.0, 0.0), "Gaussian needs a radius > 0"),
        (lambda: Sersic(1.0, -1.0, 4.0), "Sersic needs a radius > 0"),
        (lambda: Sersic(1.0, 0.5, 0.0), "index > 0"),
        (lambda: Sersic(1.0, 0.5, np.array([1.0, np.nan])), "index > 0"),
        (lambda: Gaussian(1.0, 0.5, 1.2), "0 < q <= 1"),
        (lambda: Sersic(1.0, 0.5, 4.0, np.array([0.5, 0.0])), "0 < q <= 1"),
    ],
)
def test_impossible_shapes_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
