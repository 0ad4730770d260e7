"""The observed population's parts: radii, lens galaxies, what lies beside them."""

import numpy as np
import pytest
from scipy import stats

from lenssbi.parameters import axis_ratio, position_angle
from lenssbi.populations.field_galaxies import FieldGalaxies
from lenssbi.populations.lens_galaxies import LensGalaxies
from lenssbi.populations.mass import PowerLawMass
from lenssbi.populations.radii import LogNormalRadius, ShiftedLogRadius, UniformRadius

SPAN = (0.2, 3.2)


def cdf_shifted(r, offset):
    return np.log((r + offset) / (SPAN[0] + offset)) / np.log((SPAN[1] + offset) / (SPAN[0] + offset))


@pytest.mark.parametrize(
    ("law", "cdf"),
    [
        (UniformRadius(), lambda r: (r - 0.2) / 3.0),
        (ShiftedLogRadius(offset=0.5), lambda r: cdf_shifted(r, 0.5)),
        (
            LogNormalRadius(),
            lambda r: (
                (stats.norm.cdf(np.log(r / 0.896) / 0.383) - stats.norm.cdf(np.log(0.2 / 0.896) / 0.383))
                / (stats.norm.cdf(np.log(3.2 / 0.896) / 0.383) - stats.norm.cdf(np.log(0.2 / 0.896) / 0.383))
            ),
        ),
    ],
)
def test_radii_follow_their_law(law, cdf):
    radii = law.draw(np.random.default_rng(1), 4000, SPAN)
    assert stats.kstest(radii, cdf).pvalue > 1e-3


def test_shears_stay_below_their_largest():
    mass = PowerLawMass(shear_sigma=0.1, shear_max=0.2)
    _, params, _ = mass.draw(np.random.default_rng(1), 3000, np.ones(3000), np.ones(3000))
    modulus = np.hypot(params["shear1"], params["shear2"])
    assert modulus.max() <= 0.2
    # a Rayleigh distribution that is cut
    assert stats.kstest(modulus, lambda g: (1 - np.exp(-50 * g**2)) / (1 - np.exp(-2.0))).pvalue > 1e-3
    with pytest.raises(ValueError, match="shear_max"):
        PowerLawMass(shear_sigma=0.1, shear_max=0.01)


def lenses(n=4000):
    rng = np.random.default_rng(2)
    _, params, _ = PowerLawMass().draw(rng, n, np.ones(n), np.ones(n))
    return rng, params


def test_light_follows_the_mass():
    rng, params = lenses()
    bulge, envelope = LensGalaxies(rounding=1.0, q_scatter=0.0, angle_scatter=5.0).draw(rng, params)
    e = params["e1"] + 1j * params["e2"]
    np.testing.assert_allclose(bulge.q.ravel(), np.clip(axis_ratio(e), 0.25, 1))
    turned = np.angle(np.exp(2j * (bulge.phi.ravel() - position_angle(e)))) / 2
    assert np.degrees(turned.std()) == pytest.approx(5.0, rel=0.1)
    total = bulge.flux + envelope.flux
    np.testing.assert_allclose(total, 1.0)
    assert (envelope.flux > 0).mean() == pytest.approx(0.6, abs=0.05)
    offset = bulge.centre.ravel() - (params["centre_x"] + 1j * params["centre_y"])
    assert offset.real.std() == pytest.approx(0.02, rel=0.1)


def test_brighter_galaxies_are_larger_lenses():
    rng, params = lenses()
    galaxies = LensGalaxies(dark=0.1, magnitude_limits=(10.0, 30.0))
    magnitudes = galaxies.magnitudes(rng, params["einstein_radius"])
    assert np.isinf(magnitudes).mean() == pytest.approx(0.1, abs=0.025)
    seen = np.isfinite(magnitudes)
    line = np.polyfit(np.log10(params["einstein_radius"][seen] / 0.88), magnitudes[seen], 1)
    assert line == pytest.approx([-3.0, 21.2], abs=0.3)


def test_counts_rise_with_magnitude():
    magnitudes = FieldGalaxies(magnitude=(20.0, 25.0), slope=0.3).magnitudes(np.random.default_rng(1), 5000)
    rise = 10**1.5 - 1
    assert stats.kstest(magnitudes, lambda m: (10 ** (0.3 * (m - 20)) - 1) / rise).pvalue > 1e-3


def test_neighbours_have_unit_flux_and_stars_are_points():
    shapes, magnitudes = FieldGalaxies(stars=0.5).draw(np.random.default_rng(1), 800)
    assert magnitudes.shape == (800,)
    np.testing.assert_allclose(sum(shape.flux for shape in shapes), 1.0)
    stars = (shapes[0].effective_radius == 0.01).ravel()
    assert stars.mean() == pytest.approx(0.5, abs=0.09)
    assert (np.stack([s.flux.ravel() for s in shapes[1:]])[:, stars] == 0).all()


def test_neighbours_keep_away_from_the_arcs():
    galaxies, rng = FieldGalaxies(number=3.0, gap=0.7, near=0.2, core=0.5), np.random.default_rng(1)
    places = [galaxies.places(rng, 1.0, 0.1 + 0.2j, 4.0) for _ in range(2000)]
    distance = np.abs(np.concatenate(places) - (0.1 + 0.2j))
    assert distance.min() > 0.5
    within = (distance < 1.7).mean()
    # only the share that may lie among the arcs is there
    near = 0.2 * np.pi * (1.7**2 - 0.5**2) / 64
    outside = 0.8 * (1 - np.pi * 1.7**2 / 64) + 0.2 * (1 - np.pi * 0.5**2 / 64)
    assert within == pytest.approx(near / outside, rel=0.15)
    assert np.mean([len(p) for p in places]) == pytest.approx(3.0 * outside, rel=0.05)
