"""Images of a batch of lenses against the search for one lens at a time."""

import numpy as np
import pytest

from lenssbi.batching import item
from lenssbi.lensing import NFW, EllipticalPowerLaw, ExternalShear, Together, image_positions
from lenssbi.lensing.images_batch import CHUNK, MOST, image_tables


def lenses(n, seed, slope):
    rng = np.random.default_rng(seed)

    def uniform(low, high):
        return rng.uniform(low, high, (n, 1, 1))

    b, q, phi = uniform(0.3, 3.0), uniform(0.4, 1.0), uniform(0, np.pi)
    e = (1 - q**2) / (1 + q**2) * np.exp(2j * phi)
    centre = rng.normal(0, 0.1, (n, 1, 1)) + 1j * rng.normal(0, 0.1, (n, 1, 1))
    mass = EllipticalPowerLaw(b, e.real, e.imag, slope if np.isscalar(slope) else uniform(*slope), centre)
    shear = ExternalShear(uniform(-0.08, 0.08) + 1j * uniform(-0.08, 0.08), centre)
    beta = centre + b * np.sqrt(uniform(0, 1)) * np.exp(2j * np.pi * uniform(0, 1))
    return Together((mass, shear)), beta[:, 0, 0], (3 * b + abs(centre))[:, 0, 0]


@pytest.mark.parametrize("slope", [2.0, (1.5, 2.5)])
def test_the_batch_finds_what_the_single_search_finds(slope):
    n = CHUNK + 36
    lens, beta, half_width = lenses(n, 4, slope)
    tables = image_tables(lens, beta, half_width)
    for i in range(n):
        alone = image_positions(item(lens, i), complex(beta[i]), float(half_width[i]), n=24).outer
        assert tables.multiplicity[i] == len(alone.theta)
        found = np.sort_complex(tables.theta[i, : len(alone.theta)].round(7))
        np.testing.assert_allclose(found, np.sort_complex(alone.theta.round(7)), atol=1e-6)
        np.testing.assert_allclose(tables.magnification[i, : len(alone.theta)], alone.magnification, rtol=1e-3)
        assert np.isnan(tables.magnification[i, len(alone.theta) :]).all()


def test_what_is_found_solves_the_lens_equation():
    lens, beta, half_width = lenses(40, 5, (1.6, 2.4))
    tables = image_tables(lens, beta, half_width)
    theta = np.where(np.isnan(tables.theta), 1.0, tables.theta)
    residual = (theta[:, None] - lens.deflection(theta[:, None]))[:, 0] - beta[:, None]
    assert np.abs(residual[~np.isnan(tables.theta)]).max() < 1e-9
    assert tables.theta.shape == (40, MOST)


def test_images_on_both_sides_of_a_caustic():
    """Of an elliptical isothermal lens: four inside the astroid, two inside the cut, one outside."""
    mass = EllipticalPowerLaw(1.0, 0.3, 0.0)
    tables = image_tables(mass, np.array([0.05 + 0.03j, 0.5 + 0.1j, 1.5 + 0j]), np.full(3, 3.0))
    np.testing.assert_array_equal(tables.multiplicity, [4, 2, 1])


def test_central_images_are_left_out():
    beta = np.array([0.03 + 0j, 0.02j])
    tables = image_tables(NFW(np.full((2, 1, 1), 0.9), 2.0), beta, np.full(2, 4.0))
    np.testing.assert_array_equal(tables.multiplicity, [2, 2])
