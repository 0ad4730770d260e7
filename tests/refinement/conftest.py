"""A small lens rendered by brute force, apart from the package's own renderer."""

import numpy as np
import pytest
from scipy.signal import fftconvolve

from lenssbi.arrays import pixel_grid
from lenssbi.dataset.stamp import Stamp
from lenssbi.instrument import PSF
from lenssbi.lensing import EllipticalPowerLaw
from lenssbi.light import Sersic
from lenssbi.systems import LensSystem

PIXEL, SIDE, FINE = 0.1, 40, 5


TRUTH = {"einstein_radius": 0.9, "e1": 0.1, "e2": -0.05, "centre_x": 0.03, "centre_y": -0.02}


def _render(seed):
    """A stamp of 40x40 pixels [electron] with unit sky noise and an arc of peak S/N about 5."""
    centre = complex(TRUTH["centre_x"], TRUTH["centre_y"])
    lens = EllipticalPowerLaw(TRUTH["einstein_radius"], TRUTH["e1"], TRUTH["e2"], centre=centre)
    system = LensSystem((lens,), (Sersic(80.0, 0.2, 1.0, 0.8, 0.5, 0.1 + 0.05j),))
    light = system.surface_brightness(pixel_grid((SIDE, SIDE), PIXEL, FINE)) * (PIXEL / FINE) ** 2
    psf = PSF.gaussian(0.17, PIXEL / FINE)
    image = fftconvolve(light, psf.image, mode="same").reshape(SIDE, FINE, SIDE, FINE).sum(axis=(1, 3))
    noise = np.ones_like(image)
    image = image + np.random.default_rng(seed).normal(size=image.shape)
    return Stamp(image, noise, np.ones(image.shape, bool), PSF.gaussian(0.17), PIXEL, "ring")


@pytest.fixture(scope="session")
def truth():
    """True parameters of `ring`."""
    return TRUTH


@pytest.fixture(scope="session")
def ring():
    """A lens with a bright arc."""
    return _render(0)


@pytest.fixture(scope="session")
def other_ring():
    """The same lens with other noise."""
    return _render(1)
