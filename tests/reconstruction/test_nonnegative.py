"""Non-negative least squares against SciPy's, and the positive solver's evidence against a dense brute force."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import nnls

from lenssbi.reconstruction import nonnegative
from lenssbi.reconstruction.delaunay import Delaunay
from lenssbi.reconstruction.inversion import Inversion
from lenssbi.reconstruction.rectangular import Rectangular


def problem(seed, n=60, rows=90, alike=0.0):
    """A, b and its least-squares form; `alike` makes the columns resemble each other."""
    rng = np.random.default_rng(seed)
    design = (1 - alike) * rng.normal(size=(rows, n)) + alike * rng.normal(size=(rows, 1))
    target = rng.normal(size=rows) * rng.choice([1e-3, 1.0, 1e4])
    return design.T @ design, design.T @ target, design, target


@pytest.mark.parametrize("alike", [0.0, 0.9, 0.999])
@pytest.mark.parametrize("seed", range(6))
def test_equals_scipy(seed, alike):
    matrix, vector, design, target = problem(seed, alike=alike)
    expected, residual = nnls(design, target)
    for start in (np.linalg.solve(matrix, vector) > 0, np.zeros(60, bool), np.ones(60, bool)):
        # The lower half is not read.
        found = nonnegative.block_pivoting(np.where(np.tri(60, k=-1), np.nan, matrix), vector, start)
        assert (found >= 0).all()
        np.testing.assert_allclose(found, expected, atol=1e-7 * expected.max())
        assert np.linalg.norm(design @ found - target) == pytest.approx(residual, rel=1e-10)
        split = nonnegative.block_pivoting(matrix, vector, start[:45])  # the last 15 by SciPy
        np.testing.assert_allclose(split, expected, atol=1e-7 * expected.max())
    upper = np.linalg.cholesky(matrix).T
    found = nonnegative.last_nonnegative(upper, np.linalg.solve(upper.T, vector), 0)
    np.testing.assert_allclose(found, expected, atol=1e-7 * expected.max())


def test_one_at_a_time_where_blocks_go_in_circles(monkeypatch):
    monkeypatch.setattr(nonnegative, "PATIENCE", 0)
    monkeypatch.setattr(nonnegative, "MAX_STEPS", 1000)
    matrix, vector, design, target = problem(1)
    found = nonnegative.block_pivoting(matrix, vector, np.zeros(60, bool))
    np.testing.assert_allclose(found, nnls(design, target)[0], atol=1e-9)


def test_gives_up_by_value():
    matrix, vector, *_ = problem(2)
    matrix[0, 1] = 2 * np.sqrt(matrix[0, 0] * matrix[1, 1])  # not positive definite
    assert nonnegative.block_pivoting(matrix, vector, np.ones(60, bool)) is None


@pytest.mark.parametrize("mesh", [Delaunay(60), Rectangular(8), Rectangular(9, brightness=0.6)], ids=str)
@pytest.mark.parametrize("strength", [1e-3, 0.7, 30.0])
def test_positive_source_equals_brute_force(stamp, toys, mesh, strength):
    imaging = stamp()
    beta = toys.lens(imaging.theta, 0.5)  # not the true radius: the linear source goes negative
    linear, positive = (Inversion(imaging, mesh, solver=s).reconstruct(beta, strength) for s in ("linear", "positive"))
    blurred, prior = toys.dense(imaging, positive.mesh, strength)
    noise = imaging.noise[imaging.mask]
    root = np.linalg.cholesky(prior).T
    target = imaging.data[imaging.mask] / noise
    source, _ = nnls(np.vstack([blurred / noise[:, None], root]), np.append(target, np.zeros(len(root))))
    unit = imaging.flux_scale / imaging.pixel_scale**2
    assert (linear.source < 0).any()
    assert (positive.source == 0).any()
    np.testing.assert_allclose(positive.source, source * unit, atol=1e-8 * unit * source.max())
    assert positive.evidence.misfit == pytest.approx(np.sum((target - blurred @ source / noise) ** 2), rel=1e-8)
    assert positive.evidence.smoothness == pytest.approx(source @ prior @ source, rel=1e-8)
    assert positive.evidence[2:] == linear.evidence[2:]
    np.testing.assert_array_equal(positive.source_sigma, linear.source_sigma)
    np.testing.assert_allclose(positive.model_image[imaging.mask], blurred @ source, atol=1e-8)


def test_the_fallback_gives_the_same(stamp, toys, monkeypatch):
    imaging = stamp()
    beta = toys.lens(imaging.theta, 0.5)
    inversion = Inversion(imaging, Rectangular(8), solver="positive")
    expected = inversion.evidence(beta, 0.7)
    monkeypatch.setattr(nonnegative, "MAX_STEPS", 1)
    np.testing.assert_allclose(inversion.evidence(beta, 0.7), expected, rtol=1e-9)


def test_history_does_not_matter(stamp, toys):
    imaging = stamp()
    columns = np.exp(-0.5 * (np.arange(3)[:, None, None] - 1) ** 2 + 0 * imaging.data) * abs(imaging.data)
    inversion = Inversion(imaging, Rectangular(8), columns=columns[:1], solver="positive")
    betas = [toys.lens(imaging.theta, r) for r in np.linspace(0.45, 0.65, 9)]
    forth = [inversion.evidence(b, 1.0) for b in betas]
    assert [inversion.evidence(b, 1.0) for b in betas[::-1]][::-1] == forth


def test_unknown_solver_is_refused(stamp):
    with pytest.raises(ValueError, match="positive"):
        Inversion(stamp(), Rectangular(8), solver="sparse")
