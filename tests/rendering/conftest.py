"""Random lens systems, and what a camera sees of one by brute force."""

import numpy as np
import pytest
from scipy import special

from lenssbi.arrays import pixel_grid
from lenssbi.instrument.psf import FWHM_PER_SIGMA
from lenssbi.lensing import EllipticalPowerLaw, ExternalShear
from lenssbi.light import Gaussian, Sersic
from lenssbi.systems import LensSystem

MARGIN = 5  # pixels from beyond the stamp, whose light the PSF brings into it


def draw_systems(n, seed, kind="sersic", index=None, slope=None, radius=(0.6, 1.6)):
    """A batch of lenses with a source near the middle: a Sersic, a Gaussian, or several Sersics of which some have no flux."""
    rng = np.random.default_rng(seed)

    def uniform(low, high):
        return rng.uniform(low, high, (n, 1, 1))

    b, q, phi = uniform(*radius), uniform(0.4, 1.0), uniform(0, np.pi)
    e = (1 - q**2) / (1 + q**2) * np.exp(2j * phi)
    centre = rng.normal(0, 0.1, (n, 1, 1)) + 1j * rng.normal(0, 0.1, (n, 1, 1))
    mass = EllipticalPowerLaw(b, e.real, e.imag, 2.0 if slope is None else uniform(*slope), centre)
    shear = ExternalShear(uniform(-0.05, 0.05) + 1j * uniform(-0.05, 0.05), centre)
    place = centre + 0.6 * b * np.sqrt(uniform(0, 1)) * np.exp(2j * np.pi * uniform(0, 1))
    parts = []
    for number in range(3 if kind == "several" else 1):
        flux = np.ones((n, 1, 1)) * (rng.uniform(size=(n, 1, 1)) < (1.0 if number == 0 else 0.5))
        size, shape = np.exp(uniform(np.log(0.08), np.log(0.5))), (uniform(0.3, 1), uniform(0, np.pi))
        at = place + (number > 0) * 0.1 * (uniform(-1, 1) + 1j * uniform(-1, 1))
        if kind == "gaussian":
            parts.append(Gaussian(flux, size / 1.1774, *shape, at))
        else:
            parts.append(
                Sersic(flux, size, uniform(0.5, 4) if index is None else np.full((n, 1, 1), index), *shape, at)
            )
    return LensSystem((mass, shear), tuple(parts))


def brute_force(system, camera, n=16, cusp=8):
    """Flux per pixel, from rays on a uniform fine grid, those near cusps divided three times over, blurred by error functions."""
    ny, nx = camera.shape
    theta = pixel_grid((ny + 2 * MARGIN, nx + 2 * MARGIN), camera.pixel_scale, n)
    width = camera.pixel_scale / n
    lens = LensSystem(system.deflectors)

    def mean(source, theta, width, level):
        beta = lens.source_angle(theta)
        light = source.surface_brightness(beta)
        near = np.abs(beta - source.centre) < 4 * width
        if level and isinstance(source, Sersic) and near.any():
            parts = theta[near][:, None, None] + pixel_grid((1, 1), width, cusp)
            light[near] = mean(source, parts, width / cusp, level - 1).mean(axis=(1, 2))
        return light

    light = sum(mean(source, theta, width, 3) for source in system.source if source.flux)
    sigma = camera.psf_fwhm / FWHM_PER_SIGMA
    centres = pixel_grid((1, camera.shape[1]), camera.pixel_scale).real[0]
    points = pixel_grid((1, nx + 2 * MARGIN), camera.pixel_scale, n).real[0]
    edges = centres[:, None] + np.array([-0.5, 0.5])[:, None, None] * camera.pixel_scale
    collect = special.ndtr((edges[1] - points) / sigma) - special.ndtr((edges[0] - points) / sigma)
    return collect @ light @ collect.T * width**2


@pytest.fixture(scope="session")
def systems():
    """See `draw_systems`."""
    return draw_systems


@pytest.fixture(scope="session")
def reference():
    """See `brute_force`."""
    return brute_force


@pytest.fixture(scope="session")
def worst():
    """The largest difference of two stacks of stamps, each over the peak of the second."""
    return lambda ours, theirs: float(np.max(np.abs(ours - theirs).max(axis=(1, 2)) / theirs.max(axis=(1, 2))))
