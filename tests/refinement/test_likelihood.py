"""The likelihood as the configuration asks for it."""

from dataclasses import replace

import numpy as np
import pytest

from lenssbi.config import parse
from lenssbi.refinement.config import RefineConfig
from lenssbi.refinement.first_stage import first_stage
from lenssbi.refinement.observation import observe
from lenssbi.refinement.problem import build_problem

SMALL = {"mass": {"shear": False}, "start": {"place": "prior"}, "noise_scale": "claimed"}


def likelihood_of(stamp, mesh=None, **changes):
    config = parse(SMALL | {"mesh": {"pixels": 100} | (mesh or {})} | changes, RefineConfig, "test")
    return first_stage(build_problem(observe(stamp, config), config)).likelihood


def at(likelihood, truth, **changes):
    params = truth | {"log10_strength": 0.5} | changes
    return likelihood.one(np.array([params[name] for name in likelihood.names]))


@pytest.mark.parametrize("cells", ["rectangular", "delaunay", "voronoi"])
@pytest.mark.parametrize("regularisation", ["constant", "gradient", "curvature", "adaptive"])
def test_every_mesh_and_smoothness_prefers_the_truth(ring, truth, cells, regularisation):
    likelihood = likelihood_of(ring, {"cells": cells, "regularisation": regularisation})
    assert at(likelihood, truth) > at(likelihood, truth, einstein_radius=0.75) + 20
    assert at(likelihood, truth) > at(likelihood, truth, e1=0.5) + 20


def test_a_positive_source_is_nowhere_negative(ring, truth):
    likelihood = likelihood_of(ring, {"solver": "positive"})
    params = truth | {"log10_strength": 0.5}
    model = likelihood.model(np.array([params[name] for name in likelihood.names]))
    assert np.nanmin(model.source.image) >= 0
    assert model.chi2 < 1.3


def test_a_finer_sub_grid_where_it_is_bright_is_nearly_one_everywhere(ring, truth):
    plain, fine, finer = (likelihood_of(ring, mesh) for mesh in ({}, {"fine": True}, {"subgrid": 4}))
    assert plain.imaging.theta.size < fine.imaging.theta.size < 0.8 * finer.imaging.theta.size
    assert abs(at(fine, truth) - at(finer, truth)) < 1.0


def test_a_factor_on_the_noise_is_another_noise_map(ring, truth):
    changed = {"prior": {"noise_factor": [0.5, 2.0]}}
    likelihood = likelihood_of(ring, {"regularisation": "constant", "brightness": 0.0}, **changed)
    assert "log10_noise" in likelihood.names
    imaging, factor = likelihood.imaging, 1.5
    louder = replace(imaging, noise=factor * imaging.noise)
    loud = replace(likelihood, inversion=replace(likelihood.inversion, imaging=louder))
    # F falls by the factor squared; the strength is in units of the noise so changed, and of the flux scale, which is that of
    # the pixels that stand out.
    strength = 0.5 + 2 * np.log10(louder.flux_scale / imaging.flux_scale / factor)
    direct = at(loud, truth, log10_noise=0.0, log10_strength=strength)
    assert at(likelihood, truth, log10_noise=np.log10(factor)) == pytest.approx(direct, abs=1e-3)
