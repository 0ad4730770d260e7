"""Laws that every light profile obeys. A new profile is one new line in PROFILES."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lenssbi.light import Gaussian, Sersic

PROFILES = {
    "gaussian": Gaussian(3.0, 0.4, 0.5, 0.7, 0.1 - 0.2j),
    "half": Sersic(3.0, 0.4, 0.5, 0.8, 2.0, 0.1j),
    "exponential": Sersic(3.0, 0.4, 1.0, 0.3, 1.0, -0.3),
    "de-vaucouleurs": Sersic(3.0, 0.4, 4.0, 0.7, 0.3, 0.1 - 0.2j),
    "cuspy": Sersic(3.0, 0.4, 8.0),
}


@pytest.fixture(params=PROFILES.values(), ids=PROFILES.keys())
def light(request):
    return request.param


def flux_inside(light, radius):
    """Quadrature in elliptical polar coordinates, uniform in log R: every profile here is smooth in log R."""
    log_r = np.linspace(np.log(1e-9), np.log(radius), 6001)
    r, angle = np.exp(log_r), 2 * np.pi * np.arange(8) / 8
    on_axes = r[:, None] * (np.cos(angle) / np.sqrt(light.q) + 1j * np.sqrt(light.q) * np.sin(angle))
    brightness = light.surface_brightness(light.centre + on_axes * np.exp(1j * light.phi)).mean(axis=1)
    return np.trapezoid(2 * np.pi * r**2 * brightness, log_r)


def test_total_flux(light):
    assert flux_inside(light, 1e7) == pytest.approx(light.flux, rel=1e-6)


def test_half_of_the_flux_is_inside_the_effective_radius(light):
    assert flux_inside(light, light.effective_radius) == pytest.approx(light.flux / 2, rel=1e-5)


def test_isophotes_are_ellipses(light):
    angle = np.linspace(0, 2 * np.pi, 30)
    ring = 0.3 * (np.cos(angle) / np.sqrt(light.q) + 1j * np.sqrt(light.q) * np.sin(angle)) * np.exp(1j * light.phi)
    brightness = light.surface_brightness(light.centre + ring)
    np.testing.assert_allclose(brightness, brightness[0], rtol=1e-12)


def test_finite_and_brightest_at_the_centre(light):
    brightness = light.surface_brightness(light.centre + np.array([0, 1e-9, 0.1j, 1e5]))
    assert np.isfinite(brightness).all()
    assert (np.diff(brightness) <= 0).all()


def test_rotation(light):
    theta = np.random.default_rng(1).normal(size=(2, 40)).T @ np.array([1, 1j])
    turn = np.exp(0.8j)
    turned = replace(light, phi=light.phi + 0.8, centre=light.centre * turn)
    np.testing.assert_allclose(turned.surface_brightness(theta * turn), light.surface_brightness(theta), rtol=1e-11)


def test_numpy_and_torch_agree(light):
    theta = np.random.default_rng(1).normal(size=(2, 40)).T @ np.array([1, 1j])
    with_torch = light.surface_brightness(torch.asarray(theta))
    np.testing.assert_allclose(with_torch.numpy(), light.surface_brightness(theta), rtol=1e-11)
    assert light.surface_brightness(torch.asarray(theta).to(torch.complex64)).dtype == torch.float32


@pytest.mark.parametrize("library", [np, torch], ids=["numpy", "torch"])
@pytest.mark.parametrize("kind", [Gaussian, Sersic])
def test_batched_equals_looped(kind, library):
    rng = np.random.default_rng(4)
    values = {
        "flux": rng.uniform(1, 9, 4),
        "sigma" if kind is Gaussian else "effective_radius": rng.uniform(0.1, 0.6, 4),
        "q": rng.uniform(0.2, 1, 4),
        "phi": rng.uniform(0, 3, 4),
        "centre": rng.normal(size=4) + 1j * rng.normal(size=4),
    }
    if kind is Sersic:
        values["index"] = rng.uniform(0.5, 6, 4)
    theta = np.linspace(-1, 1, 5) + 1j * np.linspace(-1, 1, 3)[:, None]
    batch = kind(**{name: library.asarray(value)[:, None, None] for name, value in values.items()})
    batched = np.asarray(batch.surface_brightness(library.asarray(theta)))
    looped = [kind(**{k: v[i].item() for k, v in values.items()}).surface_brightness(theta) for i in range(4)]
    np.testing.assert_allclose(batched, looped, rtol=1e-12)
