"""What counts as a detectable lens."""

import numpy as np
import pytest
import torch

from lenssbi.instrument import EUCLID_VIS
from lenssbi.instrument.signal import signal_to_noise
from lenssbi.lensing import NFW, EllipticalPowerLaw
from lenssbi.light import Gaussian
from lenssbi.populations import Population, PopulationDraws
from lenssbi.rendering.batched import BatchedRenderer
from lenssbi.rendering.selection import Selection, unblended_signal_to_noise
from lenssbi.systems import LensSystem


def column(values):
    return np.asarray(values)[:, None, None]


def draws(beta=(0.1 + 0j,), radius=1.0, size=0.1, magnitude=23.0, mass=None):
    """Isothermal spheres with Gaussian sources at `beta`."""
    n = len(beta)
    radius, size, magnitude = (np.broadcast_to(np.asarray(v, float), n) for v in (radius, size, magnitude))
    source = Gaussian(column(10 ** (-0.4 * magnitude)), column(size / np.sqrt(2 * np.log(2))), centre=column(beta))
    params = {"einstein_radius": radius, "centre_x": np.zeros(n), "centre_y": np.zeros(n)}
    info = {"source_effective_radius": size, "source_x": np.real(beta), "source_y": np.imag(beta)}
    mass = mass or EllipticalPowerLaw(column(radius), 0.0, 0.0)
    return PopulationDraws(LensSystem((mass,), (source,)), params, info)


def test_isothermal_sphere_has_two_images_inside_its_radius_and_one_outside():
    images = Selection().images(draws([0.5 + 0.2j, 1.1 + 0j]))
    np.testing.assert_array_equal(images.multiplicity, [2, 1])
    info = images.info(0)
    expected = (0.5 + 0.2j) * (1 + np.array([1, -1]) / abs(0.5 + 0.2j))
    np.testing.assert_allclose(info["image_x"][:2] + 1j * info["image_y"][:2], expected, atol=1e-8)
    assert np.isnan(info["image_x"][2:]).all()
    mu = 1 / abs(0.5 + 0.2j)
    np.testing.assert_allclose(info["image_magnification"][:2], [1 + mu, 1 - mu], rtol=1e-6)


def test_a_central_image_is_not_counted():
    images = Selection().images(draws([0.02 + 0j], mass=NFW(0.9, 2.0)))
    assert images.multiplicity[0] == 2


def test_resolved_needs_the_einstein_radius_to_exceed_source_and_seeing():
    two = draws([0j, 0j], size=[0.9, 0.999])
    np.testing.assert_array_equal(Selection().resolves(two, EUCLID_VIS), [True, False])
    tiny = draws([0j], radius=0.1, size=0.5)
    assert Selection(resolved=False).resolves(tiny, EUCLID_VIS).all()


def test_magnification_and_shearing():
    three = draws([0j] * 3, size=[0.1, 0.1, 0.05])
    magnified = Selection().magnifies(three, np.array([3.1, 2.9, 3.1]), EUCLID_VIS)
    np.testing.assert_array_equal(magnified, [True, False, False])  # 0.155 < 0.17 arcsec
    assert Selection(resolved=False).magnifies(three, np.array([3.1, 2.9, 3.1]), EUCLID_VIS).tolist() == [1, 0, 1]


def test_the_quick_look_passes_the_bright_and_refuses_the_hopeless():
    three = draws([0.2 + 0j, 0.2 + 0j, 3.0 + 0j], magnitude=[23.0, 29.0, 23.0])
    np.testing.assert_array_equal(Selection().promising(three, EUCLID_VIS), [True, False, False])


def test_the_quick_look_refuses_none_that_would_pass():
    population, selection = Population().draw(np.random.default_rng(2), 96), Selection()
    renderer = BatchedRenderer(EUCLID_VIS)
    light = renderer.lensed(population.system, 96)
    arcs = renderer.draw(light) * EUCLID_VIS.electrons(0.0)
    passes = selection.resolves(population, EUCLID_VIS)
    passes &= selection.magnifies(population, light.flux / population.flux, EUCLID_VIS)
    passes &= signal_to_noise(arcs, EUCLID_VIS.noise_map(arcs)) > selection.min_snr
    promising = selection.promising(population, EUCLID_VIS)
    assert 0 < passes.sum() < promising.sum() < 96
    assert not (passes & ~promising).any()


def test_a_draw_is_judged_as_if_alone():
    some = Population().draw(np.random.default_rng(3), 24)
    together, selection = Selection().promising(some, EUCLID_VIS), Selection()
    images = selection.images(some)
    for i in range(24):
        one = some.take(np.array([i]))
        assert selection.promising(one, EUCLID_VIS)[0] == together[i]
        assert selection.images(one).multiplicity[0] == images.multiplicity[i]


def test_signal_to_noise_of_equal_pixels_is_closed_form():
    signal = np.zeros((2, 10, 10))
    signal[0, :2, :5] = 7.0
    signal[1, 3, 3] = 4.0
    expected = [10 * 7 / (2 * np.sqrt(10)), 2.0]
    np.testing.assert_allclose(signal_to_noise(signal, np.full((2, 10, 10), 2.0)), expected)
    assert signal_to_noise(signal[0], np.full((10, 10), 2.0)) == pytest.approx(expected[0])


def test_without_other_light_sorting_the_values_is_enough():
    signal = np.random.default_rng(5).exponential(30.0, (3, 20, 20)) ** 2
    background = np.array([100.0, 3000.0, 1e5])
    noise = np.sqrt(signal + background[:, None, None])
    np.testing.assert_allclose(unblended_signal_to_noise(signal, background), signal_to_noise(signal, noise), rtol=1e-6)


def test_faint_pixels_do_not_lower_it():
    rng = np.random.default_rng(1)
    signal = np.sort(rng.exponential(1.0, (20, 20)) ** 3)
    assert signal_to_noise(signal, np.ones((20, 20))) >= signal.max()


def test_torch_gets_the_same_signal_to_noise():
    rng = np.random.default_rng(4)
    signal, noise = rng.exponential(1.0, (3, 20, 20)) ** 3, rng.uniform(1, 2, (3, 20, 20))
    with_torch = signal_to_noise(torch.from_numpy(signal), torch.from_numpy(noise))
    np.testing.assert_allclose(with_torch, signal_to_noise(signal, noise), rtol=1e-12)
    assert signal_to_noise(signal[:0], noise[:0]).shape == (0,)
