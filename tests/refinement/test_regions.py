"""A sampler stays where a smooth source supports a lens, and each mode has its own source under the pixels."""

from dataclasses import replace

import numpy as np
import pytest

from lenssbi.config import parse
from lenssbi.refinement.basins import SeveralImages
from lenssbi.refinement.config import RefineConfig
from lenssbi.refinement.first_stage import Stage, first_stage
from lenssbi.refinement.likelihood import IMPOSSIBLE
from lenssbi.refinement.observation import observe
from lenssbi.refinement.problem import build_problem
from lenssbi.refinement.regions import RegionalLikelihood, RegionalPrior, Regions
from lenssbi.systems import deflectors

SMALL = {"mass": {"shear": False}, "mesh": {"pixels": 100}, "start": {"candidates": 64}, "noise_scale": "claimed"}


@pytest.fixture(scope="module")
def stage(ring):
    config = parse(SMALL, RefineConfig, "test")
    return first_stage(build_problem(observe(ring, config), config))


@pytest.fixture(scope="module")
def vector(stage):
    params = stage.modes[0].params | {"log10_strength": 1.0}
    return np.array([params[name] for name in stage.likelihood.names])


def moved(vector, names, **steps):
    return vector + np.array([steps.get(name, 0.0) for name in names])


def test_the_prior_ends_with_the_region(stage, vector):
    names = stage.prior.names
    near = np.array([vector, moved(vector, names, einstein_radius=0.05)])
    np.testing.assert_array_equal(stage.prior.log_prob(near), stage.prior.prior.log_prob(near))
    far = np.array([moved(vector, names, einstein_radius=0.5), moved(vector, names, e1=0.6)])
    assert np.isfinite(stage.prior.prior.log_prob(far)).all()
    assert (stage.prior.log_prob(far) == -np.inf).all()
    np.testing.assert_array_equal(
        stage.prior.quantile(np.full((1, 6), 0.4)), stage.prior.prior.quantile(np.full((1, 6), 0.4))
    )


def test_a_lens_is_judged_by_the_source_of_the_nearest_mode(stage, vector):
    first = stage.modes[0]
    other = replace(first, values=first.values + np.array([0.8, 0, 0, 0, 0]), vector=first.vector + 0.1)
    regions = Regions(stage.likelihood.names, (first, other))
    part = stage.likelihood.parts[0]
    bare = replace(part, inversion=replace(part.inversion, smooth=None))
    both = RegionalLikelihood((part, bare), regions)
    here, there = vector, moved(vector, stage.likelihood.names, einstein_radius=0.8)
    assert both.one(here) == part.one(here) != bare.one(here)
    assert both.one(there) == bare.one(there)
    assert both.imaging is part.imaging
    chosen = Stage(stage.prior, both, (first, other))
    assert chosen.kept_mode(here).vector is first.vector
    assert chosen.kept_mode(there).vector is other.vector
    prior = RegionalPrior(stage.prior.prior, regions)
    assert np.isfinite(prior.log_prob(np.array([here, there]))).all()
    middle = moved(vector, stage.likelihood.names, einstein_radius=0.4)
    assert prior.log_prob(middle[None])[0] == -np.inf


def test_the_modes_show_their_source_more_than_once(stage):
    assert all(mode.multiply_imaged for mode in stage.modes)
    assert not replace(stage.modes[0], counter=0.0).multiply_imaged


def test_a_lens_that_shows_its_source_once_is_impossible(stage, vector):
    part = stage.likelihood.parts[0]
    imaging = part.imaging
    names = stage.likelihood.names
    assert part.images.shown(deflectors(part.params(vector)).source_angle(imaging.theta), imaging)
    wrong = moved(vector, names, centre_x=2.0)  # all light far outside the Einstein ring
    assert not part.images.shown(deflectors(part.params(wrong)).source_angle(imaging.theta), imaging)
    assert part.one(wrong) == IMPOSSIBLE < replace(part, images=None).one(wrong)


def test_a_mode_is_never_impossible(ring, monkeypatch):
    monkeypatch.setattr(SeveralImages, "shown", lambda self, beta, imaging: False)  # clumps that lie far apart
    config = parse(SMALL, RefineConfig, "test")
    stage = first_stage(build_problem(observe(ring, config), config))
    assert stage.likelihood.parts[0].images is None
    assert np.isfinite(stage.likelihood(stage.start.means)).all()
    assert (stage.likelihood(stage.start.means) > IMPOSSIBLE).all()
