"""What counts as a detectable lens."""

import numpy as np
import pytest

from lenssbi.instrument import EUCLID_VIS
from lenssbi.lensing import EllipticalPowerLaw
from lenssbi.light import Gaussian
from lenssbi.populations import Draw
from lenssbi.rendering.selection import Selection, signal_to_noise
from lenssbi.systems import LensSystem


def draw(beta=0.1 + 0j, radius=1.0, size=0.1, magnitude=23.0):
    source = Gaussian(10 ** (-0.4 * magnitude), size / np.sqrt(2 * np.log(2)), centre=beta)
    params = {"einstein_radius": radius, "centre_x": 0.0, "centre_y": 0.0}
    info = {
        "source_effective_radius": size,
        "source_x": beta.real,
        "source_y": beta.imag,
        "source_magnitude": magnitude,
    }
    return Draw(LensSystem((EllipticalPowerLaw(radius, 0.0, 0.0),), (source,)), params, info)


def test_isothermal_sphere_has_two_images_inside_its_radius_and_one_outside():
    assert Selection().images(draw(0.5 + 0.2j)) == 2
    assert Selection().images(draw(1.1 + 0j)) == 1


def test_resolved_needs_the_einstein_radius_to_exceed_source_and_seeing():
    assert Selection().resolves(draw(radius=1.0, size=0.9), EUCLID_VIS)
    assert not Selection().resolves(draw(radius=1.0, size=0.999), EUCLID_VIS)
    assert Selection(resolved=False).resolves(draw(radius=0.1, size=0.5), EUCLID_VIS)


def test_magnification_and_shearing():
    assert Selection().magnifies(draw(size=0.1), 3.1, EUCLID_VIS)
    assert not Selection().magnifies(draw(size=0.1), 2.9, EUCLID_VIS)
    assert not Selection().magnifies(draw(size=0.05), 3.1, EUCLID_VIS)  # 0.155 < 0.17 arcsec


def test_the_quick_look_passes_the_bright_and_refuses_the_hopeless():
    assert Selection().promising(draw(0.2 + 0j), EUCLID_VIS)
    assert not Selection().promising(draw(0.2 + 0j, magnitude=29.0), EUCLID_VIS)
    assert not Selection().promising(draw(3.0 + 0j), EUCLID_VIS)


def test_signal_to_noise_of_equal_pixels_is_closed_form():
    signal = np.zeros((10, 10))
    signal[:2, :5] = 7.0
    assert signal_to_noise(signal, np.full((10, 10), 2.0)) == pytest.approx(10 * 7 / (2 * np.sqrt(10)))


def test_faint_pixels_do_not_lower_it():
    rng = np.random.default_rng(1)
    signal = np.sort(rng.exponential(1.0, (20, 20)) ** 3)
    assert signal_to_noise(signal, np.ones((20, 20))) >= signal.max()
