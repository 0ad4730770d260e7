"""Deflectors and image positions against lenstronomy (Birrer & Amara 2018)."""

import numpy as np
import pytest

from lenssbi.lensing import EllipticalPowerLaw, ExternalShear, critical_curves, image_positions
from lenssbi.lensing.curves import equivalent_einstein_radius
from lenssbi.parameters.transforms import ellipticity
from lenssbi.systems import LensSystem

pytestmark = pytest.mark.reference

CASES = [(0.7, 0.4, 2.0), (0.25, 2.0, 2.0), (0.2, 2.0, 1.7), (0.6, 1.0, 2.4), (0.98, 3.0, 2.0), (0.5, 0.0, 1.5)]


def pair(q, phi, slope):
    """The same power law with shear here and there."""
    lens_model = pytest.importorskip("lenstronomy.LensModel.lens_model")
    e = complex(ellipticity(np.asarray(q), np.asarray(phi)))
    g = (1 - q) / (1 + q) * np.exp(2j * phi)  # lenstronomy's ellipticity
    ours = LensSystem((EllipticalPowerLaw(1.3, e.real, e.imag, slope, 0.05 - 0.03j), ExternalShear(0.04 - 0.02j)))
    theirs = lens_model.LensModel(["EPL", "SHEAR"])
    keywords = [
        {"theta_E": 1.3, "gamma": slope, "e1": g.real, "e2": g.imag, "center_x": 0.05, "center_y": -0.03},
        {"gamma1": 0.04, "gamma2": -0.02},
    ]
    return ours, theirs, keywords


@pytest.mark.parametrize(("q", "phi", "slope"), CASES)
def test_deflection_convergence_shear(q, phi, slope):
    ours, theirs, keywords = pair(q, phi, slope)
    x, y = np.random.default_rng(0).uniform(-3, 3, (2, 500))
    theta = x + 1j * y
    alpha_x, alpha_y = theirs.alpha(x, y, keywords)
    gamma1, gamma2 = theirs.gamma(x, y, keywords)
    np.testing.assert_allclose(ours.deflection(theta), alpha_x + 1j * alpha_y, atol=1e-9)
    np.testing.assert_allclose(ours.convergence(theta), theirs.kappa(x, y, keywords), rtol=1e-9)
    np.testing.assert_allclose(ours.shear(theta), gamma1 + 1j * gamma2, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(1 / ours.magnification(theta), 1 / theirs.magnification(x, y, keywords), atol=1e-7)


@pytest.mark.parametrize(("q", "phi", "slope"), [(0.7, 0.4, 2.0), (0.6, 1.0, 2.2)])
@pytest.mark.parametrize("beta", [0.07 + 0.0j, 0.5 - 0.3j])
def test_image_positions(q, phi, slope, beta):
    ours, theirs, keywords = pair(q, phi, slope)
    solver = pytest.importorskip("lenstronomy.LensModel.Solver.lens_equation_solver").LensEquationSolver(theirs)
    x, y = solver.image_position_from_source(
        beta.real, beta.imag, keywords, min_distance=0.05, search_window=6, precision_limit=1e-12, num_iter_max=100
    )
    images = image_positions(ours, beta, 3.0)
    assert images.theta.size == x.size
    np.testing.assert_allclose(np.sort_complex(images.theta), np.sort_complex(x + 1j * y), atol=1e-6)


def test_einstein_radius_of_the_critical_curve():
    ours, theirs, keywords = pair(0.7, 0.4, 2.0)
    extensions = pytest.importorskip("lenstronomy.LensModel.lens_model_extensions").LensModelExtensions(theirs)
    (x,), (y,), _, _ = extensions.critical_curve_caustics(keywords, compute_window=6, grid_scale=0.02)
    expected = equivalent_einstein_radius([np.asarray(x) + 1j * np.asarray(y)])
    assert equivalent_einstein_radius(critical_curves(ours, 3.0)) == pytest.approx(expected, rel=1e-3)
