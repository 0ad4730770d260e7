"""The effective radius of a lens against the critical curve itself, closed forms and lenstronomy."""

import numpy as np
import pytest

from lenssbi.lensing import EllipticalPowerLaw, ExternalShear, Together, critical_curves, equivalent_einstein_radius
from lenssbi.parameters.conversions import to_lenstronomy
from lenssbi.posteriors import Samples
from lenssbi.posteriors.effective import effective_radii, effective_radius

LENSES = [
    (1.1, 0.3 - 0.2j, 0.1 + 0.05j, 2.0),
    (1.1, 0.3 - 0.2j, 0.1 + 0.05j, 1.7),
    (0.6, 0.55j, -0.1 + 0.15j, 2.4),
    (1.4, 0.7 + 0j, 0.2 + 0j, 2.1),
    (1.0, 0j, 0.05j, 1.5),
]


def named(radius, e, shear=0j, slope=2.0):
    found = {"einstein_radius": radius, "e1": e.real, "e2": e.imag, "slope": slope}
    return found | {"shear1": shear.real, "shear2": shear.imag}


@pytest.mark.parametrize(("radius", "e", "shear", "slope"), LENSES)
def test_it_is_the_area_within_the_critical_curve(radius, e, shear, slope):
    lens = Together((EllipticalPowerLaw(radius, e.real, e.imag, slope, 0.1 - 0.2j), ExternalShear(shear)))
    curve = equivalent_einstein_radius(critical_curves(lens, 4 * radius, 400))
    assert float(effective_radius(named(radius, e, shear, slope))) == pytest.approx(curve, rel=1e-4)


@pytest.mark.parametrize("e", [0j, 0.3 - 0.2j, -0.6j, 0.92 + 0j])
def test_of_an_unsheared_isothermal_lens_it_is_the_einstein_radius(e):
    """|e| = 0.92 is q = 0.2."""
    assert float(effective_radius(named(1.3, e))) == pytest.approx(1.3, rel=1e-5)


@pytest.mark.parametrize("slope", [1.4, 2.0, 2.6])
def test_of_a_round_lens_in_a_shear_in_closed_form(slope):
    """Of a round isothermal lens r = R (1 - g cos 2 phi) / (1 - g^2), whose mean square is R^2 (1 + g^2 / 2) / (1 - g^2)^2."""
    g = 0.12
    assert float(effective_radius(named(0.8, 0j, 0j, slope))) == pytest.approx(0.8, rel=1e-12)
    if slope == 2.0:
        found = float(effective_radius(named(0.8, 0j, g * np.exp(0.7j))))
        assert found == pytest.approx(0.8 * np.sqrt(1 + g**2 / 2) / (1 - g**2), rel=1e-12)


def test_both_ways_to_it_agree_next_to_the_isothermal_slope():
    near, at = (float(effective_radius(named(1.0, 0.4 + 0.1j, 0.1j, slope))) for slope in (2 + 1e-9, 2.0))
    assert near == pytest.approx(at, rel=1e-8)


@pytest.mark.reference
@pytest.mark.parametrize(("radius", "e", "shear", "slope"), LENSES[:3])
def test_lenstronomy_agrees(radius, e, shear, slope):
    """The area within its tangential critical curve; its own `effective_einstein_radius` is another one, which leaves the shear out."""
    models = pytest.importorskip("lenstronomy.LensModel.lens_model")
    extensions = pytest.importorskip("lenstronomy.LensModel.lens_model_extensions").LensModelExtensions
    keywords = to_lenstronomy(named(radius, e, shear, slope))
    lens = extensions(models.LensModel(list(keywords)))
    curves = lens.critical_curve_caustics(list(keywords.values()), compute_window=4 * radius, grid_scale=0.02)[:2]
    theirs = equivalent_einstein_radius([x + 1j * y for x, y in zip(*map(list, curves), strict=True)])
    assert float(effective_radius(named(radius, e, shear, slope))) == pytest.approx(theirs, rel=2e-3)


def test_one_answer_for_each_draw_and_none_for_what_is_no_lens():
    columns = [[1.0, 1.5, 1.0, -1.0], [0.0, 0.2, 1.5, 0.0], [0.0, 0.0, 0.0, 0.0], [2.0, 2.0, 2.0, 2.0]]
    samples = Samples(np.array(columns).T, ("einstein_radius", "e1", "e2", "slope"), ("arcsec", "", "", ""))
    np.testing.assert_allclose(effective_radii(samples), [1.0, 1.5, np.nan, np.nan], rtol=1e-9)
    alone = [float(effective_radius(dict(zip(samples.names, row, strict=True)))) for row in samples.values]
    np.testing.assert_array_equal(effective_radii(samples), alone)
