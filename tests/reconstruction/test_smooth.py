"""Gaussians under the pixels: against a dense brute force, and how they follow the lens model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import nnls

from lenssbi.reconstruction.inversion import Inversion
from lenssbi.reconstruction.profiles import ProfileInversion, Profiles, SourceEllipse
from lenssbi.reconstruction.rectangular import Rectangular
from lenssbi.reconstruction.regularisation import Adaptive
from lenssbi.reconstruction.smooth import SmoothPart
from lenssbi.status import Status

PROFILES = Profiles.gaussians(4, 0.05, 0.4)
ELLIPSES = (SourceEllipse(0.08 + 0.05j, 0.1 + 0.05j), SourceEllipse(0.0 + 0.1j))


@pytest.fixture
def smooth(stamp, toys):
    """A smooth part found with the toy's own lens."""
    imaging = stamp()
    return SmoothPart.found(imaging, PROFILES, ELLIPSES, np.ones(8), toys.lens(imaging.theta), imaging.data)


def turned(beta):
    """Another source plane: moved, turned, stretched."""
    return 0.2 - 0.1j + (0.9 + 0.2j) * beta + 0.1j * np.conj(beta)


@pytest.mark.parametrize("radius", [0.55, 0.5])
def test_equals_a_dense_brute_force(smooth, stamp, toys, radius):
    imaging, strength = stamp(), 2.0
    inversion = Inversion(imaging, Rectangular(8), smooth=smooth)
    beta = toys.lens(imaging.theta, radius)
    found = inversion.reconstruct(beta, strength)
    assert found.status is Status.DONE
    blurred, prior = toys.dense(imaging, found.mesh, strength)
    noise, data = imaging.noise[imaging.mask], imaging.data[imaging.mask]
    columns = smooth.columns(beta)
    inside = imaging.tiles.place >= 0
    flat = np.zeros((imaging.mask.size, smooth.count))
    flat[imaging.tiles.place[inside]] = columns.rows[inside]
    gaussians = flat[imaging.mask.ravel()]
    rows, n, k = blurred / noise[:, None], blurred.shape[1], smooth.count
    ridge = 1 / np.sum((data / noise) ** 2)
    root = np.linalg.cholesky(prior).T
    design = np.vstack(
        [
            np.hstack([rows, gaussians, -rows]),
            np.hstack([root, np.zeros((n, k)), -root]),
            np.hstack([np.zeros((k, n)), np.sqrt(ridge) * np.eye(k), np.zeros((k, n))]),
        ]
    )
    answer, _ = nnls(design, np.append(data / noise, np.zeros(n + k)), maxiter=20000)
    both = np.hstack([rows, gaussians])
    full = both.T @ both + np.block([[prior, np.zeros((n, k))], [np.zeros((k, n)), ridge * np.eye(k)]])
    assert found.evidence.log_det_curvature == pytest.approx(np.linalg.slogdet(full)[1], rel=1e-8)
    determinant = np.linalg.slogdet(prior)[1] + k * np.log(ridge)
    assert found.evidence.log_det_regularisation == pytest.approx(determinant, rel=1e-8)
    source = answer[:n] - answer[-n:]
    charge = source @ prior @ source + ridge * np.sum(answer[n:-n] ** 2)
    assert found.evidence.smoothness == pytest.approx(charge, rel=1e-5)
    model = (rows @ (answer[:n] - answer[-n:]) + gaussians @ answer[n:-n]) * noise
    chi2 = np.sum(((data - model) / noise) ** 2)
    assert found.evidence.misfit == pytest.approx(chi2, rel=1e-6)
    np.testing.assert_allclose(found.model_image[imaging.mask], model, atol=1e-5 * model.max())
    residual = (data - found.model_image[imaging.mask]) / noise
    assert np.sum(residual**2) == pytest.approx(found.evidence.misfit, rel=1e-8)


def test_a_source_of_gaussians_leaves_nothing_to_the_pixels(smooth, stamp, toys):
    imaging = stamp()
    beta = toys.lens(imaging.theta)
    alone = ProfileInversion(imaging, PROFILES)
    truth = np.array([0.0, 3.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    image = np.zeros(imaging.mask.shape)
    inside = imaging.tiles.place >= 0
    light = (truth @ alone.rows(beta, ELLIPSES)).reshape(inside.shape) / np.where(inside, imaging.tiles.weight, 1)
    image.ravel()[imaging.tiles.place[inside]] = light[inside] * imaging.flux_scale
    exact = replace(imaging, data=image)
    part = SmoothPart.found(exact, PROFILES, ELLIPSES, truth, beta, image)
    assert part.count == 4  # the two that shine, their neighbours, and no second ellipse
    found = Inversion(exact, Rectangular(8), Adaptive(ridge=1e-2), smooth=part).reconstruct(beta, 10.0)
    assert found.evidence.misfit < 1e-6 * np.sum((image / imaging.noise)[imaging.mask] ** 2)
    places = np.array([0.08 + 0.05j, 0.2 + 0.1j, 0.0 + 0.1j])
    expected = PROFILES.brightness(places, *ELLIPSES[0], truth[:4])
    np.testing.assert_allclose(found.brightness(places), expected, rtol=2e-3)
    assert found.smooth is not None
    np.testing.assert_allclose(found.smooth(places), expected, rtol=0.02)


def test_it_follows_the_source_plane(smooth, stamp, toys):
    imaging = stamp()
    beta = toys.lens(imaging.theta)
    here, there = smooth.columns(beta), smooth.columns(turned(beta))
    # The same light in other coordinates; only the widening of narrow Gaussians to the sub-grid's rays is done there.
    np.testing.assert_allclose(there.rows, here.rows, atol=1e-6 * here.rows.max())
    places = beta[:50]
    fluxes = np.arange(1.0, 9.0)
    np.testing.assert_allclose(
        smooth.brightness(turned(beta), fluxes, turned(places)), smooth.brightness(beta, fluxes, places), rtol=1e-8
    )


def test_sersics_are_no_part_of_it(stamp, toys):
    imaging = stamp()
    sersics = Profiles.sersics([1.0], [0.2])
    with pytest.raises(ValueError, match="Gaussians"):
        SmoothPart.found(imaging, sersics, ELLIPSES[:1], np.ones(1), toys.lens(imaging.theta), imaging.data)


def test_a_collapsed_source_plane_is_no_map(smooth, stamp):
    imaging = stamp()
    line = imaging.theta.real + 0j
    assert np.isfinite(smooth.columns(line).vector).all()
    assert np.isfinite(smooth.columns(np.zeros_like(imaging.theta)).vector).all()
