"""A population is recovered whatever the prior of the posteriors was, as long as it is divided out."""

import numpy as np
import pytest
from scipy.stats import norm

from lenssbi.parameters import LogUniform, Normal, Uniform
from lenssbi.population_inference import bin_posteriors, common_support, density_of_truths, infer, on_scale, quantity
from lenssbi.population_inference.population import _in_bins
from lenssbi.posteriors import Samples
from lenssbi.status import InputError

SLOPE, Q, RADIUS = quantity("slope"), quantity("q"), quantity("einstein_radius")
LIMITS = (1.0, 3.0)
ERROR = 0.12
PRIOR = (1.85, 0.2)  # mean and sigma, off from the population's
TRUTH = (2.1, 0.1)


class Toy:
    """Lenses of Gaussian slopes, measured with Gaussian errors: every posterior under a Gaussian prior is known."""

    def __init__(self, lenses=150, truth=TRUTH, prior=PRIOR, seed=0, draws=4000):
        self.rng = np.random.default_rng(seed)
        self.draws = draws
        self.measured = truth[0] + np.hypot(truth[1], ERROR) * self.rng.normal(size=lenses)
        self.variance = 1 / (1 / ERROR**2 + 1 / prior[1] ** 2)
        self.means = self.variance * (self.measured / ERROR**2 + prior[0] / prior[1] ** 2)

    def posteriors(self, interim, weighted=False):
        for number, mean in enumerate(self.means):
            values = mean + np.sqrt(self.variance) * self.rng.normal(size=(self.draws, 1))
            log_weights = None
            if weighted:  # drawn twice as wide, weighted back
                values = mean + 2 * (values - mean)
                log_weights = -0.5 * (values[:, 0] - mean) ** 2 / self.variance * (1 - 0.25)
            yield f"lens {number}", Samples(values, ("slope",), ("",), log_weights), interim

    def beliefs(self, marginal=None, weighted=False):
        marginal = Normal(*PRIOR, *LIMITS) if marginal is None else marginal
        return bin_posteriors(self.posteriors(on_scale(marginal, SLOPE), weighted), SLOPE, LIMITS)

    def log_likelihood(self, mean, scatter):
        """Of the measurements: closed form, no draws and no priors."""
        return norm.logpdf(self.measured[:, None], mean, np.hypot(scatter, ERROR)).sum(axis=0)


def middles(edges):
    return 0.5 * (edges[1:] + edges[:-1])


def ranks(posterior, truth):
    """Share of the posterior below the truth, in mean and in scatter."""
    summed = posterior.mass.sum(axis=1), posterior.mass.sum(axis=0)
    edges = posterior.means, posterior.scatters
    return [np.interp(t, e, np.append(0, np.cumsum(m))) for t, e, m in zip(truth, edges, summed, strict=True)]


@pytest.mark.parametrize("weighted", [False, True])
def test_the_posterior_is_the_closed_one(weighted):
    toy = Toy()
    posterior = infer(toy.beliefs(weighted=weighted))
    mean, scatter = np.meshgrid(middles(posterior.means), middles(posterior.scatters), indexing="ij")
    exact = toy.log_likelihood(mean.ravel(), scatter.ravel()).reshape(mean.shape)
    exact = np.exp(exact - exact.max())
    exact /= exact.sum()
    found, wanted = posterior.summary(), exact.sum(axis=1) @ middles(posterior.means)
    # the scatter of the estimate itself: quality.variance is 0.1, a third of a sigma of the log likelihood
    assert found["mean"].mean == pytest.approx(wanted, abs=0.35 * found["mean"].sigma)
    assert found["scatter"].mean == pytest.approx(
        exact.sum(axis=0) @ middles(posterior.scatters), abs=0.35 * found["scatter"].sigma
    )
    assert 0.5 * np.abs(posterior.mass - exact).sum() < 0.25


def test_the_wrong_division_is_wrong():
    """Undivided, or divided by another prior, the answer is many sigma off: the tests here can tell."""
    toy = Toy(lenses=300)
    for marginal in (Uniform(*LIMITS), Normal(2.3, 0.25, *LIMITS)):
        found = infer(toy.beliefs(marginal)).summary()["mean"]
        assert abs(found.mean - TRUTH[0]) > 5 * found.sigma
    right = infer(toy.beliefs()).summary()["mean"]
    assert abs(right.mean - TRUTH[0]) < 3 * right.sigma


def test_lenses_like_the_prior_give_the_prior_back():
    toy = Toy(lenses=200, truth=PRIOR)
    below = ranks(infer(toy.beliefs()), PRIOR)
    assert all(0.003 < rank < 0.997 for rank in below)


@pytest.mark.slow
def test_the_intervals_cover_the_truth():
    """Over 40 catalogues; a share of 0.683 scatters by 0.074."""
    below = np.array([ranks(infer(Toy(50, seed=seed, draws=1000).beliefs()), TRUTH) for seed in range(1, 41)])
    covered = (np.abs(2 * below - 1) < 0.683).mean(axis=0)
    assert (np.abs(covered - 0.683) < 3 * 0.074).all(), covered
    assert (np.abs(below.mean(axis=0) - 0.5) < 3 * 0.289 / np.sqrt(40)).all()


def test_one_lens_says_little():
    found = infer(Toy(lenses=1).beliefs()).summary()
    assert found["mean"].upper - found["mean"].lower > 0.5
    assert found["scatter"].upper - found["scatter"].lower > 0.5


def test_more_lenses_say_more():
    few, many = (infer(Toy(lenses=n).beliefs()).summary()["mean"].sigma for n in (30, 480))
    assert few / many == pytest.approx(4, rel=0.4)


def test_the_order_and_the_number_of_lenses_at_once_do_not_matter(monkeypatch):
    posteriors = list(Toy(lenses=40, draws=300).posteriors(on_scale(Normal(*PRIOR, *LIMITS), SLOPE)))
    forward, back = (infer(bin_posteriors(order, SLOPE, LIMITS)) for order in (posteriors, posteriors[::-1]))
    np.testing.assert_allclose(forward.mass, back.mass, atol=1e-12)
    monkeypatch.setattr("lenssbi.population_inference.population.LENSES", 7)
    np.testing.assert_allclose(infer(bin_posteriors(posteriors, SLOPE, LIMITS)).mass, forward.mass, atol=1e-12)


def test_draws_of_the_posterior_are_of_the_posterior():
    posterior = infer(Toy().beliefs())
    draws = posterior.sample(20_000, np.random.default_rng(0)).summary()
    for name, wanted in posterior.summary().items():
        assert draws[name].median == pytest.approx(wanted.median, abs=0.05 * wanted.sigma)
        assert draws[name].sigma == pytest.approx(wanted.sigma, rel=0.05)


def test_densities_are_normalised_within_the_limits():
    posterior = infer(Toy(lenses=10).beliefs())
    x = np.linspace(0.5, 3.5, 6001)
    densities = posterior.densities(x, posterior.sample(20, np.random.default_rng(1)))
    np.testing.assert_allclose(densities.sum(axis=1) * (x[1] - x[0]), 1, atol=2e-3)
    assert not densities[:, (x < 1) | (x > 3)].any()


@pytest.mark.parametrize("mean", [0.0, 0.3, 1.0])
def test_bins_hold_all_of_a_population(mean):
    edges = np.linspace(0, 1, 101)
    densities = _in_bins(edges, np.full(4, mean), np.array([0.003, 0.05, 1.0, 50.0]))
    np.testing.assert_allclose(densities.sum(axis=0) * 0.01, 1)
    np.testing.assert_allclose(densities[:, 3], 1, atol=1e-3)  # as wide as that it is flat
    far = _in_bins(edges, np.array([mean]), np.array([0.03]))[:, 0]
    fine = norm.pdf(middles(np.linspace(0, 1, 20_001)), mean, 0.03).reshape(100, 200).mean(axis=1)
    wanted = fine / (norm.cdf(1, mean, 0.03) - norm.cdf(0, mean, 0.03))
    np.testing.assert_allclose(far, wanted, rtol=1e-3, atol=1e-250)  # in both tails


@pytest.mark.parametrize("truth", [(0.85, 0.08), (0.45, 0.1)])
def test_a_population_at_the_end_of_the_prior(truth):
    """Posteriors that the prior cuts off, of a population that it cuts off, too."""
    rng, prior = np.random.default_rng(3), Uniform(0.4, 1.0)
    true = Normal(*truth, 0.4, 1.0).quantile(rng.random(250))
    lenses = []
    for number, measured in enumerate(true + 0.1 * rng.normal(size=250)):
        draws = Normal(measured, 0.1, 0.4, 1.0).quantile(rng.random((1000, 1)))
        lenses.append((str(number), Samples(draws, ("q",), ("",)), on_scale(prior, Q)))
    below = ranks(infer(bin_posteriors(lenses, Q, (0.4, 1.0))), truth)
    assert all(0.003 < rank < 0.997 for rank in below)


class TestQuality:
    def test_few_draws_are_told(self):
        """One lens far from all others, and its posterior with a handful of draws near them."""
        toy = Toy(lenses=60, draws=1000)
        prior = on_scale(Normal(*PRIOR, *LIMITS), SLOPE)
        rng = np.random.default_rng(5)
        odd = np.append(rng.normal(1.4, 0.03, 298), [2.05, 2.1])[:, None]
        beliefs = bin_posteriors(
            [*toy.posteriors(prior), ("odd", Samples(odd, ("slope",), ("",)), prior)], SLOPE, LIMITS
        )
        quality = infer(beliefs).quality
        assert quality.few == ("odd",)
        assert quality.draws[-1] < 10 < np.median(quality.draws)

    def test_the_variance_is_that_of_the_log_likelihood(self):
        """Of many sets of draws of the same posteriors, at one population."""
        toy = Toy(lenses=20, draws=200)
        density = _in_bins(np.linspace(*LIMITS, 513), np.array([TRUTH[0]]), np.array([TRUTH[1]]))
        found, claimed = [], []
        for _ in range(150):
            beliefs = toy.beliefs()
            found.append(np.log(beliefs.likelihood(density)).sum())
            claimed.append(np.sum(1 / beliefs.effective_draws(density[:, 0]) - 1 / toy.draws))
        assert np.var(found) == pytest.approx(np.mean(claimed), rel=0.4)

    @pytest.mark.slow
    def test_the_error_by_draws_is_that_of_other_draws(self):
        """Of 25 sets of draws of the same posteriors."""
        toy = Toy(lenses=40, draws=300)
        runs = [infer(toy.beliefs()) for _ in range(25)]
        for name in ("mean", "scatter"):
            claimed = np.sqrt(np.mean([run.quality.errors[name] ** 2 for run in runs]))
            scatter = np.std([run.summary()[name].mean for run in runs])
            assert claimed == pytest.approx(scatter, rel=0.45)  # a standard deviation of 25 scatters by 14 per cent
            assert claimed < 0.6 * runs[0].summary()[name].sigma

    def test_what_lies_outside_the_prior_is_counted(self):
        values = np.linspace(0.3, 0.9, 601)[:, None]
        prior = on_scale(Uniform(0.4, 1.0), Q)
        lenses = [("in", Samples(values, ("q",), ("",)), prior), ("out", Samples(values / 10, ("q",), ("",)), prior)]
        beliefs = bin_posteriors(lenses, Q, (0.4, 1.0))
        assert beliefs.names == ("in",)
        assert beliefs.left_out == ("out",)
        assert beliefs.lost[0] == pytest.approx(1 / 6, abs=0.01)


class TestQuantities:
    def test_a_posterior_of_ellipticities_has_q(self):
        samples = Samples(np.tile([0.3, 0.1], (50, 1)), ("e1", "e2"), ("", ""))
        beliefs = bin_posteriors([("a", samples, on_scale(Uniform(0.4, 1.0), Q))], Q, (0.4, 1.0))
        assert beliefs.medians[0] == pytest.approx(np.sqrt((1 - np.hypot(0.3, 0.1)) / (1 + np.hypot(0.3, 0.1))))

    def test_a_uniform_radius_is_no_uniform_logarithm(self):
        prior = on_scale(Uniform(0.2, 3.2), RADIUS)
        x = np.linspace(*prior.support(), 20_001)
        density = np.exp(prior.log_prob(x))
        assert density.sum() * (x[1] - x[0]) == pytest.approx(1, abs=1e-3)
        np.testing.assert_allclose(density[-1] / density[0], 16)
        flat = on_scale(LogUniform(0.2, 3.2), RADIUS).log_prob(x[1:-1])
        np.testing.assert_allclose(flat, flat[0])

    def test_logarithmic_radii_are_recovered(self):
        rng = np.random.default_rng(2)
        truth, error = (0.15, 0.12), 0.06
        interim = on_scale(Uniform(0.2, 3.2), RADIUS)
        low, high = interim.support()
        lenses = []
        for number in range(150):
            place = rng.normal(*truth) + error * rng.normal()
            x = np.linspace(low, high, 4000)
            density = norm.pdf(place, x, error) * np.exp(
                interim.log_prob(x)
            )  # the posterior under a prior uniform in the radius
            draws = 10 ** rng.choice(x, 2000, p=density / density.sum())
            lenses.append((str(number), Samples(draws[:, None], ("einstein_radius",), ("arcsec",)), interim))
        below = ranks(infer(bin_posteriors(lenses, RADIUS, (low, high))), truth)
        assert all(0.003 < rank < 0.997 for rank in below)

    def test_names_are_checked(self):
        with pytest.raises(InputError, match="choose one of them"):
            quantity("e1")
        with pytest.raises(InputError, match="lens a: the posterior has no slope"):
            samples = Samples(np.ones((3, 1)), ("q",), ("",))
            bin_posteriors([("lens a", samples, on_scale(Uniform(1, 3), SLOPE))], SLOPE, LIMITS)
        with pytest.raises(InputError, match="no posterior has a draw"):
            bin_posteriors([], SLOPE, LIMITS)


class TestTruths:
    @pytest.mark.parametrize("marginal", [Uniform(0.4, 1.0), Normal(0.5, 0.2, 0.4, 1.0)])
    def test_the_density_is_that_they_came_from(self, marginal):
        values = marginal.quantile(np.random.default_rng(0).random(20_000))
        found = density_of_truths(values, Q)
        x = np.linspace(0.401, 0.999, 200)
        np.testing.assert_allclose(np.exp(found.log_prob(x)), np.exp(marginal.log_prob(x)), rtol=0.08, atol=0.05)
        low, high = found.support()
        assert (low, high) == pytest.approx((0.4, 1.0), abs=1e-3)
        assert np.isneginf(found.log_prob(np.array([0.3, 1.01]))).all()

    def test_it_does_as_well_as_the_formula(self):
        toy = Toy(lenses=200)
        values = Normal(*PRIOR, *LIMITS).quantile(np.random.default_rng(1).random(10_000))
        interim = density_of_truths(values, SLOPE)
        by_truths = infer(bin_posteriors(toy.posteriors(interim), SLOPE, LIMITS)).summary()["mean"]
        by_formula = infer(toy.beliefs()).summary()["mean"]
        assert by_truths.mean == pytest.approx(by_formula.mean, abs=0.7 * by_formula.sigma)

    def test_too_few_or_all_the_same_are_refused(self):
        with pytest.raises(InputError, match="too few"):
            density_of_truths(np.linspace(0.4, 1, 50), Q)
        with pytest.raises(InputError, match="slope is 2 in all"):
            density_of_truths(np.full(500, 2.0), SLOPE)

    def test_the_support_is_that_of_all_within_the_quantity(self):
        priors = [on_scale(Uniform(0.4, 0.9), Q), on_scale(Uniform(0.5, 1.2), Q)]
        assert common_support(priors, Q) == (0.4, 1.0)
        with pytest.raises(ValueError, match="needs an end"):
            common_support([on_scale(Normal(1.0, 0.1), RADIUS)], RADIUS)
