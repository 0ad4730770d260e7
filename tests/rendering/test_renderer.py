"""Stamps against an oversampled brute force, closed forms, and each other."""

import numpy as np
import pytest
from scipy import special

galsim = pytest.importorskip("galsim")

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


@pytest.mark.parametrize("kind", SOURCES)
def test_noiseless_stamp_equals_brute_force(kind, reference):
    source, tolerance = SOURCES[kind]
    truth = reference(LensSystem((MASS,), (source,)), SMALL)
    stamp = Renderer(SMALL).source(LensSystem((MASS,), (source,))) / SMALL.electrons(0.0)
    assert np.abs(stamp - truth).max() < tolerance * truth.max()
    assert stamp.sum() == pytest.approx(truth.sum(), rel=2e-3)


@pytest.mark.parametrize(("shape", "oversampling"), [((50, 50), 2), ((50, 70), 3), ((100, 100), 4), ((31, 31), 5)])
def test_the_padding_leaves_no_ghosts(shape, oversampling, reference):
    """GalSim interpolates an image's Fourier transform; a padding that does not fit costs a per cent."""
    camera = Camera(shape=shape)
    mass, source = EllipticalPowerLaw(0.8, 0.2, 0.1), Gaussian(1.0, 0.15, 0.7, 0.5, 0.1 + 0.06j)
    square = Camera(shape=(max(shape), max(shape)))
    truth = reference(LensSystem((mass,), (source,)), square, n=8)
    cut = [(max(shape) - n) // 2 for n in shape]
    truth = truth[cut[0] : cut[0] + shape[0], cut[1] : cut[1] + shape[1]]
    stamp = Renderer(camera, oversampling=oversampling).source(LensSystem((mass,), (source,))) / camera.electrons(0.0)
    assert np.abs(stamp - truth).max() < 3e-3 * truth.max()


def test_light_beyond_the_edge_is_blurred_into_the_stamp(reference):
    system = LensSystem((EllipticalPowerLaw(0.3, 0.0, 0.0),), (Gaussian(1.0, 0.2, centre=2.55 + 0.5j),))
    truth = reference(system, SMALL)
    stamp = Renderer(SMALL).source(system) / SMALL.electrons(0.0)
    assert np.abs(stamp - truth).max() < 5e-3 * truth.max()


def test_unlensed_light_equals_galsims_own():
    light = Sersic(10.0, 0.6, 2.0, 0.6, 0.4, 0.2 + 0.1j)
    drawn = Renderer(SMALL).lens_light(LensSystem((), (), (light,))) / SMALL.electrons(0.0)
    theirs = (
        galsim.Sersic(2.0, half_light_radius=0.6, flux=10.0).shear(q=0.6, beta=0.4 * galsim.radians).shift(0.2, 0.1)
    )
    image = galsim.Convolve(theirs, galsim.Gaussian(fwhm=SMALL.psf_fwhm)).drawImage(
        nx=50, ny=50, scale=0.1, dtype=float
    )
    assert np.abs(drawn - image.array).max() < 5e-3 * image.array.max()


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
