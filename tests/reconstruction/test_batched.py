"""Many evaluations at once give the same numbers as one after the other."""

from __future__ import annotations

import numpy as np
import pytest

from lenssbi.benchmark.batched.inversion import BatchedInversion
from lenssbi.reconstruction.imaging import Imaging
from lenssbi.reconstruction.inversion import Inversion
from lenssbi.reconstruction.rectangular import Rectangular
from lenssbi.reconstruction.regularisation import Adaptive, Constant, Curvature, Gradient

RADII = np.linspace(0.45, 0.65, 7)
STRENGTHS = np.geomspace(0.03, 30, 7)


def one_by_one(imaging, mesh, kind, betas, strengths):
    inversion = Inversion(imaging, mesh, kind)
    return [inversion.evidence(b, s).log_evidence for b, s in zip(betas, strengths, strict=True)]


@pytest.mark.parametrize("mesh", [Rectangular(8), Rectangular(11, brightness=0.7)], ids=str)
@pytest.mark.parametrize("kind", [Constant(), Gradient(), Adaptive()], ids=lambda k: type(k).__name__)
def test_one_lens(stamp, toys, mesh, kind):
    imaging = stamp()
    batched = BatchedInversion(imaging, mesh, kind)
    np.testing.assert_array_equal(batched.theta[0], imaging.theta)
    betas = np.stack([toys.lens(imaging.theta, r) for r in RADII])
    expected = one_by_one(imaging, mesh, kind, betas, STRENGTHS)
    np.testing.assert_allclose(batched.log_evidence(betas, STRENGTHS), expected, rtol=1e-8)
    assert np.ptp(expected) > 10


@pytest.mark.parametrize("kind", [Constant(), Adaptive()], ids=lambda k: type(k).__name__)
def test_two_lenses_of_different_masks_and_psfs(stamp, toys, kind):
    first = stamp()
    wide = toys.build(shape=(16, 23), seed=8, radius=0.6, outer=0.8)
    second = Imaging(wide.data, wide.noise, wide.mask, toys.gaussian_response(0.08, 2, 1), wide.pixel_scale, 2)
    assert first.theta.size != second.theta.size
    mesh, lenses = Rectangular(9, brightness=0.5), (first, second)
    batched = BatchedInversion(lenses, mesh, kind)
    which = np.array([0, 1, 1, 0, 1, 0, 0])
    theta = batched.theta.numpy()[which]
    betas = np.stack([toys.lens(t, r) for t, r in zip(theta, RADII, strict=True)])
    expected = [
        one_by_one(lenses[k], mesh, kind, [b[: lenses[k].theta.size]], [s])[0]
        for k, b, s in zip(which, betas, STRENGTHS, strict=True)
    ]
    np.testing.assert_allclose(batched.log_evidence(betas, STRENGTHS, which), expected, rtol=1e-8)
    for k, b in zip(which, betas, strict=True):
        b[lenses[k].theta.size :] = np.nan  # what fills up a smaller lens does not count
    np.testing.assert_allclose(batched.log_evidence(betas, STRENGTHS, which), expected, rtol=1e-8)


def test_chunks_do_not_matter(stamp, toys):
    imaging = stamp()
    betas = np.stack([toys.lens(imaging.theta, r) for r in RADII])
    whole, parts = (BatchedInversion(imaging, Rectangular(8), memory=m) for m in (1e9, 1.0))
    np.testing.assert_allclose(parts.log_evidence(betas, STRENGTHS), whole.log_evidence(betas, STRENGTHS), rtol=1e-12)


@pytest.mark.parametrize("kind", [Constant(), Adaptive()], ids=lambda k: type(k).__name__)
def test_failures_stay_alone(stamp, toys, kind):
    imaging = stamp()
    beta = toys.lens(imaging.theta)
    broken = np.where(np.arange(beta.size) == 7, np.nan, beta)
    betas = np.stack([beta, broken, np.zeros_like(beta), beta.real + 0j, beta, beta, beta])
    strengths = np.array([1.0, 1.0, 1.0, 1.0, 0.0, np.nan, 2.0])
    found = BatchedInversion(imaging, Rectangular(8), kind).log_evidence(betas, strengths).numpy()
    assert (found[1:6] == -np.inf).all()
    expected = one_by_one(imaging, Rectangular(8), kind, betas[[0, 6]], strengths[[0, 6]])
    np.testing.assert_allclose(found[[0, 6]], expected, rtol=1e-8)


def test_what_does_not_fit_is_refused(stamp, toys):
    with pytest.raises(ValueError, match="sub-grid"):
        BatchedInversion([stamp(1), stamp(2)], Rectangular(8))
    with pytest.raises(ValueError, match="sub-grid"):
        BatchedInversion([], Rectangular(8))
    with pytest.raises(ValueError, match="Curvature"):
        BatchedInversion(stamp(), Rectangular(8), Curvature())
    with pytest.raises(ValueError, match="angles"):
        BatchedInversion(stamp(), Rectangular(8)).log_evidence(np.zeros((2, 3), complex), np.ones(2))
