"""Light profiles against GalSim (Rowe et al. 2015)."""

import numpy as np
import pytest

from lenssbi.light import Gaussian, Sersic

pytestmark = pytest.mark.reference

THETA = np.random.default_rng(6).uniform(-1, 1, (2, 60)).T @ np.array([1, 1j])


def brightness(profile, q, phi, centre):
    """GalSim's surface brightness, one point at a time as it insists."""
    galsim = pytest.importorskip("galsim")
    profile = profile.shear(q=q, beta=phi * galsim.radians).shift(centre.real, centre.imag)
    return np.array([profile.xValue(z.real, z.imag) for z in THETA])


@pytest.mark.parametrize("index", [0.5, 1.0, 2.3, 4.0, 6.0])
def test_sersic(index):
    galsim = pytest.importorskip("galsim")
    expected = brightness(galsim.Sersic(index, half_light_radius=0.3, flux=7.0), 0.6, 0.9, 0.1 - 0.05j)
    ours = Sersic(7.0, 0.3, index, 0.6, 0.9, 0.1 - 0.05j).surface_brightness(THETA)
    np.testing.assert_allclose(ours, expected, rtol=1e-6)


def test_gaussian():
    galsim = pytest.importorskip("galsim")
    expected = brightness(galsim.Gaussian(sigma=0.3, flux=7.0), 0.6, 0.9, 0.1 - 0.05j)
    ours = Gaussian(7.0, 0.3, 0.6, 0.9, 0.1 - 0.05j).surface_brightness(THETA)
    np.testing.assert_allclose(ours, expected, rtol=1e-9)
