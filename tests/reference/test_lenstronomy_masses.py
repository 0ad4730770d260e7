"""Spherical masses, power laws and several planes against lenstronomy (Birrer & Amara 2018)."""

import numpy as np
import pytest

from lenssbi.lensing import (
    NFW,
    EllipticalPowerLaw,
    ExternalShear,
    Hernquist,
    MultiPlane,
    Together,
    derivatives,
    image_positions,
    magnification,
)
from lenssbi.parameters.transforms import ellipticity
from lenssbi.populations.cosmology import lensing_ratio

pytestmark = [pytest.mark.reference, pytest.mark.filterwarnings("ignore:Cosmology is provided")]

CENTRE = 0.05 - 0.03j
AT = {"center_x": CENTRE.real, "center_y": CENTRE.imag}
X, Y = np.random.default_rng(0).uniform(-3, 3, (2, 400))
THETA = X + 1j * Y
Q, PHI = 0.7, 0.4
E = complex(ellipticity(np.asarray(Q), np.asarray(PHI)))
G = (1 - Q) / (1 + Q) * np.exp(2j * PHI)  # lenstronomy's ellipticity


def power_law(slope):
    ours = EllipticalPowerLaw(1.2, E.real, E.imag, slope, CENTRE)
    return ours, "EPL", {"theta_E": 1.2, "gamma": slope, "e1": G.real, "e2": G.imag, **AT}


def nfw(kappa_s, scale_radius, centre=CENTRE):
    at_scale_radius = 4 * kappa_s * scale_radius * (1 - np.log(2))
    keywords = {"Rs": scale_radius, "alpha_Rs": at_scale_radius, "center_x": centre.real, "center_y": centre.imag}
    return NFW(kappa_s, scale_radius, centre), "NFW", keywords


def hernquist(kappa_s, scale_radius):
    return Hernquist(kappa_s, scale_radius, CENTRE), "HERNQUIST", {"sigma0": kappa_s, "Rs": scale_radius, **AT}


SHEAR = ExternalShear(0.04 - 0.02j), "SHEAR", {"gamma1": 0.04, "gamma2": -0.02}
MASSES = {
    "sie": power_law(2.0),
    "shallow": power_law(1.5),
    "steep": power_law(2.5),
    "shear": SHEAR,
    "nfw": nfw(0.3, 5.0),
    "nfw-within": nfw(0.8, 0.9),
    "hernquist": hernquist(1.4, 0.8),
}


def one_plane(*parts):
    lens_model = pytest.importorskip("lenstronomy.LensModel.lens_model")
    deflectors, names, keywords = zip(*parts, strict=True)
    return Together(deflectors), lens_model.LensModel(list(names)), list(keywords)


def three_planes():
    """A halo in front, a power law with shear, a halo behind."""
    lens_model = pytest.importorskip("lenstronomy.LensModel.lens_model")
    from astropy.cosmology import Planck18

    front, middle, behind = nfw(0.1, 4.0, 0.8 - 1.1j), power_law(2.1), nfw(0.15, 2.0, -0.5 + 0.9j)
    redshifts, z_source = (0.25, 0.5, 0.9), 2.0
    parts = [front, middle, SHEAR, behind]
    theirs = lens_model.LensModel(
        [name for _, name, _ in parts],
        multi_plane=True,
        lens_redshift_list=[0.25, 0.5, 0.5, 0.9],
        z_source=z_source,
        cosmo=Planck18,
    )
    ratios = tuple(
        tuple(float(lensing_ratio(z, at, z_source)) for z in redshifts[:j]) for j, at in enumerate(redshifts)
    )
    ours = MultiPlane((front[0], Together((middle[0], SHEAR[0])), behind[0]), ratios)
    return ours, theirs, [keywords for _, _, keywords in parts]


@pytest.mark.parametrize("mass", MASSES.values(), ids=MASSES.keys())
def test_deflection_convergence_shear_magnification(mass):
    ours, theirs, keywords = one_plane(mass)
    alpha_x, alpha_y = theirs.alpha(X, Y, keywords)
    gamma1, gamma2 = theirs.gamma(X, Y, keywords)
    np.testing.assert_allclose(ours.deflection(THETA), alpha_x + 1j * alpha_y, atol=1e-7)
    np.testing.assert_allclose(ours.convergence(THETA), theirs.kappa(X, Y, keywords), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(ours.shear(THETA), gamma1 + 1j * gamma2, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(1 / magnification(ours, THETA), 1 / theirs.magnification(X, Y, keywords), atol=1e-6)


def slopes(theirs, keywords, h=1e-3):
    """Derivatives d alpha_x / dx, d alpha_x / dy, d alpha_y / dx, d alpha_y / dy of lenstronomy's deflection, to fourth order."""

    def along(dx, dy):
        steps = {k: np.array(theirs.alpha(X + k * h * dx, Y + k * h * dy, keywords)) for k in (-2, -1, 1, 2)}
        return (8 * (steps[1] - steps[-1]) - (steps[2] - steps[-2])) / (12 * h)

    (xx, yx), (xy, yy) = along(1, 0), along(0, 1)
    return xx, xy, yx, yy


def test_several_planes():
    ours, theirs, keywords = three_planes()
    alpha_x, alpha_y = theirs.alpha(X, Y, keywords)
    np.testing.assert_allclose(ours.deflection(THETA), alpha_x + 1j * alpha_y, atol=1e-8)
    xx, xy, yx, yy = slopes(theirs, keywords)
    focus, shear = derivatives(ours, THETA)
    far = abs(THETA - CENTRE) > 0.3  # differences do not follow the cusp
    expected = (xx + yy) / 2 + 1j * (yx - xy) / 2, (xx - yy) / 2 + 1j * (yx + xy) / 2
    assert abs(expected[0].imag).max() > 1e-3  # the planes do turn images
    np.testing.assert_allclose(focus[far], expected[0][far], atol=1e-6)
    np.testing.assert_allclose(shear[far], expected[1][far], atol=1e-6)
    determinant = (1 - xx) * (1 - yy) - xy * yx
    np.testing.assert_allclose(1 / magnification(ours, THETA)[far], determinant[far], atol=1e-6)


SYSTEMS = {
    "sie": lambda: one_plane(power_law(2.0), SHEAR),
    "steep": lambda: one_plane(power_law(2.4), SHEAR),
    "nfw": lambda: one_plane(nfw(0.75, 3.0), SHEAR),
    "stars-and-halo": lambda: one_plane(hernquist(1.4, 0.8), nfw(0.2, 8.0), SHEAR),
    "planes": three_planes,
}


@pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS.keys())
@pytest.mark.parametrize("beta", [0.07 + 0.02j, 0.35 - 0.3j])
def test_image_positions(system, beta):
    ours, theirs, keywords = system()
    solver = pytest.importorskip("lenstronomy.LensModel.Solver.lens_equation_solver").LensEquationSolver(theirs)
    x, y = solver.image_position_from_source(
        beta.real, beta.imag, keywords, min_distance=0.04, search_window=8, precision_limit=1e-12, num_iter_max=200
    )
    theirs_at = x + 1j * y
    mu = theirs.magnification(x, y, keywords)
    theirs_at = theirs_at[abs(mu) > 0.02]  # their search does not promise the faint image in the centre
    images = image_positions(ours, beta, 4.0, faintest=0.02)
    assert images.theta.size == theirs_at.size >= 2
    np.testing.assert_allclose(np.sort_complex(images.theta), np.sort_complex(theirs_at), atol=1e-6)
