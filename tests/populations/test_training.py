"""The training population: its ranges, its shares, its seeds."""

import numpy as np
import pytest

from lenssbi.config import ConfigError, load_config
from lenssbi.light import Gaussian
from lenssbi.parameters import axis_ratio, position_angle
from lenssbi.populations import TrainingPopulation


@pytest.fixture(scope="module")
def draws():
    population, rng = TrainingPopulation(slope=(1.5, 2.5), shear_sigma=0.05), np.random.default_rng(1)
    return [population.draw(rng) for _ in range(2000)]


def column(draws, name):
    return np.array([d.params[name] for d in draws])


def test_parameters_are_uniform_in_the_papers_ranges(draws):
    e = column(draws, "e1") + 1j * column(draws, "e2")
    for values, low, high in [
        (column(draws, "einstein_radius"), 0.2, 3.2),
        (column(draws, "slope"), 1.5, 2.5),
        (axis_ratio(e), 0.4, 1.0),
        (position_angle(e), 0.0, np.pi),
    ]:
        unit = np.sort((values - low) / (high - low))
        # Kolmogorov-Smirnov at 0.1 per cent
        assert np.abs(unit - (np.arange(2000) + 0.5) / 2000).max() < 1.95 / np.sqrt(2000)


def test_the_source_lies_uniformly_within_the_einstein_radius(draws):
    place = np.array([complex(d.info["source_x"], d.info["source_y"]) for d in draws])
    centre = column(draws, "centre_x") + 1j * column(draws, "centre_y")
    share = np.sort((np.abs(place - centre) / column(draws, "einstein_radius")) ** 2)
    assert np.abs(share - (np.arange(2000) + 0.5) / 2000).max() < 1.95 / np.sqrt(2000)


def test_kinds_come_in_their_shares(draws):
    kinds = np.array([d.info["source_kind"] for d in draws])
    for kind, share in TrainingPopulation().kinds.items():
        assert np.mean(kinds == kind) == pytest.approx(share, abs=0.04)
    for d in draws:
        n = len(d.system.source)
        assert (n == 1) == (d.info["source_kind"] != "several")
        assert isinstance(d.system.source[0], Gaussian) == (d.info["source_kind"] == "gaussian")


def test_the_components_add_up_to_the_magnitude(draws):
    for d in draws[:200]:
        flux = sum(c.flux for c in d.system.source)
        assert -2.5 * np.log10(flux) == pytest.approx(d.info["source_magnitude"])


def test_redshifts_are_in_order(draws):
    assert all(d.info["z_lens"] < d.info["z_source"] < 6 for d in draws)


def test_same_seed_same_system():
    population = TrainingPopulation()
    assert population.draw(np.random.default_rng(5)) == population.draw(np.random.default_rng(5))


@pytest.mark.parametrize("item", ["q=[0.5, 1.2]", "einstein_radius=[2, 1]", "kinds={spiral: 1}", "slope=[2, 3.5]"])
def test_impossible_populations_are_refused(item):
    with pytest.raises(ConfigError, match=item.split("=")[0]):
        load_config(None, TrainingPopulation, [item])
