"""Stamps against an oversampled brute force, closed forms, and each other."""

import numpy as np
import pytest
from scipy import special

galsim = pytest.importorskip("galsim")

from lenssbi.arrays import pixel_grid  # noqa: E402
from lenssbi.instrument import EUCLID_VIS, PSF, Camera  # noqa: E402
from lenssbi.instrument.psf import FWHM_PER_SIGMA  # noqa: E402
from lenssbi.lensing import EllipticalPowerLaw  # noqa: E402
from lenssbi.light import Gaussian, Sersic  # noqa: E402
from lenssbi.rendering.renderer import Renderer  # noqa: E402
from lenssbi.systems import LensSystem  # noqa: E402

MASS = EllipticalPowerLaw(1.1, 0.2, 0.1, 2.0, 0.03 + 0.02j)
SMALL = Camera(shape=(50, 50))
SOURCES = {
    "gaussian": (Gaussian(1.0, 0.1, 0.7, 0.5, 0.1 + 0.06j), 0.005),
    "exponential": (Sersic(1.0, 0.2, 1.0, 0.7, 0.5, 0.25 + 0.1j), 0.005),
    "n=2": (Sersic(1.0, 0.25, 2.0, 0.7, 0.5, 0.1 + 0.06j), 0.005),
    "de vaucouleurs": (Sersic(1.0, 0.25, 4.0, 0.7, 0.5, 0.1 + 0.06j), 0.01),
}


def brute_force(source, camera, n=16, cusp=40):
    """Rays on a uniform fine grid, those near the source's centre replaced by the mean of cusp^2 more; blurred by error functions."""
    system = LensSystem((MASS,), (source,))
    theta = pixel_grid(camera.shape, camera.pixel_scale, n)
    width = camera.pixel_scale / n
    light = system.surface_brightness(theta)
    if isinstance(source, Sersic):
        near = np.abs(system.source_angle(theta) - source.centre) < 4 * width
        parts = theta[near][:, None, None] + pixel_grid((1, 1), width, cusp)
        light[near] = system.surface_brightness(parts).mean(axis=(1, 2))
    sigma = camera.psf_fwhm / FWHM_PER_SIGMA
    centres = pixel_grid((1, camera.shape[1]), camera.pixel_scale).real[0]
    points = pixel_grid((1, camera.shape[1]), camera.pixel_scale, n).real[0]
    edges = centres[:, None] + np.array([-0.5, 0.5])[:, None, None] * camera.pixel_scale
    collect = special.ndtr((edges[1] - points) / sigma) - special.ndtr((edges[0] - points) / sigma)
    return collect @ light @ collect.T * width**2


@pytest.mark.parametrize("engine", ["galsim", "fourier"])
@pytest.mark.parametrize("kind", SOURCES)
def test_noiseless_stamp_equals_brute_force(kind, engine):
    source, tolerance = SOURCES[kind]
    truth = brute_force(source, SMALL)
    stamp = Renderer(SMALL, engine=engine).source(LensSystem((MASS,), (source,))) / SMALL.electrons(0.0)
    assert np.abs(stamp - truth).max() < tolerance * truth.max()
    assert stamp.sum() == pytest.approx(truth.sum(), rel=3e-3)


def test_both_engines_and_orders_of_components_agree():
    sources = tuple(s for s, _ in SOURCES.values())
    one = Renderer(SMALL).source(LensSystem((MASS,), sources))
    two = Renderer(SMALL, engine="fourier").source(LensSystem((MASS,), sources[::-1]))
    assert np.abs(one - two).max() < 5e-3 * one.max()


def test_unlensed_light_equals_galsims_own():
    light = Sersic(10.0, 0.6, 2.0, 0.6, 0.4, 0.2 + 0.1j)
    drawn = Renderer(SMALL).lens_light(LensSystem((), (), (light,))) / SMALL.electrons(0.0)
    theirs = (
        galsim.Sersic(2.0, half_light_radius=0.6, flux=10.0).shear(q=0.6, beta=0.4 * galsim.radians).shift(0.2, 0.1)
    )
    image = galsim.Convolve(theirs, galsim.Gaussian(fwhm=SMALL.psf_fwhm)).drawImage(
        nx=50, ny=50, scale=0.1, dtype=float
    )
    assert (
        np.abs(drawn - image.array).max() < 0.05 * image.array.max()
    )  # one ray a pixel but for the cusp: it only makes shot noise


def test_psf_image_and_gaussian_agree():
    system = LensSystem((MASS,), (SOURCES["gaussian"][0],))
    gaussian = Renderer(SMALL).source(system)
    image = Renderer(SMALL, PSF.gaussian(SMALL.psf_fwhm, 0.0125)).source(system)
    assert np.abs(gaussian - image).max() < 5e-3 * gaussian.max()


def test_an_effective_psf_is_not_blurred_by_the_pixel_again():
    system = LensSystem((MASS,), (SOURCES["gaussian"][0],))
    fine = (np.arange(97) - 48) * 0.0125
    sigma = SMALL.psf_fwhm / FWHM_PER_SIGMA
    line = special.ndtr((fine + 0.05) / sigma) - special.ndtr((fine - 0.05) / sigma)
    effective = Renderer(SMALL, PSF(np.outer(line, line), 0.0125, "effective")).source(system)
    gaussian = Renderer(SMALL).source(system)
    assert np.abs(gaussian - effective).max() < 5e-3 * gaussian.max()


def test_magnification_is_the_flux_ratio():
    # SIS: a point-like source at beta is magnified by 2 / beta (in Einstein radii)
    system = LensSystem((EllipticalPowerLaw(1.0, 0.0, 0.0),), (Gaussian(1.0, 0.03, centre=0.5 + 0j),))
    assert Renderer(SMALL).lensed(system).flux == pytest.approx(4.0, rel=0.01)


def test_noise_has_the_cameras_variance_and_no_bias():
    renderer, rng = Renderer(EUCLID_VIS), np.random.default_rng(3)
    source, lens_light = np.full((100, 100), 400.0), np.full((100, 100), 3000.0)
    residual = np.stack([renderer.observe(source, lens_light, rng) - source for _ in range(20)])
    sigma = EUCLID_VIS.noise_map(source + lens_light)[0, 0]
    assert residual.std() / sigma == pytest.approx(1, abs=5 / np.sqrt(2 * residual.size))
    assert abs(residual.mean()) < 5 * sigma / np.sqrt(residual.size)


def test_the_first_row_is_the_bottom_one():
    system = LensSystem((EllipticalPowerLaw(0.3, 0.0, 0.0),), (Gaussian(1.0, 0.1, centre=-1.5j),))
    image = Renderer(SMALL).source(system)
    assert image[:25].sum() > 100 * image[25:].sum()
