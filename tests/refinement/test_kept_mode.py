"""A fit is made whole again without the search whose mode is in its file."""

from dataclasses import replace

import numpy as np
import pytest

from lenssbi.config import parse
from lenssbi.posteriors import load_samples
from lenssbi.refinement.config import RefineConfig
from lenssbi.refinement.fit import restore, solve
from lenssbi.refinement.prepare import set_up

from ..quick_fits import quick_fits
from .test_lens_light import double

SMALL = {
    "mass": {"shear": False},
    "mesh": {"pixels": 100},
    "start": {"candidates": 64, "restarts": 0},
    "sampler": {"max_evaluations": 40, "method": "importance"},
    "noise_scale": "claimed",
}


@pytest.fixture(scope="module", params=["arcs", "lens light", "bare", "gaussians"])
def fitted(request, ring, tmp_path_factory):
    """Arcs alone, beside a lens galaxy, and with an image of the source that was taken for one; and a source without pixels."""
    stamp = {"lens light": 3000.0, "bare": 0.0}.get(request.param)
    stamp = ring if stamp is None else double(stamp)
    changes = {"source": "gaussians"} if request.param == "gaussians" else {}
    with pytest.MonkeyPatch.context() as patch:
        quick_fits(patch)
        problem, _ = set_up(stamp, parse(SMALL | changes, RefineConfig, "test"))
        fit = solve(problem)
        path = tmp_path_factory.mktemp("kept") / "fit.h5"
        fit.samples.save(path)
        yield request.param, problem, fit, load_samples(path)


def no_search(*arguments):
    raise AssertionError("a search is made")


def assert_same(one, other):
    for name in ("image", "lens_light"):
        first, second = getattr(one.best, name), getattr(other.best, name)
        assert (first is None) is (second is None)
        if first is not None:
            np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(one.best.source.image, other.best.source.image)
    assert one.best.source.extent == other.best.source.extent
    assert (one.best.chi2, one.best.params) == (other.best.chi2, other.best.params)
    np.testing.assert_array_equal(one.stamp.image, other.stamp.image)


def test_a_kept_mode_takes_the_place_of_a_search(fitted, monkeypatch):
    case, problem, fit, samples = fitted
    monkeypatch.setattr("lenssbi.refinement.first_stage.search", no_search)
    monkeypatch.setattr("lenssbi.refinement.first_stage.polish", no_search)
    assert (fit.best.lens_light is not None) is (case == "lens light")
    assert (problem.light is not None) is (case in ("lens light", "bare"))
    assert_same(restore(problem, samples, None), fit)


@pytest.mark.parametrize("fitted", ["arcs", "lens light"], indirect=True)
def test_a_file_without_a_mode_is_restored_by_a_search(fitted):
    _, problem, fit, samples = fitted
    older = replace(samples, info={name: value for name, value in samples.info.items() if name != "search"})
    assert_same(restore(problem, older, None), fit)
