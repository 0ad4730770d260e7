"""Student t mixtures against SciPy, and their fits to draws."""

import numpy as np
import pytest
from scipy.stats import multivariate_t

from lenssbi.refinement.sampling.mixture_fit import adapt, from_samples, n_eff
from lenssbi.refinement.sampling.mixtures import NU, Mixture

WEIGHTS = np.array([0.3, 0.7])
MEANS = np.array([[0.0, 1.0, -1.0], [4.0, 4.0, 4.0]])
SCALES = np.stack([np.diag([1.0, 0.01, 4.0]), np.eye(3) + 0.5])
PAIR = Mixture(WEIGHTS, MEANS, SCALES)


def reference(x):
    parts = [multivariate_t(mean, scale, df=NU).pdf(x) for mean, scale in zip(MEANS, SCALES, strict=True)]
    return np.log(WEIGHTS @ parts)


def test_the_density_is_scipy_s():
    x = 3 * np.random.default_rng(0).standard_normal((50, 3))
    np.testing.assert_allclose(PAIR.log_prob(x), reference(x), rtol=1e-12)


def test_draws_follow_the_density():
    x = PAIR.draw(40_000, np.random.default_rng(1))
    first = x[PAIR.log_parts(x).argmax(axis=1) == 0]
    assert len(first) / len(x) == pytest.approx(0.3, abs=0.02)
    np.testing.assert_allclose(np.median(first, axis=0), MEANS[0], atol=0.05)
    other = Mixture(np.ones(1), np.full((1, 3), 2.0), 9 * np.eye(3)[None])
    assert np.mean(np.exp(other.log_prob(x) - PAIR.log_prob(x))) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(
    ("weights", "means"), [(np.ones(2), MEANS[:1]), (-np.ones(1), MEANS[:1]), (np.ones(2), MEANS[0])]
)
def test_nonsense_is_refused(weights, means):
    with pytest.raises(ValueError):
        Mixture(weights, means, SCALES[: len(means)])


def test_weights_that_add_up_are_kept_to_the_last_digit():
    weights = np.random.default_rng(0).dirichlet(np.ones(2))
    for _ in range(3):
        again = Mixture(weights, MEANS, SCALES).weights
        np.testing.assert_array_equal(again, weights)
    np.testing.assert_allclose(Mixture(5 * weights, MEANS, SCALES).weights, weights)


def test_draws_of_a_network_become_a_mixture():
    x = PAIR.draw(4000, np.random.default_rng(2))
    single, double = from_samples(x), from_samples(x, components=4)
    assert len(single) == 1
    assert len(double) == 2
    order = np.argsort(double.weights)
    np.testing.assert_allclose(double.weights[order], WEIGHTS, atol=0.03)
    np.testing.assert_allclose(double.means[order], MEANS, atol=0.15)
    np.testing.assert_allclose(double.scales[order], SCALES, atol=0.5, rtol=0.2)
    with pytest.raises(ValueError, match="effective draws"):
        from_samples(x[:3])


def test_weights_count_like_repeated_draws():
    x = np.random.default_rng(3).standard_normal((500, 2))
    counts = np.random.default_rng(4).integers(1, 4, 500)
    weighted, repeated = from_samples(x, counts), from_samples(np.repeat(x, counts, axis=0))
    np.testing.assert_allclose(weighted.means, repeated.means, atol=0.02)
    np.testing.assert_allclose(weighted.scales, repeated.scales, atol=0.05)


def test_units_do_not_matter():
    x, unit = PAIR.draw(3000, np.random.default_rng(5)), np.array([1.0, 1e3, 1e-3])
    plain, scaled = from_samples(x, components=3), from_samples(x * unit, components=3)
    assert len(plain) == len(scaled)
    np.testing.assert_allclose(plain.means * unit, scaled.means, rtol=1e-6)


def adapted(x, old):
    return adapt(old, x, np.full(len(x), 1 / len(x)))


def test_far_draws_make_a_component_of_their_own():
    rng = np.random.default_rng(6)
    x = np.concatenate([rng.standard_normal((900, 3)), 30 + rng.standard_normal((100, 3))])
    found = adapted(x, Mixture(np.ones(1), np.zeros((1, 3)), np.eye(3)[None]))
    assert len(found) == 2
    np.testing.assert_allclose(np.sort(found.weights), [0.1, 0.9], atol=0.02)


def test_components_in_one_place_become_one():
    x = Mixture(np.ones(1), np.zeros((1, 3)), np.eye(3)[None]).draw(2000, np.random.default_rng(7))
    triple = Mixture(np.ones(3), 0.3 * np.eye(3), np.stack([np.eye(3), 2 * np.eye(3), 0.5 * np.eye(3)]))
    assert len(adapted(x, triple)) == 1


def test_a_component_apart_is_kept_with_its_shape_where_draws_are_few():
    rng = np.random.default_rng(8)
    x = np.concatenate([rng.standard_normal((99, 3)), 30 + rng.standard_normal((2, 3))])
    old = Mixture(np.ones(2), np.array([np.zeros(3), np.full(3, 30.0)]), np.stack([np.eye(3), SCALES[1]]))
    found = adapted(x, old)
    assert len(found) == 2
    np.testing.assert_allclose(found.scales[np.argmin(found.weights)], SCALES[1])


def test_effective_draws():
    assert n_eff(np.ones(7)) == pytest.approx(7)
    assert n_eff(np.array([5.0, 0.0])) == pytest.approx(1)
