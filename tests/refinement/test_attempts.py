"""Wrong starts are recognised and left; what the search finds, the sampler follows up."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from lenssbi.benchmark.runners.wrong_start import wrong_start
from lenssbi.config import parse
from lenssbi.posteriors import DiagonalMixture
from lenssbi.reconstruction.inversion import Reconstruction
from lenssbi.refinement import attempts, samplers
from lenssbi.refinement.basins import basin
from lenssbi.refinement.config import RefineConfig
from lenssbi.refinement.first_stage import STRENGTHS, Stage, first_stage, start_mixture
from lenssbi.refinement.fit import solve
from lenssbi.refinement.flags import is_wrong
from lenssbi.refinement.observation import observe
from lenssbi.refinement.problem import build_problem, network_draws
from lenssbi.refinement.sampling.mixtures import Mixture
from lenssbi.status import Status
from lenssbi.systems import deflectors

SMALL = {
    "mass": {"shear": False},
    "mesh": {"pixels": 100},
    "start": {"candidates": 64},
    "sampler": {"importance_n_eff": 100, "max_rounds": 8, "max_minutes": 60},
    "noise_scale": "claimed",
}
NAMES = ("einstein_radius", "e1", "e2")
ANSWER = DiagonalMixture([[0.91, 0.08, -0.02]], [[0.02, 0.05, 0.05]], NAMES, ("arcsec", "", ""))


def problem_of(stamp, learned=None, **changes):
    config = parse(SMALL | changes, RefineConfig, "test")
    return build_problem(observe(stamp, config), config, learned)


@pytest.fixture(scope="module")
def searched(ring):
    problem = problem_of(ring)
    return problem, first_stage(problem)


def test_the_search_begins_where_the_lens_is(searched, truth):
    problem, stage = searched
    mixture = start_mixture(problem, stage)
    at = dict(zip(problem.priors.sampled.names, mixture.means[0], strict=True))
    assert abs(at["einstein_radius"] - truth["einstein_radius"]) < 0.03
    assert abs(at["e1"] - truth["e1"]) < 0.08
    assert np.sqrt(np.diag(mixture.scales[0])).max() < 0.5


def test_light_and_search_are_part_of_the_limit(searched, monkeypatch):
    problem, stage = searched
    asked = []

    def sample(prior, likelihood, settings, *rest):
        asked.append(settings.max_seconds)
        raise InterruptedError

    monkeypatch.setattr(attempts, "first_stage", lambda problem: stage)
    monkeypatch.setattr(samplers.importance, "sample", sample)
    for seconds in (0.0, 1000.0, 1e6):
        with pytest.raises(InterruptedError):
            attempts.make_attempts(replace(problem, seconds=seconds), None, lambda *_: None)
    assert asked == pytest.approx([3600, 2600, 900], abs=1)


def test_nothing_is_begun_anew_where_the_time_is_over(searched, monkeypatch):
    problem, stage = searched
    names, begun = [], []

    def sampled(run, allowed):
        names.append(run.name)
        draws = SimpleNamespace(evaluations=1, seconds=100.0, converged=True)
        return attempts.Attempt(run.name, run.problem, run.stage, draws, SimpleNamespace(), "importance", allowed)

    monkeypatch.setattr(attempts, "first_stage", lambda problem: begun.append(1) or stage)
    monkeypatch.setattr(attempts, "_sampled", sampled)
    monkeypatch.setattr(attempts, "is_wrong", lambda *_: True)
    attempts.make_attempts(problem, None, lambda *_: None)
    assert names == ["first", "restart0"]
    attempts.make_attempts(replace(problem, seconds=3000.0), None, lambda *_: None)
    assert names == ["first", "restart0", "first"]
    assert len(begun) == 3, "nor is it searched"


@pytest.mark.parametrize(("best", "modes"), [(-10.0, 1), (0.0, 3)])
def test_modes_are_tried_until_one_is_better(searched, best, modes):
    problem, stage = searched
    (mixture, asked), names = (start_mixture(problem, stage), []), problem.priors.sampled.names
    three = Mixture(np.full(3, 1 / 3), np.tile(mixture.means[:1], (3, 1)), np.tile(mixture.scales[:1], (3, 1, 1)))

    def likelihood(values):
        asked.append(values[:, names.index("log10_strength")].tolist())
        return np.zeros(len(values))

    stopped = attempts.Attempt(
        "first", problem, Stage(None, likelihood), None, SimpleNamespace(log_likelihood=best), ""
    )
    assert attempts._beaten(stopped, replace(stage, start=three)) is (modes == 1)
    assert asked == [STRENGTHS.tolist()] * modes


def test_the_pixels_stand_on_the_gaussians_of_the_search(searched):
    _, stage = searched
    part = stage.likelihood.parts[0]
    smooth = part.inversion.smooth
    assert smooth is not None
    assert 0 < smooth.count < 24
    follow = part.imaging.follow
    np.testing.assert_array_equal(follow, stage.modes[0].source_image)


@pytest.mark.parametrize("factor", [0.55, 1.5])
def test_a_wrong_start_is_recognised_and_left(ring, truth, factor, tmp_path):
    problem = problem_of(ring, start={"place": "prior", "candidates": 64})
    fit = solve(problem, tmp_path, start=wrong_start(problem, factor))
    assert (fit.status, fit.info["attempt"], fit.info["attempts"]) == (Status.DONE, "restart0", 2)
    assert abs(fit.params()["einstein_radius"].mean - truth["einstein_radius"]) < 0.03
    assert "demagnified" not in fit.flags
    assert len({path.name.split("-")[0] for path in tmp_path.iterdir()}) == 2, "a state for each run"
    (left,) = tmp_path.glob("*-restart0-*.h5")
    left.with_name(f".{left.stem}.4711.h5").touch()  # a killed fit was writing it
    attempts.remove_checkpoints(problem, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_wrong_start_that_may_not_be_left_is_flagged(ring, truth):
    sampler = SMALL["sampler"] | {"method": "importance"}
    problem = problem_of(ring, start={"place": "prior", "candidates": 64, "restarts": 0}, sampler=sampler)
    fit = solve(problem, start=wrong_start(problem, 0.55))
    assert fit.info["attempts"] == 1
    off = abs(fit.params()["einstein_radius"].mean - truth["einstein_radius"]) > 0.1
    assert ("demagnified" in fit.flags) == off == (fit.status is Status.WRONG)


def test_nested_sampling_is_for_what_is_left(ring, monkeypatch):
    asked = []

    def unconverged(prior, log_likelihood, settings, checkpoint, watch, start):
        draws = sampled(prior, log_likelihood, settings, checkpoint, watch, start)
        return replace(draws, converged=False, log_weights=np.where(np.arange(len(draws.values)) < 20, 0.0, -np.inf))

    def nautilus(prior, log_likelihood, settings, checkpoint, watch):
        asked.append(settings.max_evaluations)
        return sampled(prior, log_likelihood, samplers.importance.Settings(n_eff=50, max_rounds=2), None, watch, None)

    sampled = samplers.importance.sample
    monkeypatch.setattr(samplers.importance, "sample", unconverged)
    monkeypatch.setattr(samplers.nautilus, "sample", nautilus)
    unsearched = {"place": "prior", "restarts": 0}
    fit = solve(problem_of(ring, start=unsearched))
    assert len(asked) == 1
    assert fit.info["sampler"] == "nautilus"
    assert fit.evaluations > 60_000 - asked[0] > 0
    asked.clear()
    sampler = {"method": "importance", "max_rounds": 2}
    assert solve(problem_of(ring, start=unsearched, sampler=sampler)).info["sampler"] == "importance"
    around = solve(problem_of(ring, sampler={"max_rounds": 2}))
    assert (around.status, around.info["sampler"]) == (Status.TIMED_OUT, "importance")
    assert not asked


def test_enough_draws_at_the_limit_are_an_end(ring):
    """A posterior of a hundred effective draws was thrown away with a status, as the limit came before three hundred."""
    sampler = {"method": "importance", "importance_n_eff": 5000, "max_evaluations": 800}
    fit = solve(problem_of(ring, sampler=sampler))
    assert 100 < fit.samples.n_eff < 5000
    assert fit.evaluations >= 800
    assert fit.status is Status.DONE


def test_a_network_only_says_where_to_look(ring):
    problem = problem_of(ring, ANSWER)
    draws = network_draws(problem, 500)
    assert draws[:, problem.priors.sampled.names.index("einstein_radius")].std() < 0.03
    fit = solve(problem)
    assert fit.mode == "broad"
    assert fit.samples_with_prior is not None
    assert not fit.info["learned_prior_divided_out"]
    assert fit.params_with_prior()["einstein_radius"].sigma < fit.params()["einstein_radius"].sigma * 1.05
    assert network_draws(problem_of(ring), 10).shape == (0, 6)


def test_smooth_sources_behind_the_same_likelihood(ring, truth):
    for source in ("gaussians", "sersic"):
        fit = solve(problem_of(ring, source=source))
        assert fit.status is Status.DONE
        assert abs(fit.params()["einstein_radius"].mean - truth["einstein_radius"]) < 0.02
        assert {"source_x", "source_stretch2"} <= fit.params().keys()
        assert 0.7 < fit.best.chi2 < 1.3
        assert fit.best.magnification > 3
        assert fit.best.source.image.max() > 0
        assert fit.best.compactness < 0.5


def test_a_copy_of_the_image_is_a_wrong_solution(searched, truth):
    _, stage = searched
    inversion = replace(stage.likelihood.parts[0].inversion, smooth=None)
    imaging = inversion.imaging

    def seen(radius):
        beta = deflectors(truth | {"einstein_radius": radius}).source_angle(imaging.theta)
        return basin(inversion.reconstruct(beta, 1.0), imaging, beta)

    right, none = seen(truth["einstein_radius"]), seen(1e-3)
    assert right.magnification > 4
    assert 0.8 < none.magnification < 1.5  # what is faint is not counted on either side
    assert none.compactness == pytest.approx(1.0, abs=0.1)
    assert right.compactness < 0.5
    failed = inversion.reconstruct(np.full(imaging.theta.shape, np.nan + 0j), 1.0)
    assert isinstance(failed, Reconstruction)
    assert np.isnan(basin(failed, imaging, imaging.theta).magnification)


def test_light_in_one_point_has_no_size(searched):
    _, stage = searched
    imaging = stage.likelihood.parts[0].imaging
    mesh = SimpleNamespace(vertices=np.array([0.0, 0.1, 0.1j]))
    point = SimpleNamespace(
        mesh=mesh, source=np.array([1.0, 0.5, 0.5]), brightness=lambda z: 1.0 * (np.arange(z.size) == 0)
    )
    assert np.isnan(basin(point, imaging, imaging.theta).compactness)
    dark = SimpleNamespace(mesh=mesh, source=np.array([1.0, 0.5, 0.5]), brightness=lambda z: np.zeros(z.shape))
    assert np.isnan(basin(dark, imaging, imaging.theta).magnification)


def test_a_solution_without_a_source_is_wrong(ring):
    fit = solve(problem_of(ring, sampler={"importance_n_eff": 50, "max_rounds": 3, "method": "importance"}))
    assert not is_wrong(fit.best)
    assert is_wrong(replace(fit.best, magnification=float("nan")))
