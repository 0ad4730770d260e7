"""Populations: ranges, shares, seeds, batches."""

import numpy as np
import pytest

from lenssbi.config import ConfigError, load_config
from lenssbi.lensing import EllipticalPowerLaw
from lenssbi.light import Sersic
from lenssbi.parameters import axis_ratio, position_angle
from lenssbi.populations import Population, join_draws

KS = 1.95 / np.sqrt(2000)  # Kolmogorov-Smirnov for 2000 at 0.1 per cent


@pytest.fixture(scope="module")
def draws():
    mass = {"kind": "power_law", "slope": (1.5, 2.5), "shear_sigma": 0.05}
    return Population(mass=mass).draw(np.random.default_rng(1), 2000)


def furthest_from_uniform(unit):
    return np.abs(np.sort(unit) - (np.arange(len(unit)) + 0.5) / len(unit)).max()


def test_parameters_are_uniform_in_the_papers_ranges(draws):
    e = draws.params["e1"] + 1j * draws.params["e2"]
    for values, low, high in [
        (draws.params["einstein_radius"], 0.2, 3.2),
        (draws.params["slope"], 1.5, 2.5),
        (axis_ratio(e), 0.4, 1.0),
        (position_angle(e), 0.0, np.pi),
    ]:
        assert furthest_from_uniform((values - low) / (high - low)) < KS


def test_the_source_lies_uniformly_within_the_einstein_radius(draws):
    place = draws.info["source_x"] + 1j * draws.info["source_y"]
    centre = draws.params["centre_x"] + 1j * draws.params["centre_y"]
    assert furthest_from_uniform((np.abs(place - centre) / draws.params["einstein_radius"]) ** 2) < KS


def test_a_ring_of_places():
    draws = Population(source_offset=(0.5, 0.7)).draw(np.random.default_rng(1), 500)
    place = draws.info["source_x"] + 1j * draws.info["source_y"]
    offset = np.abs(place - draws.params["centre_x"] - 1j * draws.params["centre_y"]) / draws.params["einstein_radius"]
    assert 0.5 <= offset.min() < 0.52
    assert 0.68 < offset.max() <= 0.7


def test_kinds_come_in_their_shares(draws):
    kinds = draws.info["source_kind"]
    for kind, share in Population().source.shares.items():
        assert np.mean(kinds == kind) == pytest.approx(share, abs=0.04)
    for i in range(200):
        draw = draws[i]
        assert (len(draw.system.source) == 1) == (kinds[i] != "several")
        assert (draw.system.source[0].index == 0.5) == (kinds[i] == "gaussian")


def test_the_components_add_up_to_the_magnitude(draws):
    flux = sum(c.flux for c in draws.system.source).ravel()
    np.testing.assert_allclose(-2.5 * np.log10(flux), draws.info["source_magnitude"])


def test_redshifts_are_in_order(draws):
    assert (draws.info["z_lens"] < draws.info["z_source"]).all()
    assert draws.info["z_lens"].max() < 2
    assert draws.info["z_source"].max() < 6


def test_one_of_many_is_itself(draws):
    draw = draws[7]
    mass, shear = draw.system.deflectors
    assert isinstance(mass, EllipticalPowerLaw)
    assert isinstance(mass.einstein_radius, float)
    assert mass.einstein_radius == draws.params["einstein_radius"][7] == draw.params["einstein_radius"]
    assert shear.gamma == complex(draw.params["shear1"], draw.params["shear2"])
    theta = np.linspace(-1, 1, 5)[None, :] + 0.3j
    np.testing.assert_allclose(draws.system.deflection(theta)[7], draw.system.deflection(theta), rtol=1e-12)
    brightness = draws.system.surface_brightness(theta)[7]
    np.testing.assert_allclose(brightness, draw.system.surface_brightness(theta), rtol=1e-12)


def test_taken_and_joined_again(draws):
    parts = [draws.take(np.arange(0, 900)), draws.take(np.arange(2000) >= 900)]
    whole = join_draws(parts)
    assert len(parts[1]) == 1100
    assert whole[1234] == draws[1234]


def test_batches_of_other_structure_do_not_join(draws):
    with pytest.raises(ValueError, match="different structure"):
        join_draws([draws, Population().draw(np.random.default_rng(1), 2)])


def test_same_seed_same_systems():
    first, second = (Population().draw(np.random.default_rng(5), 3) for _ in range(2))
    assert all(first[i] == second[i] for i in range(3))


def test_sizes_follow_luminosity_and_redshift():
    """At M = -21 and z = 2 the median galaxy of Shibuya et al. 2015 has 6.9 / 3**1.2 = 1.85 kpc, 0.215 arcsec."""
    source = {"kind": "parametric", "scale": {"kind": "physical", "absolute_magnitude": (-21.0, -21.0)}}
    draws = Population(source=source, z_lens=(0.5, 0.5), z_source=(2.0, 2.0)).draw(np.random.default_rng(2), 4000)
    assert np.median(draws.info["source_effective_radius"]) == pytest.approx(0.215, rel=0.04)
    assert np.std(np.log(draws.info["source_effective_radius"])) == pytest.approx(0.6, rel=0.05)
    # m = -21 + 46.0 - 2.5 log10(3)
    assert draws.info["source_magnitude"] == pytest.approx(23.83, abs=0.05)


def test_sizes_as_observed():
    scale = {"kind": "angular", "magnitude": (22.0, 23.0), "effective_radius": (0.1, 0.4)}
    draws = Population(source={"kind": "parametric", "scale": scale}).draw(np.random.default_rng(2), 2000)
    assert furthest_from_uniform(draws.info["source_magnitude"] - 22) < KS
    size = np.log(draws.info["source_effective_radius"])
    assert furthest_from_uniform((size - np.log(0.1)) / np.log(4)) < KS


def test_an_imperfect_subtraction_leaves_something_but_little():
    clean, dirty = (
        Population(lens_light={"residual": residual}).draw(np.random.default_rng(3), 50) for residual in (0.0, 0.05)
    )
    assert clean.system.lens_residual == ()
    true, wrong = dirty.system.lens_residual
    assert isinstance(true, Sersic)
    share = (np.abs(true.flux + wrong.flux) / true.flux).ravel()
    assert 0.005 < np.median(share) < 0.1
    assert (share > 0).all()


@pytest.mark.parametrize(
    "item",
    [
        "mass.q=[0.5, 1.2]",
        "mass.einstein_radius=[2, 1]",
        "mass.slope=[2, 3.5]",
        "source.shares={spiral: 1}",
        "source.scale.effective_radius=[0, 1]",
        "z_source=[0, 1.0]",
        "z_source=[0, 30]",
        "source_offset=[0.5, 0.2]",
        "lens_light.residual=0.7",
    ],
)
def test_impossible_populations_are_refused(item):
    with pytest.raises(ConfigError, match=item.split("=")[0].split(".")[-1]):
        load_config(None, Population, [item])
