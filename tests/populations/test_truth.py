"""The fit of a power law to a convergence: exact where the lens is one, covariant where it is not."""

import numpy as np
import pytest

from lenssbi.lensing.epl import EllipticalPowerLaw
from lenssbi.lensing.external import ExternalShear
from lenssbi.lensing.nfw import NFW
from lenssbi.lensing.planes import MultiPlane, Together
from lenssbi.populations.light_cones import LightCone
from lenssbi.populations.truth import fit_convergence


def shape(fit):
    return np.array([fit["e1"] + 1j * fit["e2"], fit["centre_x"] + 1j * fit["centre_y"]])


def odd_lens(turn=1.0, scale=1.0):
    """No power law: an ellipse of slope 2.2 and an offset halo."""
    e = (0.3 - 0.2j) * turn**2
    ellipse = EllipticalPowerLaw(1.3 * scale, e.real, e.imag, 2.2, (0.05 + 0.02j) * turn * scale)
    return Together((ellipse, NFW(0.2, 3.0 * scale, (0.9 + 0.7j) * turn * scale)))


@pytest.mark.parametrize("model", ["sie", "power_law"])
@pytest.mark.parametrize("guess", [0.7, 1.0, 1.4])
@pytest.mark.parametrize(("e1", "e2"), [(0.0, 0.0), (0.1, -0.3), (-0.6, 0.3)])
def test_an_sie_is_itself(model, guess, e1, e2):
    lens = EllipticalPowerLaw(1.6, e1, e2, 2.0, 0.1 - 0.15j)
    fit = fit_convergence(Together((lens, ExternalShear(0.05))), model, 1.6 * guess)
    assert fit["einstein_radius"] == pytest.approx(1.6, rel=1e-6)
    assert fit["slope"] == pytest.approx(2.0, abs=1e-6)
    np.testing.assert_allclose(shape(fit), [e1 + 1j * e2, 0.1 - 0.15j], atol=1e-6)


@pytest.mark.parametrize("slope", [1.5, 1.8, 2.4])
def test_a_power_law_is_itself(slope):
    lens = EllipticalPowerLaw(2.1, 0.2, 0.25, slope, -0.1 + 0.1j)
    fit = fit_convergence(lens, "power_law", 1.7)
    assert fit["einstein_radius"] == pytest.approx(2.1, rel=1e-6)
    assert fit["slope"] == pytest.approx(slope, abs=1e-6)
    np.testing.assert_allclose(shape(fit), [0.2 + 0.25j, -0.1 + 0.1j], atol=1e-6)


def test_it_is_the_weighted_least_squares_solution():
    """No step away from the fit lowers the cost, evaluated on a grid of its own, finer and of another shape."""
    lens = odd_lens()
    fit = fit_convergence(lens, "sie", 1.4)
    radius, centre = fit["einstein_radius"], complex(fit["centre_x"], fit["centre_y"])
    axis = np.arange(-2, 2, 0.01) * radius
    theta = centre + axis[None, :] + 1j * axis[:, None]
    ring = (np.abs(theta - centre) > 0.2 * radius) & (np.abs(theta - centre) < 2 * radius)
    kappa = lens.convergence(theta)[ring]

    def cost(b, e1, e2, x, y):
        model = EllipticalPowerLaw(b, e1, e2, 2.0, complex(x, y)).convergence(theta)[ring]
        return np.sum(np.sqrt(kappa) * (kappa - model) ** 2)

    best = np.array([fit[name] for name in ("einstein_radius", "e1", "e2", "centre_x", "centre_y")])
    for k in range(5):
        step = 0.02 * np.eye(5)[k]
        assert cost(*best) < min(cost(*(best + step)), cost(*(best - step)))


@pytest.mark.parametrize("model", ["sie", "power_law"])
def test_turning_the_lens_turns_the_fit(model):
    turn = np.exp(0.7j)
    fit, turned = fit_convergence(odd_lens(), model, 1.4), fit_convergence(odd_lens(turn), model, 1.4)
    assert turned["einstein_radius"] == pytest.approx(
        fit["einstein_radius"], rel=2e-3
    )  # the halo's cusp is sampled elsewhere
    np.testing.assert_allclose(shape(turned), shape(fit) * [turn**2, turn], atol=5e-3)


@pytest.mark.parametrize("model", ["sie", "power_law"])
def test_scaling_the_lens_scales_the_fit(model):
    fit, scaled = fit_convergence(odd_lens(), model, 1.4), fit_convergence(odd_lens(scale=0.5), model, 0.7)
    assert scaled["einstein_radius"] == pytest.approx(fit["einstein_radius"] / 2, rel=1e-6)
    assert scaled["slope"] == pytest.approx(fit["slope"], abs=1e-6)
    np.testing.assert_allclose(shape(scaled), shape(fit) * [1, 0.5], atol=1e-6)


def test_the_guess_does_not_matter():
    fits = [
        fit_convergence(odd_lens(), "sie", guess, centre)
        for guess, centre in ((1.0, 0j), (1.4, 0.1j), (2.2, -0.1 + 0j))
    ]
    radii = [fit["einstein_radius"] for fit in fits]
    np.testing.assert_allclose(radii, radii[0], rtol=5e-3)


def test_a_uniform_sheet_adds_its_convergence():
    """Of small convergence k: kappa = b / (2 r) + k, the fit in closed form."""
    k = 0.02
    inner, outer = 0.2, 2.0  # of the ring, in units of the answer; the integrals of sqrt(kappa) to leading order in k

    class Sheet:
        def convergence(self, theta):
            return EllipticalPowerLaw(1.0, 0.0, 0.0).convergence(theta) + k

    r = np.linspace(inner, outer, 20001)
    for _ in range(20):
        kappa = 0.5 / r + k
        weight = r * np.sqrt(kappa)
        answer = np.sum(weight * kappa / (2 * r)) / np.sum(weight / (2 * r) ** 2)
        r = answer * np.linspace(inner, outer, 20001)
    fit = fit_convergence(Sheet(), "sie", 1.0)
    assert fit["einstein_radius"] == pytest.approx(answer, rel=2e-3)
    assert answer > 1.005


def test_negative_convergence_has_no_weight():
    class Hole:
        def convergence(self, theta):
            kappa = EllipticalPowerLaw(1.5, 0.2, 0.0).convergence(theta)
            return np.where(theta.real > 2.5, -5.0, kappa)

    fit = fit_convergence(Hole(), "sie", 1.5)
    assert fit["einstein_radius"] == pytest.approx(1.5, rel=1e-6)


def test_a_light_cone_shifts_the_einstein_radius():
    lens, shifts = EllipticalPowerLaw(1.8, 0.2, 0.1), []
    rng = np.random.default_rng(2)
    for _ in range(6):
        cone = LightCone(mean_subtracted=False).draw(rng, (0.5, 0.5), 2.0)
        fit = fit_convergence(cone.around((lens,), 2.0), "sie", 1.8)
        shifts.append(fit["einstein_radius"] / 1.8 - 1)
        assert abs(complex(fit["centre_x"], fit["centre_y"])) < 0.1
    assert 0.02 < np.median(shifts) < 0.25  # the paper: line-of-sight structure increases the observed Einstein radius


def test_an_empty_line_of_sight_changes_nothing():
    lens = EllipticalPowerLaw(1.2, 0.3, 0.1, 1.9)
    fit = fit_convergence(MultiPlane((Together(()), lens), ((), (0.3,))), "power_law", 1.0)
    assert fit["einstein_radius"] == pytest.approx(1.2, rel=1e-6)
    assert fit["slope"] == pytest.approx(1.9, abs=1e-6)


def test_what_cannot_be_fitted_is_refused():
    with pytest.raises(ValueError, match="nowhere positive"):
        fit_convergence(ExternalShear(0.1), "sie", 1.0)
    with pytest.raises(ValueError, match="not nfw"):
        fit_convergence(odd_lens(), "nfw", 1.0)
    with pytest.raises(ValueError, match="above 0"):
        fit_convergence(odd_lens(), "sie", 0.0)
