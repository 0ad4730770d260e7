"""Each row of docs/reference/conventions.md: both codes' deflections of the converted lens are the same."""

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad_vec

from lenssbi.lensing import EllipticalPowerLaw, ExternalShear
from lenssbi.parameters import conversions, ellipticity

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "conventions.md"
THETA = np.array([1.0 + 0.2j, -0.8 + 1.1j, 0.1 - 1.9j, -2.0 - 0.5j, 0.6 + 0.7j])
LENSES = [
    {"q": 0.6, "phi": 25.0, "slope": 2.0, "shear": 0.06 - 0.04j, "centre": 0.05 - 0.12j},
    {"q": 0.4, "phi": 140.0, "slope": 1.7, "shear": -0.1 + 0.02j, "centre": 0.0j},
    {"q": 0.85, "phi": 90.0, "slope": 2.3, "shear": 0.08j, "centre": -0.2 + 0.1j},
    {"q": 1.0, "phi": 0.0, "slope": 2.0, "shear": 0j, "centre": 0.3 + 0j},
]


def ours(lens):
    """A lens by the names of lenssbi's parameters."""
    e = complex(ellipticity(np.asarray(lens["q"]), np.radians(lens["phi"])))
    found = {"einstein_radius": 1.3, "e1": e.real, "e2": e.imag, "slope": lens["slope"]}
    found |= {"shear1": lens["shear"].real, "shear2": lens["shear"].imag}
    return found | {"centre_x": lens["centre"].real, "centre_y": lens["centre"].imag}


def deflection(params):
    centre = complex(params["centre_x"], params["centre_y"])
    mass = EllipticalPowerLaw(params["einstein_radius"], params["e1"], params["e2"], params["slope"], centre)
    return mass.deflection(THETA) + ExternalShear(complex(params["shear1"], params["shear2"])).deflection(THETA)


def autolens_deflection(theirs):
    """Of PyAutoLens's PowerLaw and ExternalShear, by the definitions of PyAutoGalaxy's `power_law_core.py` and `convert.py`.

    kappa(xi) = (3 - slope)/(1 + q) (theta_E/xi)^(slope - 1), xi^2 = x^2 + y^2/q^2, with the deflections of Keeton (2001, astro-ph/0102341,
    eq. 26 to 29) of any kappa of an elliptical radius: q x_j times the integral of kappa(xi(u)) / (1 - (1 - q^2) u)^(j + 1/2) from 0 to 1.
    """
    modulus = np.hypot(theirs["ell_comps_0"], theirs["ell_comps_1"])
    q, phi = (1 - modulus) / (1 + modulus), np.arctan2(theirs["ell_comps_0"], theirs["ell_comps_1"]) / 2
    z = (THETA - (theirs["centre_1"] + 1j * theirs["centre_0"])) * np.exp(-1j * phi)
    slope = theirs["slope"]

    def integrand(v):  # u = v^4 takes the singularity at u = 0 away
        u = v**4
        xi = np.sqrt(u * (z.real**2 + z.imag**2 / (1 - (1 - q**2) * u)))
        kappa = (3 - slope) / (1 + q) * (theirs["einstein_radius"] / xi) ** (slope - 1)
        along, across = ((1 - (1 - q**2) * u) ** -(j + 0.5) for j in (0, 1))
        return 4 * v**3 * kappa * (z.real * along + 1j * z.imag * across)

    mass = q * quad_vec(integrand, 1e-12, 1, epsabs=1e-12, epsrel=1e-11)[0] * np.exp(1j * phi)
    return mass + (theirs["gamma_1"] + 1j * theirs["gamma_2"]) * np.conj(THETA)


@pytest.mark.parametrize("lens", LENSES)
def test_autolens(lens):
    params = ours(lens)
    theirs = conversions.to_autolens(params)
    np.testing.assert_allclose(autolens_deflection(theirs), deflection(params), rtol=1e-7)
    back = conversions.from_autolens(theirs)
    assert back == {name: pytest.approx(value, abs=1e-14) for name, value in params.items()}


def test_autolens_refuses_what_is_no_ellipse():
    with pytest.raises(ValueError, match="belongs to no ellipse"):
        conversions.from_autolens({"einstein_radius": 1.0, "ell_comps_0": 0.8, "ell_comps_1": 0.7})


@pytest.mark.reference
@pytest.mark.parametrize("lens", LENSES)
def test_lenstronomy(lens):
    models = pytest.importorskip("lenstronomy.LensModel.lens_model")
    params = ours(lens)
    theirs = conversions.to_lenstronomy(params)
    x, y = models.LensModel(list(theirs)).alpha(THETA.real, THETA.imag, list(theirs.values()))
    np.testing.assert_allclose(x + 1j * y, deflection(params), atol=1e-8)
    back = conversions.from_lenstronomy(theirs["EPL"], theirs["SHEAR"])
    assert back == {name: pytest.approx(value, abs=1e-14) for name, value in params.items()}


@pytest.mark.reference
@pytest.mark.parametrize("lens", LENSES)
def test_coolest(lens):
    """By the profiles of its own API."""
    profiles = pytest.importorskip("coolest.api.profiles.mass")
    params = ours(lens)
    theirs = {name: float(value) for name, value in conversions.to_coolest(params).items()}
    shear = {name: theirs.pop(name) for name in ("gamma_ext", "phi_ext")}
    assert all(-90 < angle <= 90 for angle in (theirs["phi"], shear["phi_ext"]))
    found = [profiles.PEMD().deflection(THETA.real, THETA.imag, **theirs)]
    found.append(profiles.ExternalShear().deflection(THETA.real, THETA.imag, **shear))
    x, y = (sum(parts) for parts in zip(*found, strict=True))
    np.testing.assert_allclose(x + 1j * y, deflection(params), rtol=1e-8)
    back = conversions.from_coolest(theirs | shear)
    assert back == {name: pytest.approx(value, abs=1e-12) for name, value in params.items()}


def test_parameters_that_were_not_inferred_are_those_of_an_isothermal_lens_in_the_middle():
    bare = {"einstein_radius": 1.2, "e1": 0.2, "e2": -0.1}
    assert list(conversions.to_lenstronomy(bare)) == ["EPL"]
    assert conversions.to_lenstronomy(bare)["EPL"]["gamma"] == 2.0
    assert conversions.to_coolest(bare)["center_x"] == 0.0
    assert "gamma_ext" not in conversions.to_coolest(bare)
    assert "gamma_1" not in conversions.to_autolens(bare)
    f = np.abs(conversions.flattening(bare))
    assert conversions.to_autolens(bare)["einstein_radius"] == pytest.approx(1.2 / np.sqrt(1 - f**2))


def test_arrays_are_converted_at_once():
    draws = {name: np.array([ours(lens)[name] for lens in LENSES]) for name in ours(LENSES[0])}
    for convert in (conversions.to_autolens, conversions.to_coolest):
        for i, lens in enumerate(LENSES):
            alone = convert(ours(lens))
            assert {n: float(v[i]) for n, v in convert(draws).items()} == {n: float(v) for n, v in alone.items()}


@pytest.mark.parametrize("code", ["lenstronomy", "PyAutoLens", "COOLEST"])
def test_the_page_has_a_row_for_every_parameter(code):
    (section,) = re.findall(rf"^## {code}\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    named = {word for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE) for word in re.findall(r"`(\w+)", row)}
    params = ours(LENSES[0])
    theirs = {
        "lenstronomy": lambda: set().union(*map(set, conversions.to_lenstronomy(params).values())) - {"ra_0", "dec_0"},
        "PyAutoLens": lambda: {
            re.sub(r"(ell_comps|centre)_\d", r"\1", name) for name in conversions.to_autolens(params)
        },
        "COOLEST": lambda: set(conversions.to_coolest(params)),
    }[code]()
    assert theirs <= named
