"""What the user knows of a parameter: a Gaussian in the place of its prior, in every mode."""

import numpy as np
import pytest
from scipy import stats

from lenssbi.config import ConfigError, load_config, parse
from lenssbi.posteriors import DiagonalMixture
from lenssbi.refinement.circle import Circle
from lenssbi.refinement.config import PINNED, RefineConfig
from lenssbi.refinement.priors.modes import build_priors
from lenssbi.refinement.sampling.importance import Settings, sample
from lenssbi.refinement.sampling.mixtures import Mixture

CIRCLE = Circle(1.2, 0.05, 0j, np.zeros((1, 1), bool))
NAMES = ("einstein_radius", "e1", "e2", "centre_x")
ANSWER = DiagonalMixture([[1.1, 0.2, -0.1, 0.05]], [[0.05, 0.06, 0.07, 0.02]], NAMES, ("arcsec", "", "", "arcsec"))
MODES = ("broad", "blind", "cnn-uniform", "cnn-gaussian", "cnn-joint")
SAID = {
    "einstein_radius": (1.3, 0.04),
    "e1": (0.1, 0.05),
    "e2": (-0.2, 0.03),
    "slope": (2.1, 0.1),
    "shear1": (0.02, 0.01),
}


def priors(said, mode="broad", centre=0j, **prior):
    data = {"prior": {"mode": mode, "gaussian": said, **prior}, "mass": {"model": "power_law", "shear": True}}
    return build_priors(parse(data, RefineConfig, "test"), CIRCLE, ANSWER, centre)


def drawn(prior, count=4000):
    u = np.random.default_rng(0).random((count, len(prior.names)))
    return dict(zip(prior.names, prior.quantile(u).T, strict=True))


@pytest.mark.parametrize("mode", MODES)
def test_the_user_s_gaussian_is_in_every_prior(mode):
    found = priors(SAID, mode)
    for prior in (found.sampled, found.broad, found.belief):
        if prior is None:
            continue
        draws = drawn(prior)
        for name, (mean, sigma) in SAID.items():
            assert draws[name].mean() == pytest.approx(mean, abs=0.1 * sigma)
            assert draws[name].std() == pytest.approx(sigma, rel=0.05)
        assert sorted(prior.names) == sorted(priors({}).broad.names)
    if found.learned:  # of the rest the network is heard
        assert drawn(found.sampled)["centre_x"].mean() == pytest.approx(0.05, abs=0.01)


def test_the_density_is_that_of_the_cut_off_gaussian():
    said, plain = priors({"einstein_radius": (0.3, 0.2)}).broad, priors({}).broad
    points = plain.quantile(np.random.default_rng(1).random((50, len(plain.names))))
    points[:, 0] = np.linspace(0.2, 3.2, 50)
    ends = (np.array([0.2, 3.2]) - 0.3) / 0.2
    expected = stats.truncnorm(*ends, 0.3, 0.2).logpdf(points[:, 0]) - stats.uniform(0.2, 3.0).logpdf(points[:, 0])
    np.testing.assert_allclose(said.log_prob(points) - plain.log_prob(points), expected, rtol=1e-10, atol=1e-10)


def test_a_flat_likelihood_gives_the_gaussian_back():
    said = SAID | {"centre_x": (0.1, 0.0), "centre_y": (0.0, 0.0), "shear2": (0.0, 0.05)}
    prior = priors(said).broad
    mean = np.array([said.get(name, (0.5, 0))[0] for name in prior.names])
    sigma = np.array([max(said.get(name, (0, 2.0))[1], PINNED) for name in prior.names])
    start = Mixture(np.ones(1), mean[None], np.diag((1.5 * sigma) ** 2)[None])
    draws = sample(prior, lambda x: np.zeros(len(x)), Settings(), start=start)
    weights = np.exp(draws.log_weights)
    found = weights @ draws.values
    spread = np.sqrt(weights @ (draws.values - found) ** 2)
    assert draws.converged
    assert draws.log_evidence == pytest.approx(0, abs=4 * draws.log_evidence_error)  # a prior's integral is 1
    for name, (middle, width) in said.items():
        at = prior.names.index(name)
        error = max(width, PINNED) / np.sqrt(draws.n_eff)
        assert found[at] == pytest.approx(middle, abs=4 * error)
        assert spread[at] == pytest.approx(max(width, PINNED), abs=4 * error)


def test_a_centre_is_held_at_the_light_or_where_the_user_says():
    at_light = drawn(priors({}, centre=0.2 - 0.1j, centre_sigma=0).broad)
    np.testing.assert_allclose(at_light["centre_x"], 0.2, atol=5 * PINNED)
    np.testing.assert_allclose(at_light["centre_y"], -0.1, atol=5 * PINNED)
    at_middle = drawn(priors({"centre_x": (0, 0)}, centre=0.2 - 0.1j).broad)
    np.testing.assert_allclose(at_middle["centre_x"], 0, atol=5 * PINNED)
    assert at_middle["centre_y"].std() == pytest.approx(0.1, rel=0.05)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("prior.gaussian.radius=[1, 0.1]", "radius, only for einstein_radius"),
        ("prior.gaussian.q=[0.8, 0.1]", "only for"),
        ("prior.gaussian.einstein_radius=[4, 0.1]", "between 0.2 and 3.2"),
        ("prior.gaussian.einstein_radius=[1, -0.1]", "negative"),
        ("prior.gaussian.einstein_radius=[1, .nan]", "finite"),
        ("prior.gaussian.centre_x=[9, 0]", "between -3.2 and 3.2"),
        ("prior.gaussian.shear1=[0.5, 0.1]", "between -0.3 and 0.3"),
        ("prior.gaussian.slope=[2, 0.1]", "needs mass"),
        ("prior.gaussian.e1=[0.1, 0.1]", "both"),
        ("prior.gaussian={e1: [0.9, 0.1], e2: [0.9, 0.1]}", "flatter"),
        ("prior.centre_sigma=-1", "greater than or equal to 0"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(said, words):
    with pytest.raises(ConfigError, match=words) as refused:
        load_config(None, RefineConfig, [said])
    assert len(str(refused.value)) < 300


def test_a_prior_of_the_shear_needs_one():
    with pytest.raises(ConfigError, match="needs mass"):
        load_config(None, RefineConfig, ["mass.shear=false", "prior.gaussian.shear1=[0.0, 0.01]"])
