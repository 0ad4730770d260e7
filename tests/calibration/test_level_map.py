"""The map of the credibility level, and the choice among the methods."""

import numpy as np
import pytest
from scipy.special import erf
from scipy.stats import norm

from lenssbi.calibration.coverage import Passes, claimed_levels, credible_coverage, marginal_cdf
from lenssbi.calibration.level_map import fit_levels, mapped
from lenssbi.calibration.recalibration import METHODS, anderson_darling, choose_method, fit_recalibration, recalibrate
from lenssbi.calibration.scores import LEVELS
from lenssbi.estimators.recalibration import Recalibration, relevel, used_quantile
from lenssbi.posteriors import DiagonalMixture

HALF = slice(0, None, 2), slice(1, None, 2)


def test_the_level_to_use_is_that_of_the_closed_form():
    """A Gaussian posterior k times too narrow needs the interval k times as wide."""
    z = norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    claimed = erf(np.abs(z) / 0.5 / np.sqrt(2))
    for wanted, use in fit_levels(claimed):
        assert norm.ppf((1 + use) / 2) == pytest.approx(2 * norm.ppf((1 + wanted) / 2), rel=2e-3)
    assert len(fit_levels(claimed[::100])) < len(fit_levels(claimed))  # a tail of few stamps is not measured
    np.testing.assert_allclose(
        np.sort(mapped(claimed, fit_levels(claimed))), np.sort(erf(np.abs(z) / np.sqrt(2))), atol=3e-3
    )


def test_no_levels_change_nothing():
    z = np.linspace(-5, 5, 11)
    np.testing.assert_array_equal(used_quantile(z, ()), z)
    same = ((0.3, 0.3), (0.683, 0.683), (0.955, 0.955))
    np.testing.assert_allclose(used_quantile(z, same), z, atol=1e-12)


def test_a_map_to_the_same_levels_keeps_a_skewed_posterior():
    rng = np.random.default_rng(8)
    means = np.sort(rng.exponential(size=(60, 1)), axis=0) * np.array([1.0, -2.0]) + rng.normal(size=(60, 2))
    sigmas = np.full(means.shape, 0.4)
    same = ((0.3, 0.3), (0.683, 0.683), (0.955, 0.955))
    after = Passes(*(a[None] for a in relevel(means, sigmas, (same, same))), ("a", "b"))
    before = Passes(means[None], sigmas[None], ("a", "b"))
    for at in np.linspace(-4, 5, 19):
        place = np.array([[at, -at]])
        np.testing.assert_allclose(marginal_cdf(after, place), marginal_cdf(before, place), atol=0.015)
    one, other = (DiagonalMixture(p.means[0], p.sigmas[0], p.names, ("", "")) for p in (before, after))
    np.testing.assert_allclose(other.sigma, one.sigma, rtol=0.03)
    draws = [m.sample(20_000, np.random.default_rng(1)).values for m in (one, other)]
    correlations = [np.corrcoef(d.T)[0, 1] for d in draws]
    assert correlations[1] == pytest.approx(correlations[0], abs=0.1)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("width", [0.5, 1.0, 2.0])
def test_every_method_mends_the_width(problem, method, width):
    posteriors, truths, _ = problem(width)
    found = fit_recalibration(posteriors.take(HALF[0]), truths[HALF[0]], method)
    assert found.method == method
    mended = recalibrate(posteriors.take(HALF[1]), found)
    for row in credible_coverage(mended, truths[HALF[1]]).values():
        assert row["0.683"] == pytest.approx(LEVELS["0.683"], abs=0.08)  # 750 stamps fit, 750 judge: 3 x 0.024
        assert row["0.955"] == pytest.approx(LEVELS["0.955"], abs=0.035)


def test_the_level_map_mends_what_no_scale_can(problem):
    """Truths that never lie far out: every interval beyond some level holds all of them."""
    rng = np.random.default_rng(6)
    posteriors, _, _ = problem(1.0)
    sigma = np.sqrt(np.mean(posteriors.sigmas**2, axis=1) + posteriors.means.var(axis=1))
    truths = posteriors.means.mean(axis=1) + sigma * rng.uniform(-1.6, 1.6, sigma.shape)
    fit, judge = ((posteriors.take(half), truths[half]) for half in HALF)
    assert choose_method(*fit) != "scale"
    far = {}
    for method in ("scale", "level"):
        mended = recalibrate(judge[0], fit_recalibration(*fit, method))
        far[method] = [anderson_darling(column) for column in claimed_levels(mended, judge[1]).T]
        share = credible_coverage(mended, judge[1])["a"]["0.955"]
        assert (share > 0.99) if method == "scale" else share == pytest.approx(LEVELS["0.955"], abs=0.03)
    assert sum(far["level"]) < 0.5 * sum(far["scale"])


def test_the_simplest_method_is_chosen_where_it_does(problem):
    posteriors, truths, _ = problem(0.6)
    assert choose_method(posteriors, truths) == "scale"


def test_draws_sigma_and_intervals_agree(problem):
    posteriors, truths, _ = problem(0.6)
    found = fit_recalibration(posteriors, truths, "both")
    mixture = found(DiagonalMixture(posteriors.means[0], posteriors.sigmas[0], posteriors.names, ("", "", "")))
    draws = mixture.sample(40_000, np.random.default_rng(0)).values
    np.testing.assert_allclose(draws.std(axis=0), mixture.sigma, rtol=0.02)
    for level in (0.16, 0.5, 0.84):
        at = np.quantile(draws, level, axis=0)[None]
        np.testing.assert_allclose(
            marginal_cdf(Passes(mixture.means[None], mixture.sigmas[None], mixture.names), at), level, atol=0.01
        )
    together = recalibrate(posteriors.take(slice(0, 1)), found)
    np.testing.assert_allclose(together.means[0], mixture.means)
    np.testing.assert_allclose(together.sigmas[0], mixture.sigmas)


def test_levels_that_do_not_rise_are_refused():
    for pairs in (((0.5, 0.4), (0.6, 0.4)), ((0.5, 1.0),), ((0.6, 0.5), (0.5, 0.6))):
        with pytest.raises(ValueError, match="must rise"):
            Recalibration(("a",), (1.0,), (0.0,), (pairs,))
    with pytest.raises(ValueError, match="needs its levels"):
        Recalibration(("a",), (1.0,), (0.0,), ((), ()))


def test_a_card_whose_levels_were_tampered_with_is_one_sentence():
    from lenssbi.config import ConfigError, parse
    from lenssbi.estimators.checkpoint import RecalibrationCard

    good = {"scale": 1.0, "tail": 0.0, "levels": [[0.5, 0.6], [0.9, 0.95]]}
    assert parse(good, RecalibrationCard, "card").levels == ((0.5, 0.6), (0.9, 0.95))
    with pytest.raises(ConfigError, match="must rise"):
        parse({**good, "levels": [[0.5, 0.6], [0.9, 0.5]]}, RecalibrationCard, "card")
