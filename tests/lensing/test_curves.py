"""Critical curves and caustics of the singular isothermal ellipsoid, in closed form (Kormann et al. 1994)."""

import numpy as np
import pytest

from lenssbi.lensing import (
    EllipticalPowerLaw,
    ExternalShear,
    caustics,
    critical_curves,
    cut,
    equivalent_einstein_radius,
    inverse_magnification,
)
from lenssbi.systems import LensSystem

Q = 0.6
S = np.sqrt(1 - Q**2)
B = 1.1 * np.sqrt(Q)
SIE = EllipticalPowerLaw(1.1, (1 - Q**2) / (1 + Q**2), 0.0)


def test_critical_curve_is_the_einstein_ellipse():
    (curve,) = critical_curves(SIE, 2.0, 60)
    assert curve[0] == pytest.approx(curve[-1], abs=1e-9)
    np.testing.assert_allclose(np.hypot(Q * curve.real, curve.imag), B, rtol=1e-9)
    # A polygon inside an ellipse: second order in the length of its sides.
    assert equivalent_einstein_radius([curve]) == pytest.approx(1.1, rel=2e-3)
    assert equivalent_einstein_radius(critical_curves(SIE, 2.0, 400)) == pytest.approx(1.1, rel=5e-5)


def test_cusps_of_the_astroid():
    (caustic,) = caustics(SIE, critical_curves(SIE, 2.0, 400))
    assert abs(caustic.real).max() == pytest.approx(B / Q - B / S * np.arctan(S / Q), abs=1e-4)
    assert abs(caustic.imag).max() == pytest.approx(B / S * np.arctanh(S) - B, abs=1e-4)


def test_cut():
    curve = cut(SIE)
    assert curve[0] == pytest.approx(curve[-1])
    assert curve.real.max() == pytest.approx(B / S * np.arctan(S / Q), abs=1e-6)
    assert curve.imag.max() == pytest.approx(B / S * np.arctanh(S), abs=1e-6)


def test_shallow_mass_has_a_radial_critical_curve():
    lens = LensSystem((EllipticalPowerLaw(1.1, 0.1, 0.1, 1.6, 0.02j), ExternalShear(0.05)))
    curves = critical_curves(lens, 2.5)
    assert len(curves) == 2
    for curve in curves:
        np.testing.assert_allclose(inverse_magnification(lens, curve), 0, atol=1e-8)


def test_weak_field_has_no_critical_curve():
    assert critical_curves(ExternalShear(0.1), 2.0) == []
    with pytest.raises(ValueError, match="wider field"):
        equivalent_einstein_radius([])
