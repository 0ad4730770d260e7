"""A small fit from end to end: likelihood, posterior, result, identity."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage

from lenssbi.arrays import pixel_grid
from lenssbi.config import parse
from lenssbi.dataset.noise import sky_noise
from lenssbi.posteriors import DiagonalMixture
from lenssbi.refinement.attempts import remove_checkpoints
from lenssbi.refinement.config import RefineConfig
from lenssbi.refinement.first_stage import first_stage
from lenssbi.refinement.fit import _status, restore, solve
from lenssbi.refinement.flags import find_flags
from lenssbi.refinement.likelihood import IMPOSSIBLE
from lenssbi.refinement.observation import observe, with_honest_noise
from lenssbi.refinement.problem import build_problem
from lenssbi.refinement.result import arcs_of
from lenssbi.status import ItemError, Status

SMALL = {
    "mass": {"shear": False},
    "mesh": {"pixels": 100},
    "start": {"place": "prior"},
    "sampler": {"method": "nautilus", "n_live": 30, "n_eff": 100, "n_networks": 0},
    "noise_scale": "claimed",
}
NAMES = ("einstein_radius", "e1", "e2")
ANSWER = DiagonalMixture([[0.91, 0.08, -0.02]], [[0.02, 0.05, 0.05]], NAMES, ("arcsec", "", ""))


def config(**changes):
    return parse(SMALL | changes, RefineConfig, "test")


def problem_of(stamp, learned=ANSWER, **changes):
    chosen = config(**changes)
    return build_problem(observe(stamp, chosen), chosen, learned)


def vector(problem, truth, **changes):
    params = truth | {"log10_strength": 1.0, "shear1": 0.0, "shear2": 0.0, "slope": 2.0} | changes
    return np.array([params[name] for name in problem.priors.sampled.names])


def likelihood_of(problem):
    return first_stage(problem).likelihood


@pytest.fixture(scope="module")
def fitted(ring):
    problem = problem_of(ring)
    return problem, solve(problem)


def test_the_truth_is_likelier_than_its_neighbours(ring, truth):
    problem = problem_of(ring, None, mass={"shear": True})
    at_truth = likelihood_of(problem).one(vector(problem, truth))
    for change in (
        {"einstein_radius": 0.8},
        {"einstein_radius": 1.0},
        {"e1": 0.4},
        {"shear2": 0.15},
        {"centre_x": 0.2},
    ):
        assert likelihood_of(problem).one(vector(problem, truth, **change)) < at_truth - 5


def test_threads_change_nothing(ring):
    problem = problem_of(ring)
    values = problem.priors.sampled.quantile(np.random.default_rng(0).random((12, 6)))
    threaded = replace(likelihood_of(problem), threads=3)
    np.testing.assert_array_equal(threaded(values), likelihood_of(problem)(values))


def test_a_model_error_widens_the_result_and_leaves_the_rest(ring, fitted):
    _, narrow = fitted
    wide = solve(problem_of(ring, model_error={"einstein_radius": 0.05}))
    widths = [fit.samples.summary()["einstein_radius"].sigma for fit in (narrow, wide)]
    assert widths[1] > 3 * widths[0]
    assert (wide.samples.log_evidence, wide.flags) == (narrow.samples.log_evidence, narrow.flags)
    # the product of the network's 0.02 and a posterior of 0.9 * 0.05 and more
    believed = wide.samples_with_prior.summary()["einstein_radius"]
    assert 0.7 * 0.02 < believed.sigma < 1.1 * 0.02 < widths[1]


def test_impossible_lenses_have_an_impossible_likelihood(ring, truth):
    likelihood = likelihood_of(problem_of(ring))
    for change in ({"e1": 1.0}, {"einstein_radius": -0.1}, {"centre_x": np.nan}):
        assert likelihood.one(vector(problem_of(ring), truth, **change)) == IMPOSSIBLE


def test_a_power_law_of_slope_2_is_the_isothermal(ring, truth):
    sie, steep = problem_of(ring), problem_of(ring, mass={"model": "power_law", "shear": False})
    at_2 = likelihood_of(steep).one(vector(steep, truth))
    assert at_2 == pytest.approx(likelihood_of(sie).one(vector(sie, truth)), abs=1e-3)
    assert likelihood_of(steep).one(vector(steep, truth, slope=1.5)) < at_2


def test_the_fit_finds_the_lens(fitted, truth):
    _, fit = fitted
    assert fit.status is Status.DONE
    for name, summary in fit.params().items():
        if name in truth:
            assert abs(summary.mean - truth[name]) < 5 * summary.sigma + 0.01, name
    assert fit.params()["einstein_radius"].sigma < 0.03
    assert fit.params()["phi"].unit == "deg"
    assert fit.samples_with_prior is not None
    assert fit.params_with_prior()["e1"].sigma < fit.params()["e1"].sigma
    assert fit.info["learned_prior_divided_out"]


def test_the_best_model_explains_the_image(fitted):
    problem, fit = fitted
    residual = fit.residual[fit.mask]
    assert np.isfinite(residual).all()
    assert 0.7 < np.mean(residual**2) < 1.2
    assert np.isnan(fit.residual[~fit.mask]).all()
    assert np.nanmax(fit.best.source.image) > 0
    radius = np.abs(pixel_grid(fit.mask.shape, 0.1))
    squares = (np.indices(radius.shape) // 4).sum(axis=0) % 4 == 0
    arcs = arcs_of((radius < 1.2) | squares & (radius > 1.6))
    assert arcs[radius < 0.8].all()
    assert not arcs[radius > 1.5].any()
    assert fit.best.source.extent[0] < 0.1 < fit.best.source.extent[1]
    assert any(abs(np.abs(curve).mean() - 0.9) < 0.1 for curve in fit.best.critical_curves)
    assert fit.best.magnification > 2
    found = likelihood_of(problem).one(np.array(list(fit.best.params.values())))
    assert found == pytest.approx(fit.best.log_likelihood, abs=1e-9)


def test_a_stored_posterior_gives_the_result_back(fitted):
    problem, fit = fitted
    again = restore(problem, fit.samples, fit.samples_with_prior)
    np.testing.assert_array_equal(again.best.image, fit.best.image)
    assert (again.flags, again.evaluations, again.mode) == (fit.flags, fit.evaluations, fit.mode)


def test_a_limit_is_a_status_with_draws(ring, tmp_path):
    problem = problem_of(ring, sampler=SMALL["sampler"] | {"max_evaluations": 100})
    fit = solve(problem, tmp_path)
    assert (fit.status, fit.evaluations) == (Status.TIMED_OUT, 100)
    assert np.isfinite(fit.params()["einstein_radius"].median)
    assert problem.checkpoint(tmp_path, "first-nautilus").path.exists()
    remove_checkpoints(problem, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_limit_that_an_absurd_input_reaches_is_not_to_be_raised(monkeypatch):
    monkeypatch.setattr("lenssbi.refinement.fit.is_wrong", lambda best, seen_twice: best == "wrong")
    ended, stopped, wrong = (
        SimpleNamespace(draws=SimpleNamespace(converged=converged), best=best, stage=SimpleNamespace(seen_twice=True))
        for converged, best in ((True, "right"), (False, "right"), (True, "wrong"))
    )
    assert _status(ended, ("residuals",)) is Status.DONE
    assert _status(wrong, ()) is Status.WRONG
    assert _status(stopped, ("few_effective_samples", "prior_conflict")) is Status.TIMED_OUT
    for flag in ("edge", "residuals", "demagnified"):
        status = _status(stopped, (flag,))
        assert status is Status.NOT_EXPLAINED
        assert "noise map" in status.value


def test_flags_say_what_to_look_at(ring, fitted):
    problem, fit = fitted

    def flags(samples=fit.samples, best=fit.best, learned=ANSWER):
        return find_flags(samples, problem.priors, best, learned)

    wrong = DiagonalMixture([[0.93, -0.35, 0.3]], [[0.04, 0.03, 0.03]], NAMES, ANSWER.units)
    assert "prior_conflict" in flags(learned=wrong)
    assert "prior_conflict" not in flags()
    assert "demagnified" in flags(best=replace(fit.best, magnification=1.1))
    assert "demagnified" not in flags()
    assert "residuals" in flags(best=replace(fit.best, chi2=2.0))
    assert "residuals" in flags(best=replace(fit.best, worst=3.5))
    overstated = replace(fit.best, chi2=0.8)  # a bad fit under a noise map that claims 1.6 times the scatter of the sky
    assert "residuals" not in flags(best=overstated)
    assert "residuals" in find_flags(fit.samples, problem.priors, overstated, ANSWER, sky_chi2=0.4)
    assert "residuals" not in flags()
    faint = replace(fit.best, counter=0.0)
    assert "demagnified" in flags(best=faint)
    assert "demagnified" not in find_flags(fit.samples, problem.priors, faint, ANSWER, seen_twice=True)
    values = fit.samples.values.copy()
    values[:, fit.samples.names.index("log10_strength")] = 3.99
    assert "edge" not in flags(replace(fit.samples, values=values))
    values[:, fit.samples.names.index("log10_strength")] = -2.99
    assert "edge" in flags(replace(fit.samples, values=values))
    assert "edge" not in flags()
    flattest = (1 - 0.21**2) / (1 + 0.21**2)
    for name, value in (("e1", 0.0), ("e2", flattest)):
        values[:, fit.samples.names.index(name)] = value
    values[:, fit.samples.names.index("log10_strength")] = 1.0
    blind = problem_of(ring, None, prior={"mode": "blind"}).priors
    assert "edge" in find_flags(replace(fit.samples, values=values), blind, fit.best, None)
    assert "edge" not in find_flags(fit.samples, blind, fit.best, None)
    values, radius = fit.samples.values.copy(), fit.samples.summary()["einstein_radius"]
    column = values[:, fit.samples.names.index("einstein_radius")]
    column *= 1 + 0.11 * (column - radius.mean) / radius.sigma
    assert "imprecise" in flags(replace(fit.samples, values=values))
    assert "imprecise" not in flags()
    assert "few_effective_samples" in flags(fit.samples.reweighted(-1e3 * np.arange(len(fit.samples))))


def test_the_identity_covers_data_and_choices_but_not_limits(ring, other_ring):
    base = problem_of(ring)
    same = problem_of(ring, sampler=SMALL["sampler"] | {"max_minutes": 1.0, "max_evaluations": 7, "threads": 2})
    assert base.key == same.key
    others = [
        problem_of(other_ring),
        problem_of(replace(ring, noise=1.01 * ring.noise)),
        problem_of(ring, None),
        problem_of(ring, mesh={"pixels": 169}),
        problem_of(ring, sampler=SMALL["sampler"] | {"seed": 1}),
    ]
    assert len({base.key, *(problem.key for problem in others)}) == 6


def test_measured_noise_replaces_what_the_map_claims(ring):
    loud = replace(ring, noise=1.5 * ring.noise)
    observation = observe(loud, config(noise_scale="measured"))
    assert observation.noise_scale == pytest.approx(1.5, rel=0.06)
    np.testing.assert_allclose(observation.stamp.noise, 1.0, rtol=0.06)
    assert observe(loud, config(noise_scale=1.2)).noise_scale == 1.2


def test_the_chi2_of_sky_is_what_noise_alone_leaves(ring):
    for factor, expected in ((1.6, 1.6**-2), (0.5, 1.0)):
        observation = observe(replace(ring, noise=factor * ring.noise), config(noise_scale="claimed"))
        assert observation.sky_chi2 == pytest.approx(expected, rel=0.12)


def test_extended_noise_is_that_of_white_noise_and_more_where_neighbours_share_it(ring):
    white = observe(replace(ring, noise=1.5 * ring.noise), config(noise_scale="extended")).noise_scale
    assert white == pytest.approx(1.5, rel=0.06)  # too little sky for means over 5 x 5 pixels
    rng = np.random.default_rng(4)
    sky = ndimage.gaussian_filter(rng.normal(size=(120, 120)), 0.6)
    stamp = replace(ring, image=sky, noise=np.full(sky.shape, 1.0), mask=np.ones(sky.shape, bool))
    pixels, extended = (with_honest_noise(stamp, choice)[1] for choice in ("measured", "extended"))
    assert pixels == pytest.approx(1 / sky.std(), rel=0.05)
    assert extended < 0.75 * pixels


def test_the_light_of_galaxies_is_no_shared_noise(ring):
    rng = np.random.default_rng(4)
    sky = rng.normal(size=(120, 120))
    waves = 0.3 * np.sin(np.arange(120) / 6)[:, None] * np.cos(np.arange(120) / 8)
    stamp = replace(ring, image=sky + waves, noise=np.ones(sky.shape), mask=np.ones(sky.shape, bool))
    extended = sky_noise(stamp).extended
    assert extended > 1.18
    assert 1.03 / extended < with_honest_noise(stamp, "extended")[1] < 1.0


def test_the_worst_place_counts(ring, truth):
    problem = problem_of(ring)
    likelihood, values = likelihood_of(problem), vector(problem, truth)
    plain = likelihood.model(values)
    bump = 6.0 * np.exp(-0.5 * np.abs(pixel_grid(ring.shape, 0.1) - 0.2 - 0.2j) ** 2 / 0.15**2)
    dipole = replace(ring, image=ring.image + bump)
    beside = likelihood_of(problem_of(dipole)).model(values)
    assert plain.worst < 2.0
    assert beside.worst > plain.worst + 0.5


def test_a_mask_without_pixels_is_refused(ring):
    with pytest.raises(ItemError):
        observe(ring, config(mask={"inner": 1.2, "outer": 1.1}))


def test_the_mask_is_an_annulus_around_the_arcs(ring):
    observation = observe(ring, config(mask={"inner": 0.3, "outer": 1.5}))
    assert observation.mask.sum() == pytest.approx(np.pi * (1.5**2 - 0.3**2) / 0.01, rel=0.05)
    free = observe(ring, config()).mask
    assert 0.9 * 1.5 < np.sqrt(free.sum() * 0.01 / np.pi) < 2.0
