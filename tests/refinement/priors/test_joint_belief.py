"""An estimator's posterior as a prior: its density, its map of the unit cube, and what the fit to its draws keeps."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal, qmc

from lenssbi.posteriors import DiagonalMixture
from lenssbi.refinement.priors.joint_belief import JointBelief, joint_belief

NAMES = ("einstein_radius", "e1", "e2")
MEANS = ((1.0, 0.1, -0.2), (1.4, -0.3, 0.2))
COVARIANCES = (
    ((0.01, 0.004, 0.0), (0.004, 0.02, 0.003), (0.0, 0.003, 0.01)),
    ((0.02, -0.005, 0.001), (-0.005, 0.01, 0.0), (0.001, 0.0, 0.03)),
)
BELIEF = JointBelief(NAMES, (0.7, 0.3), MEANS, COVARIANCES)


def test_the_density_is_that_of_the_mixture():
    points = np.random.default_rng(0).normal([1.2, 0.0, 0.0], 0.3, (50, 3))
    parts = [multivariate_normal(m, c).pdf(points) for m, c in zip(MEANS, COVARIANCES, strict=True)]
    assert BELIEF.log_prob(points) == pytest.approx(np.log(0.7 * parts[0] + 0.3 * parts[1]), abs=1e-10)


def test_the_map_of_the_unit_cube_gives_draws_of_the_mixture():
    cube = qmc.Sobol(3, seed=1).random(2**13)
    draws = BELIEF.quantile(cube)
    mean = 0.7 * np.array(MEANS[0]) + 0.3 * np.array(MEANS[1])
    spread = sum(
        w * (np.array(c) + np.outer(m - mean, m - mean))
        for w, m, c in zip((0.7, 0.3), np.array(MEANS), COVARIANCES, strict=True)
    )
    assert draws.mean(axis=0) == pytest.approx(mean, abs=3e-3)
    assert np.cov(draws.T) == pytest.approx(spread, abs=1.5e-3)
    # A density and its map belong together: the Jacobian of the map is 1 / density.
    step = 1e-5
    at = np.array([0.3, 0.6, 0.45])
    slopes = [(BELIEF.quantile(at + step * e) - BELIEF.quantile(at - step * e)) / (2 * step) for e in np.eye(3)]
    jacobian = np.abs(np.linalg.det(slopes))
    assert -np.log(jacobian) == pytest.approx(float(BELIEF.log_prob(BELIEF.quantile(at))), abs=1e-3)


def test_two_modes_of_an_estimator_stay_two():
    rng = np.random.default_rng(2)
    means = np.concatenate([rng.normal([1.0, 0.2, 0.0], 0.02, (60, 3)), rng.normal([2.0, -0.2, 0.1], 0.02, (40, 3))])
    learned = DiagonalMixture(means, np.full_like(means, 0.03), NAMES, ("arcsec", "", ""))
    belief = joint_belief(learned, NAMES)
    between = belief.log_prob(np.array([1.5, 0.0, 0.05]))
    assert belief.log_prob(np.array([1.0, 0.2, 0.0])) - between > 50
    assert belief.log_prob(np.array([2.0, -0.2, 0.1])) - between > 50
    assert repr(joint_belief(learned, NAMES)) == repr(belief)


def test_correlations_of_an_estimator_are_kept_and_widened():
    rng = np.random.default_rng(3)
    line = rng.normal(size=400)
    means = np.stack([1 + 0.1 * line, 0.2 * line, rng.normal(size=400) * 0.1], axis=1)
    learned = DiagonalMixture(means, np.full_like(means, 0.01), NAMES, ("arcsec", "", ""))
    draws = joint_belief(learned, NAMES, widen=2.0).quantile(np.random.default_rng(4).random((4000, 3)))
    assert np.corrcoef(draws.T)[0, 1] > 0.95
    assert draws[:, 1].std() == pytest.approx(0.4, rel=0.1)
