"""The departures of a lens from a smooth model: as wide as they were said to be, and added to nothing else."""

import numpy as np
import pytest
from scipy import stats

from lenssbi.config import ConfigError, load_config
from lenssbi.posteriors import Samples
from lenssbi.refinement.config import ModelErrorConfig, RefineConfig
from lenssbi.refinement.model_error import COPIES, widened

NAMES = ("einstein_radius", "e1", "e2", "centre_x", "slope")
MEAN, SIGMA = np.array([1.5, 0.2, -0.1, 0.03, 2.0]), np.array([0.005, 0.004, 0.006, 0.01, 0.02])
ERROR = ModelErrorConfig(einstein_radius=0.02, ellipticity=0.03, slope=0.1, degrees=5.0)


def posterior(count=20_000, weights=False):
    rng = np.random.default_rng(1)
    values = rng.normal(MEAN, SIGMA, size=(count, len(NAMES)))
    log_weights = -0.5 * ((values[:, 0] - 1.51) / 0.005) ** 2 if weights else None
    return Samples(values, NAMES, ("arcsec", "", "", "arcsec", ""), log_weights, log_evidence=-7.0, info={"a": 1})


@pytest.mark.parametrize("weights", [False, True])
def test_departures_are_a_students_t_of_the_scales_that_were_given(weights):
    before = posterior(weights=weights)
    after = widened(before, ERROR)
    assert len(after) == COPIES * len(before)
    assert (after.names, after.log_evidence, after.info) == (NAMES, -7.0, {"a": 1})
    parents = np.repeat(before.values, COPIES, axis=0)
    radius = np.log(after.column("einstein_radius") / parents[:, 0]) / 0.02
    moved = [radius, *((after.values[:, i] - parents[:, i]) / scale for i, scale in ((1, 0.03), (2, 0.03), (4, 0.1)))]
    for departure in moved:
        assert np.allclose(
            np.percentile(departure, [5, 50, 84.135, 99.7]),
            stats.t(5).ppf([0.05, 0.5, 0.84135, 0.997]),
            rtol=0.05,
            atol=0.02,
        )
    assert np.array_equal(after.column("centre_x"), parents[:, 3]), "what is not of the mass's shape stays"
    assert np.allclose(after.weights, np.repeat(before.weights, COPIES) / COPIES), "the weights are those of the draws"


def test_the_departures_of_a_draw_are_large_together():
    parents = np.repeat(posterior().values, COPIES, axis=0)
    after = widened(posterior(), ERROR)
    sizes = np.abs(after.values - parents)
    assert stats.spearmanr(sizes[:, 0], sizes[:, 1]).statistic > 0.1
    assert abs(stats.spearmanr(after.values[:, 0] - parents[:, 0], after.values[:, 1] - parents[:, 1]).statistic) < 0.02


def test_nothing_is_added_where_nothing_was_said():
    before = posterior(50)
    assert widened(before, ModelErrorConfig()) is before


def test_what_is_no_ellipse_has_no_weight():
    values = np.array([[1.0, 0.98, 0.0]] * 200)
    after = widened(Samples(values, ("einstein_radius", "e1", "e2"), ("arcsec", "", "")), ERROR)
    outside = np.hypot(after.column("e1"), after.column("e2")) >= 1
    assert 0 < outside.sum() < len(after)
    assert after.weights[outside].sum() == 0


def test_the_seed_decides():
    one, same, other = (widened(posterior(100), ERROR, seed).values for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("bad", ["einstein_radius=-0.1", "ellipticity=1", "degrees=0", "shear=0.1"])
def test_a_wrong_scale_is_told(bad):
    with pytest.raises(ConfigError, match="model_error"):
        load_config(None, RefineConfig, [f"model_error.{bad}"])
