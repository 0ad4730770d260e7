"""Distances against astropy, whose spline they are."""

import numpy as np
from astropy import constants, units
from astropy.cosmology import Planck18

from lenssbi.populations import cosmology

Z = np.random.default_rng(1).uniform(0.01, 8, 50)


def test_distances():
    np.testing.assert_allclose(
        cosmology.angular_diameter_distance(Z), Planck18.angular_diameter_distance(Z).to_value("Mpc"), rtol=1e-9
    )
    near, far = 0.5 * Z, Z
    expected = Planck18.angular_diameter_distance(near, far).to_value("Mpc")
    np.testing.assert_allclose(cosmology.distance_between(near, far), expected, rtol=1e-8)
    np.testing.assert_allclose(cosmology.distance_modulus(Z), Planck18.distmod(Z).value, atol=1e-8)
    np.testing.assert_allclose(
        cosmology.kpc_per_arcsec(Z), Planck18.kpc_proper_per_arcmin(Z).to_value("kpc / arcsec"), rtol=1e-9
    )


def test_critical_surface_density():
    d_l, d_s, d_ls = (
        d.to("Mpc")
        for d in (
            Planck18.angular_diameter_distance(0.5),
            Planck18.angular_diameter_distance(2.0),
            Planck18.angular_diameter_distance(0.5, 2.0),
        )
    )
    sigma = constants.c**2 / (4 * np.pi * constants.G) * d_s / (d_l * d_ls)
    expected = (sigma * (d_l * units.arcsec.to("rad")) ** 2).to_value("Msun")
    np.testing.assert_allclose(cosmology.critical_surface_density(0.5, 2.0), expected, rtol=1e-8)


def test_the_ratio_of_a_plane_to_the_source_is_one():
    assert cosmology.lensing_ratio(0.5, 2.0, 2.0) == 1
    assert cosmology.lensing_ratio(0.5, 0.5, 2.0) == 0
