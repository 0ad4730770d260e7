"""Coverage and recalibration on posteriors whose truth is known."""

import numpy as np
import pytest

from lenssbi.calibration.coverage import (
    LEVELS,
    Passes,
    credible_coverage,
    deviates,
    marginal_cdf,
    misses,
    sigma_coverage,
    stack,
)
from lenssbi.calibration.recalibration import anderson_darling, fit_recalibration, recalibrate
from lenssbi.estimators.recalibration import Recalibration
from lenssbi.posteriors import DiagonalMixture

NAMES = ("a", "b")
STAMPS, PASSES = 8000, 20


def toy(width: float, noise=None, seed: int = 3) -> tuple[Passes, np.ndarray]:
    """Posteriors that claim a sigma `width` times the true one, with passes that scatter a little."""
    rng = np.random.default_rng(seed)
    truths = rng.uniform(0, 10, (STAMPS, 2))
    sigma = rng.uniform(0.5, 2, (STAMPS, 1, 1)) * np.array([1.0, 0.3])
    drawn = rng.normal(size=truths.shape) if noise is None else noise(rng, truths.shape)
    centres = truths[:, None] + sigma * drawn[:, None]
    scatter = 0.3 * sigma * width * rng.normal(size=(STAMPS, PASSES, 2))
    scatter -= scatter.mean(axis=1, keepdims=True)
    own = np.sqrt(1 - 0.3**2) * width * np.broadcast_to(sigma, scatter.shape)
    return Passes(centres + scatter, own, NAMES), truths


def halves(posteriors, truths):
    fit, judge = (Passes(posteriors.means[i::2], posteriors.sigmas[i::2], NAMES) for i in (0, 1))
    return (fit, truths[0::2]), (judge, truths[1::2])


def worst(table) -> float:
    return max(abs(share - LEVELS[level]) for row in table.values() for level, share in row.items())


@pytest.mark.parametrize("measure", [credible_coverage, sigma_coverage])
def test_exact_lands_on_narrow_below_wide_above(measure):
    assert worst(measure(*toy(1.0))) < 0.02
    assert not misses(measure(*toy(1.0)), STAMPS, 0.02)
    for width, sign in ((0.5, -1), (2.0, 1)):
        table = measure(*toy(width))
        assert all(sign * (row["0.683"] - 0.683) > 0.1 for row in table.values())
        assert misses(table, STAMPS, 0.02)


@pytest.mark.parametrize("width", [0.4, 1.0, 2.5])
def test_recalibration_mends_the_width(width):
    fit, (posteriors, truths) = halves(*toy(width))
    recalibration = fit_recalibration(*fit)
    assert recalibration.scale == pytest.approx((1 / width, 1 / width), rel=0.08)
    mended = recalibrate(posteriors, recalibration)
    assert worst(credible_coverage(mended, truths)) < 0.025
    assert worst(sigma_coverage(mended, truths)) < 0.03


def test_recalibration_mends_the_tails():
    fit, (posteriors, truths) = halves(*toy(1.0, lambda rng, shape: rng.standard_t(3, shape)))
    assert worst(credible_coverage(posteriors, truths)) > 0.05
    recalibration = fit_recalibration(*fit)
    assert min(recalibration.tail) > 0.2
    assert worst(credible_coverage(recalibrate(posteriors, recalibration), truths)) < 0.025


def test_intervals_of_every_credibility_are_mended():
    fit, (posteriors, truths) = halves(*toy(0.6, lambda rng, shape: rng.standard_t(6, shape)))
    below = marginal_cdf(recalibrate(posteriors, fit_recalibration(*fit)), truths)
    levels = np.linspace(0.05, 0.95, 19)
    shares = (2 * np.abs(below - 0.5)[..., None] < levels).mean(axis=0)
    np.testing.assert_allclose(shares, np.broadcast_to(levels, shares.shape), atol=0.035)


def test_draws_sigma_and_density_of_a_mended_posterior_agree():
    rng = np.random.default_rng(5)
    mixture = DiagonalMixture(rng.normal(size=(50, 2)), rng.uniform(0.5, 1, (50, 2)), NAMES, ("arcsec", ""))
    mended = Recalibration(NAMES, (2.0, 0.5), (0.3, 0.0))(mixture)
    np.testing.assert_allclose(mended.mean, mixture.mean)
    np.testing.assert_allclose(mended.sigma[1], 0.5 * mixture.sigma[1])
    assert mended.sigma[0] > 2 * mixture.sigma[0]
    draws = mended.sample(50_000, rng).values
    np.testing.assert_allclose(draws.std(axis=0), mended.sigma, rtol=0.02)
    x, y = np.meshgrid(np.linspace(-15, 15, 150), np.linspace(-8, 8, 150))
    density = np.exp(mended.log_prob(np.stack([x, y], axis=-1)))
    assert density.sum() * (30 / 149) * (16 / 149) == pytest.approx(1, abs=2e-3)


def test_many_at_once_equals_one_by_one():
    posteriors, _ = toy(1.0)
    few = Passes(posteriors.means[:3], posteriors.sigmas[:3], NAMES)
    recalibration = Recalibration(NAMES, (1.4, 0.8), (0.1, 0.4))
    mixtures = [
        recalibration(DiagonalMixture(m, s, NAMES, ("", ""))) for m, s in zip(few.means, few.sigmas, strict=True)
    ]
    together, alone = recalibrate(few, recalibration), stack(mixtures)
    np.testing.assert_allclose(together.means, alone.means)
    np.testing.assert_allclose(together.sigmas, alone.sigmas)
    np.testing.assert_allclose(deviates(alone, np.zeros((3, 2))), [-m.mean / m.sigma for m in mixtures])


def test_anderson_darling_of_uniform_numbers_averages_one():
    rng = np.random.default_rng(0)
    assert np.mean([anderson_darling(rng.uniform(size=200)) for _ in range(400)]) == pytest.approx(1, abs=0.15)


def test_nonsense_is_refused():
    posteriors, truths = toy(1.0)
    with pytest.raises(ValueError, match="truths of shape"):
        fit_recalibration(posteriors, truths[:5])
    with pytest.raises(ValueError, match="at least one"):
        stack([])
    with pytest.raises(ValueError, match="above 0"):
        Recalibration(NAMES, (0.0, 1.0), (0.0, 0.0))
    with pytest.raises(ValueError, match="calibration is of"):
        Recalibration(("a",), (1.0,), (0.0,))(DiagonalMixture(np.zeros((2, 2)), np.ones((2, 2)), NAMES, ("", "")))
