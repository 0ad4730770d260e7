"""A lens system adds up its parts."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from lenssbi.arrays import pixel_grid
from lenssbi.lensing import EllipticalPowerLaw, ExternalShear
from lenssbi.light import Gaussian, Sersic
from lenssbi.systems import LensSystem

SIE = EllipticalPowerLaw(1.0, 0.2, 0.1)
SHEAR = ExternalShear(0.05j)
THETA = pixel_grid((12, 10), 0.35)


@pytest.mark.parametrize("method", ["deflection", "convergence", "shear"])
def test_deflectors_add_up_in_any_order(method):
    expected = getattr(SIE, method)(THETA) + getattr(SHEAR, method)(THETA)
    for deflectors in ((SIE, SHEAR), (SHEAR, SIE)):
        np.testing.assert_allclose(getattr(LensSystem(deflectors), method)(THETA), expected, rtol=1e-14)


def test_magnification_is_of_the_whole_not_a_product():
    system = LensSystem((SIE, SHEAR))
    gamma = SIE.shear(THETA) + 0.05j
    expected = 1 / ((1 - SIE.convergence(THETA)) ** 2 - abs(gamma) ** 2)
    np.testing.assert_allclose(system.magnification(THETA), expected, rtol=1e-10)


def test_surface_brightness_is_conserved():
    source, other = Sersic(3.0, 0.2, 1.0, 0.7, 0.4, 0.05), Gaussian(1.0, 0.1)
    system = LensSystem((SIE, SHEAR), (source, other))
    beta = THETA - SIE.deflection(THETA) - SHEAR.deflection(THETA)
    expected = source.surface_brightness(beta) + other.surface_brightness(beta)
    np.testing.assert_allclose(system.source_angle(THETA), beta, atol=1e-15)
    np.testing.assert_allclose(system.surface_brightness(THETA), expected, rtol=1e-13)


def test_a_small_source_is_magnified_as_the_lens_equation_says():
    """An isothermal sphere magnifies a point at beta by 2 / beta in all, 2 einstein_radius / beta."""
    system = LensSystem((EllipticalPowerLaw(1.0, 0.0, 0.0),), (Gaussian(1.0, 0.02, centre=0.4),))
    flux = system.surface_brightness(pixel_grid((400, 400), 0.01)).sum() * 0.01**2
    assert flux == pytest.approx(5.0, rel=5e-3)  # the source has a size: (sigma / beta)^2 / 2 and so on


def test_lens_light_is_not_lensed():
    light = Gaussian(1.0, 0.5)
    system = LensSystem((SIE,), (), (light,))
    np.testing.assert_array_equal(system.surface_brightness(THETA), np.zeros(THETA.shape))


def test_without_deflectors_nothing_bends():
    system = LensSystem(())
    np.testing.assert_array_equal(system.source_angle(THETA), THETA)
    np.testing.assert_array_equal(system.magnification(THETA), np.ones(THETA.shape))
    assert system.convergence(THETA).dtype.kind == "f"


def test_batches_broadcast():
    radius = np.array([0.5, 1.0, 1.5])[:, None, None]
    system = LensSystem((EllipticalPowerLaw(radius, 0.2, 0.1), SHEAR), (Gaussian(1.0, 0.3 * radius),))
    batched = system.surface_brightness(THETA)
    for i, r in enumerate(radius.ravel()):
        one = LensSystem((EllipticalPowerLaw(r, 0.2, 0.1), SHEAR), (Gaussian(1.0, 0.3 * r),))
        np.testing.assert_allclose(batched[i], one.surface_brightness(THETA), rtol=1e-12)


def test_frozen():
    with pytest.raises(FrozenInstanceError):
        LensSystem((SIE,)).source = ()
