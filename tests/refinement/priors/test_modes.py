"""The three prior modes of the paper."""

import numpy as np
import pytest

from lenssbi.config import ConfigError, parse
from lenssbi.parameters import axis_ratio, position_angle
from lenssbi.posteriors import DiagonalMixture
from lenssbi.refinement.circle import Circle
from lenssbi.refinement.config import RefineConfig
from lenssbi.refinement.priors.modes import build_priors

CIRCLE = Circle(1.2, 0.05, 0j, np.zeros((1, 1), bool))
ANSWER = DiagonalMixture([[1.1, 0.2, -0.1]], [[0.05, 0.06, 0.07]], ("einstein_radius", "e1", "e2"), ("arcsec", "", ""))


def priors(mode="auto", learned=ANSWER, circle=CIRCLE, sampler="auto", **mass):
    config = parse({"prior": {"mode": mode}, "mass": mass, "sampler": {"method": sampler}}, RefineConfig, "test")
    return build_priors(config, circle, learned)


def drawn(prior, count=4000):
    u = np.random.default_rng(0).random((count, len(prior.names)))
    return dict(zip(prior.names, prior.quantile(u).T, strict=True))


def test_blind_keeps_to_the_circle():
    found = priors("blind", None)
    draws = drawn(found.sampled)
    assert not found.learned
    np.testing.assert_allclose([draws["einstein_radius"].min(), draws["einstein_radius"].max()], [1.0, 1.4], atol=0.01)
    e = draws["e1"] + 1j * draws["e2"]
    assert axis_ratio(e).min() == pytest.approx(0.2, abs=0.01)
    assert draws["centre_x"].std() == pytest.approx(0.1, abs=0.01)
    assert {"shear1", "shear2", "log10_strength"} <= draws.keys()


def test_an_uncertain_circle_widens_the_window():
    wide = priors("blind", None, Circle(2.0, 0.25, 0j, CIRCLE.arcs)).sampled
    assert drawn(wide)["einstein_radius"].max() == pytest.approx(2.5, abs=0.01)


def test_cnn_uniform_has_the_half_widths_of_the_paper():
    found = priors("cnn-uniform", shear=False)
    draws = drawn(found.sampled)
    e0, e = 0.2 - 0.1j, draws["e1"] + 1j * draws["e2"]
    turn = np.degrees(np.angle(e / e0) / 2)
    assert found.learned
    np.testing.assert_allclose([draws["einstein_radius"].min(), draws["einstein_radius"].max()], [0.9, 1.3], atol=0.01)
    np.testing.assert_allclose([turn.min(), turn.max()], [-40, 40], atol=0.5)
    half = np.abs(axis_ratio(e) - axis_ratio(np.asarray(e0)))
    assert half.max() == pytest.approx(0.1, abs=0.005)
    assert "shear1" not in draws


def test_cnn_gaussian_has_the_network_s_moments():
    found = priors("cnn-gaussian", model="power_law")
    draws = drawn(found.sampled)
    for name, mean, sigma in zip(ANSWER.names, ANSWER.mean, ANSWER.sigma, strict=True):
        assert draws[name].mean() == pytest.approx(mean, abs=0.004)
        assert draws[name].std() == pytest.approx(sigma, rel=0.05)
    assert 1.5 <= draws["slope"].min() < 1.51  # an SIE network knows no slope
    assert drawn(found.broad)["einstein_radius"].max() == pytest.approx(3.2, abs=0.01)
    assert found.broad.names == found.sampled.names


KNOWING = DiagonalMixture(
    [[1.1, 0.2, -0.1, 2.1, 0.04, -0.06, 0.12, -0.2]],
    [[0.05, 0.06, 0.07, 0.04, 0.01, 0.02, 0.03, 0.04]],
    (*ANSWER.names, "slope", "shear1", "shear2", "centre_x", "centre_y"),
    ("arcsec", "", "", "", "", "", "arcsec", "arcsec"),
)
"""Of a network that knows everything."""


def test_cnn_gaussian_takes_all_that_the_network_knows():
    found = priors("cnn-gaussian", KNOWING, model="power_law", shear=True)
    draws = drawn(found.sampled)
    for name, mean, sigma in zip(KNOWING.names, KNOWING.mean, KNOWING.sigma, strict=True):
        assert draws[name].mean() == pytest.approx(mean, abs=0.004)
        assert draws[name].std() == pytest.approx(sigma, rel=0.05)
    broad = drawn(found.broad)
    assert broad["shear1"].std() == pytest.approx(0.1, rel=0.05)  # what replaces it has not seen the image
    assert broad["centre_x"].mean() == pytest.approx(0, abs=0.005)
    assert found.broad.names == found.sampled.names


def test_cnn_uniform_takes_all_that_the_network_knows():
    draws = drawn(priors("cnn-uniform", KNOWING, model="power_law", shear=True).sampled)
    expected = {"slope": (1.9, 2.3), "shear1": (-0.06, 0.14), "shear2": (-0.16, 0.04)}
    expected |= {"centre_x": (0.02, 0.22), "centre_y": (-0.3, -0.1)}
    for name, ends in expected.items():
        np.testing.assert_allclose([draws[name].min(), draws[name].max()], ends, atol=0.002)


@pytest.mark.parametrize("mode", ["cnn-uniform", "cnn-gaussian"])
def test_what_the_fit_does_not_have_is_left_aside(mode):
    found = priors(mode, KNOWING, model="sie", shear=False)
    plain = priors(mode, ANSWER, model="sie", shear=False)
    assert found.sampled.names == plain.sampled.names
    assert not {"slope", "shear1", "shear2"} & set(found.sampled.names)
    assert found.sampled.blocks[:2] == plain.sampled.blocks[:2]
    assert repr(found.broad) == repr(plain.broad)


def test_auto_uses_what_there_is():
    assert priors("auto").mode == "broad"  # importance sampling: the network only says where to look
    assert priors("auto").belief is not None
    assert priors("auto", None).belief is None
    assert priors("auto", sampler="nautilus").mode == "cnn-gaussian"
    assert priors("auto", None, sampler="nautilus").mode == "blind"
    with pytest.raises(ValueError, match="answer"):
        priors("cnn-uniform", None)


@pytest.mark.parametrize(("radius", "e1"), [(0.1, 0.0), (3.5, 0.0), (1.0, 0.9)], ids=["small", "large", "flat"])
@pytest.mark.parametrize("mode", ["cnn-uniform", "cnn-gaussian"])
def test_a_network_beyond_the_prior_still_gives_one(mode, radius, e1):
    answer = DiagonalMixture([[radius, e1, 0.0]], [[1e-3] * 3], ANSWER.names, ANSWER.units)
    draws = drawn(priors(mode, answer).sampled)
    assert np.isfinite(draws["einstein_radius"]).all()
    assert 0.2 <= draws["einstein_radius"].min() <= draws["einstein_radius"].max() <= 3.2
    assert np.isfinite(position_angle(draws["e1"] + 1j * draws["e2"])).all()


def test_cnn_joint_is_the_networks_whole_posterior():
    means = [[1.1, 0.2, -0.1]] * 40 + [[1.3, -0.2, 0.1]] * 20
    two = DiagonalMixture(means, [[0.01, 0.02, 0.02]] * 60, ANSWER.names, ANSWER.units)
    found = priors("cnn-joint", two)
    draws = drawn(found.sampled)
    assert found.learned
    assert sorted(found.sampled.names) == sorted(found.broad.names)
    radius, e1 = draws["einstein_radius"], draws["e1"]
    assert np.mean(np.abs(radius - 1.1) < 0.05) == pytest.approx(2 / 3, abs=0.05)
    assert np.mean(np.abs(radius - 1.2) < 0.04) < 0.01
    assert np.corrcoef(radius, e1)[0, 1] < -0.95


def test_a_factor_on_the_noise_is_a_parameter_if_asked_for():
    config = parse({"prior": {"noise_factor": [0.5, 2.0]}}, RefineConfig, "test")
    draws = drawn(build_priors(config, CIRCLE, None).sampled)
    assert draws["log10_noise"].min() == pytest.approx(np.log10(0.5), abs=0.01)
    with pytest.raises(ConfigError, match="noise_factor"):
        parse({"prior": {"noise_factor": [2.0, 0.5]}}, RefineConfig, "test")


def test_the_last_digits_of_a_network_do_not_change_the_prior():
    nudged = DiagonalMixture(ANSWER.means * (1 + 1e-7), ANSWER.sigmas * (1 + 1e-7), ANSWER.names, ANSWER.units)
    assert repr(priors("cnn-gaussian", nudged)) == repr(priors("cnn-gaussian"))


def test_impossible_ranges_are_refused():
    with pytest.raises(ConfigError, match="low < high"):
        parse({"prior": {"slope": [2.5, 1.5]}}, RefineConfig, "test")
    with pytest.raises(ConfigError, match="between 0 and 1"):
        parse({"prior": {"axis_ratio": [0.4, 1.2]}}, RefineConfig, "test")
