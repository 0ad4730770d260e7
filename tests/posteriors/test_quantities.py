"""Quantities of a lens against closed forms, laws and lenstronomy."""

import numpy as np
import pytest
from astropy import constants, units

from lenssbi.populations import cosmology as of_populations
from lenssbi.posteriors import Samples
from lenssbi.posteriors.cosmology import DEFAULT, cosmology_of, distances, in_words, kpc_per_arcsec
from lenssbi.posteriors.quantities import DISPERSION, EFFECTIVE, LENGTH, MASS, QUANTITIES, quantities
from lenssbi.status import InputError

Z = {"z_lens": 0.4, "z_source": 1.7}


def cloud(count=400, slope=False, shear=False, weighted=False):
    rng = np.random.default_rng(2)
    names = ["einstein_radius", "e1", "e2"] + ["shear1", "shear2"] * shear + ["slope"] * slope
    middle = {"einstein_radius": 1.2, "e1": 0.2, "e2": -0.1, "slope": 2.1, "shear1": 0.06, "shear2": 0.02}
    values = np.array([middle[name] for name in names]) + 0.02 * rng.normal(size=(count, len(names)))
    return Samples(values, tuple(names), ("",) * len(names), rng.normal(size=count) if weighted else None)


def test_without_redshifts_there_is_the_radius_alone():
    samples = cloud(weighted=True)
    found = quantities(samples)
    assert list(found) == [EFFECTIVE]
    own = samples.summary()["einstein_radius"]  # an isothermal lens without shear
    assert found[EFFECTIVE] == (*(pytest.approx(value, rel=1e-6) for value in own[:5]), "arcsec")


def test_a_shear_makes_it_larger():
    assert quantities(cloud(shear=True))[EFFECTIVE].median > cloud(shear=True).summary()["einstein_radius"].median


@pytest.mark.parametrize("cosmology", [None, "WMAP9", "H0=70,Om0=0.3"])
def test_lengths_mass_and_dispersion_in_closed_form(cosmology):
    samples, model = cloud(), cosmology_of(cosmology or DEFAULT)
    found = quantities(samples, Z | {"cosmology": cosmology})
    to_lens, to_source = (model.angular_diameter_distance(z) for z in Z.values())
    between = (model.comoving_distance(Z["z_source"]) - model.comoving_distance(Z["z_lens"])) / (1 + Z["z_source"])
    theta = samples.summary()["einstein_radius"].median * units.arcsec
    angle = theta.to_value("rad")
    length = (angle * to_lens).to_value("kpc")
    mass = (constants.c**2 / (4 * constants.G) * to_lens * to_source / between * angle**2).to_value("Msun")
    sigma = (constants.c * np.sqrt(angle / (4 * np.pi) * to_source / between)).to_value("km/s")
    for name, value in ((LENGTH, length), (MASS, mass), (DISPERSION, sigma)):
        assert found[name].median == pytest.approx(float(value), rel=1e-5), name  # the effective radius to 1e-6
        assert found[name].lower < found[name].median < found[name].upper
        assert found[name].unit == QUANTITIES[name][0]


@pytest.mark.reference
def test_lenstronomy_agrees():
    lens_cosmo = pytest.importorskip("lenstronomy.Cosmo.lens_cosmo").LensCosmo(*Z.values(), cosmo=cosmology_of())
    one = Samples(np.array([[1.2, 0.2, -0.1]]), ("einstein_radius", "e1", "e2"), ("arcsec", "", ""))
    found = {name: summary.median for name, summary in quantities(one, Z).items()}
    assert found[MASS] == pytest.approx(
        lens_cosmo.mass_in_theta_E(1.2), rel=4e-4
    )  # its constant of gravity differs by 3e-4
    assert found[DISPERSION] == pytest.approx(lens_cosmo.sis_theta_E2sigma_v(1.2), rel=2e-5)
    assert found[LENGTH] == pytest.approx(lens_cosmo.phys2arcsec_lens(1.0) ** -1 * 1.2 * 1e3, rel=2e-5)


def test_populations_have_the_same_distances():
    found = distances(*Z.values())
    assert found.lens == pytest.approx(float(of_populations.angular_diameter_distance(Z["z_lens"])), rel=1e-6)
    assert found.between == pytest.approx(float(of_populations.distance_between(*Z.values())), rel=1e-6)
    assert kpc_per_arcsec(0.4) == pytest.approx(float(of_populations.kpc_per_arcsec(0.4)), rel=1e-6)


def test_a_lens_of_another_slope_has_a_mass_and_no_dispersion():
    found = quantities(cloud(count=3000, slope=True), Z)
    assert set(found) == {EFFECTIVE, LENGTH, MASS}
    assert found[EFFECTIVE].median == pytest.approx(1.2, rel=0.01)


def test_what_only_one_redshift_allows():
    assert set(quantities(cloud(), {"z_lens": 0.4, "z_source": None})) == {EFFECTIVE, LENGTH}
    assert set(quantities(cloud(), {"z_source": 1.7})) == {EFFECTIVE}


def test_draws_that_are_no_lenses_are_left_out():
    samples = cloud(count=50)
    values = samples.values.copy()
    values[:5, 1] = 1.2
    found = quantities(Samples(values, samples.names, samples.units), Z)
    assert found == quantities(Samples(values[5:], samples.names, samples.units), Z)
    assert quantities(Samples(values[:5], samples.names, samples.units), Z) == {}
    assert quantities(samples.select(("einstein_radius",)), Z) == {}


def test_a_cosmology_is_stated_and_a_wrong_one_is_refused():
    assert in_words() == "Planck18: FlatLambdaCDM(H0=67.66 km/s/Mpc, Om0=0.30966)"
    for text in ("Planck3000", "H0=70", "H0=0,Om0=0.3", "H0=70,Om0=3", "H0=7.0.0,Om0=0.3", ""):
        with pytest.raises(InputError, match=r"cosmology .*: write H0=70,Om0=0\.3"):
            cosmology_of(text)
