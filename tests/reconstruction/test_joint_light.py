"""Columns of lens light beside the source, against a dense brute force."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import nnls

from lenssbi.reconstruction.columns import RIDGE
from lenssbi.reconstruction.delaunay import Delaunay
from lenssbi.reconstruction.imaging import Imaging
from lenssbi.reconstruction.inversion import Inversion
from lenssbi.reconstruction.rectangular import Rectangular
from lenssbi.status import Status

WIDTHS = np.array([0.1, 0.2, 0.4, 0.8])


def gaussians(shape, scale, widths=WIDTHS):
    """Round images of unequal sums."""
    y, x = ((np.arange(n) - (n - 1) / 2) * scale for n in shape)
    square = x[None, :] ** 2 + y[:, None] ** 2
    return np.exp(-0.5 * square / widths[:, None, None] ** 2)


@pytest.fixture(scope="module")
def blended(stamp, toys):
    """The toy arc with the light of two of the Gaussians over it."""
    alone = stamp()
    columns = gaussians(alone.mask.shape, toys.scale)
    image = alone.data + np.tensordot([0.0, 3.0, 0.0, 0.5], columns, 1)
    return Imaging(image, alone.noise, alone.mask, alone.response, alone.pixel_scale, alone.subgrid), columns


def brute_force(dense, imaging, mesh, strength, columns, positive):
    """Source [flux_scale], amplitudes, chi^2, s^T H s and ln det(F + H)."""
    blurred, prior = dense(imaging, mesh, strength)
    noise = imaging.noise[imaging.mask][:, None]
    rows, light, target = blurred / noise, columns[:, imaging.mask].T / noise, imaging.data[imaging.mask] / noise[:, 0]
    n, m = rows.shape[1], light.shape[1]
    root = np.hstack([np.linalg.cholesky(prior).T, np.zeros((n, m))])
    design, wanted = np.vstack([np.hstack([rows, light]), root]), np.append(target, np.zeros(n))
    if positive:
        answer = nnls(design, wanted)[0]
    else:  # a sign-free source is the difference of two positive ones
        both = nnls(np.hstack([design, -design[:, :n]]), wanted, maxiter=10000)[0]
        answer = np.append(both[:n] - both[n + m :], both[n : n + m])
    source, amplitudes = answer[:n], answer[n:]
    chi2 = np.sum((target - rows @ source - light @ amplitudes) ** 2)
    log_det = np.linalg.slogdet(rows.T @ rows + prior)[1]
    return source, amplitudes, (chi2, source @ prior @ source, log_det)


@pytest.mark.parametrize("solver", ["linear", "positive"])
@pytest.mark.parametrize("mesh", [Delaunay(60), Rectangular(8)], ids=str)
@pytest.mark.parametrize("radius", [0.55, 0.4])
def test_equals_dense_brute_force(blended, toys, mesh, solver, radius):
    imaging, columns = blended
    inversion = Inversion(imaging, mesh, columns=np.where(imaging.mask, columns, np.nan), solver=solver)
    beta = toys.lens(imaging.theta, radius)
    found = inversion.reconstruct(beta, 0.7)
    source, amplitudes, terms = brute_force(toys.dense, imaging, found.mesh, 0.7, columns, solver == "positive")
    for k, absolute in enumerate((0, 3e-7, 0)):  # the ridge shifts weight between terms, not their sum
        np.testing.assert_allclose(found.evidence[k], terms[k], rtol=1e-8, atol=absolute)
    unit = imaging.flux_scale / imaging.pixel_scale**2
    np.testing.assert_allclose(found.source, source * unit, atol=1e-7 * unit * abs(source).max())
    np.testing.assert_allclose(found.columns, amplitudes, atol=1e-7 * amplitudes.max())
    light = np.tensordot(amplitudes, columns, 1)[imaging.mask]
    np.testing.assert_allclose(found.columns_image[imaging.mask], light, atol=1e-7 * light.max())
    residual = (imaging.data - found.model_image - found.columns_image)[imaging.mask] / imaging.noise[imaging.mask]
    assert np.sum(residual**2) == pytest.approx(found.evidence.misfit, rel=1e-8)
    assert inversion.evidence(beta, 0.7) == found.evidence


@pytest.mark.parametrize("solver", ["linear", "positive"])
def test_light_is_told_from_the_source(blended, toys, solver):
    imaging, columns = blended
    inversion = Inversion(imaging, Rectangular(11), columns=columns, solver=solver)
    radii = np.linspace(0.45, 0.65, 21)
    values = [inversion.evidence(toys.lens(imaging.theta, r), 1.0).log_evidence for r in radii]
    assert radii[np.argmax(values)] == pytest.approx(0.55, abs=0.025)
    # A sheet of source and the widest Gaussian look alike, so only where the light is steep is it known.
    found = inversion.reconstruct(toys.lens(imaging.theta), 1.0).columns_image
    truth = np.tensordot([0.0, 3.0, 0.0, 0.5], columns, 1)
    steep = imaging.mask & (truth > 2 * np.median(truth[imaging.mask]))
    slope = np.polyfit(truth[steep], found[steep], 1)[0]
    assert slope == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("solver", ["linear", "positive"])
def test_scale_and_order_of_columns_do_not_matter(blended, toys, solver):
    imaging, columns = blended
    beta, factors, order = toys.lens(imaging.theta), np.array([1e-6, 1.0, 300.0, 1e9]), [2, 0, 3, 1]
    plain = Inversion(imaging, Rectangular(8), columns=columns, solver=solver).reconstruct(beta, 1.0)
    scaled = columns[order] * factors[:, None, None]
    other = Inversion(imaging, Rectangular(8), columns=scaled, solver=solver).reconstruct(beta, 1.0)
    np.testing.assert_allclose(other.evidence, plain.evidence, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(other.columns * factors, plain.columns[order], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("solver", ["linear", "positive"])
def test_columns_that_are_alike_or_dark(blended, toys, solver):
    imaging, columns = blended
    beta = toys.lens(imaging.theta)
    plain = Inversion(imaging, Rectangular(8), columns=columns, solver=solver).evidence(beta, 1.0)
    alike = np.concatenate([columns, columns[1:3], columns[:1] * (1 + 1e-12), 0 * columns[:1]])
    found = Inversion(imaging, Rectangular(8), columns=alike, solver=solver).reconstruct(beta, 1.0)
    # Each of two like columns takes half of what the ridge charges for one.
    lit = np.sum((imaging.data / imaging.noise)[imaging.mask] ** 2)
    assert found.evidence.misfit == pytest.approx(plain.misfit, abs=100 * RIDGE * lit + 1e-6)
    assert found.columns[-1] == 0
    assert found.status is Status.DONE


@pytest.mark.parametrize("solver", ["linear", "positive"])
def test_forty_gaussians(blended, toys, solver):
    imaging, _ = blended
    crowd = gaussians(imaging.mask.shape, toys.scale, np.geomspace(0.03, 3.0, 40))
    inversion = Inversion(imaging, Rectangular(8), columns=crowd, solver=solver)
    few = Inversion(imaging, Rectangular(8), columns=crowd[::8], solver=solver)
    for radius in np.linspace(0.4, 0.7, 7):
        beta = toys.lens(imaging.theta, radius)
        found = inversion.reconstruct(beta, 1.0)
        assert found.status is Status.DONE
        assert (found.columns >= 0).all()
        total = found.evidence.misfit + found.evidence.smoothness
        fewer = few.evidence(beta, 1.0)
        assert total <= fewer.misfit + fewer.smoothness + 1e-6
        residual = (imaging.data - found.model_image - found.columns_image)[imaging.mask] / imaging.noise[imaging.mask]
        assert np.sum(residual**2) == pytest.approx(found.evidence.misfit, rel=1e-6)


def test_failure_is_a_value(blended):
    imaging, columns = blended
    found = Inversion(imaging, Rectangular(8), columns=columns).reconstruct(np.full(imaging.theta.shape, 0j), 1.0)
    assert found.status is Status.SINGULAR
    assert np.isnan(found.columns).all()
    assert np.isnan(found.columns_image).all()


def test_unusable_columns_are_refused(blended):
    imaging, columns = blended
    with pytest.raises(ValueError, match="shape"):
        Inversion(imaging, Rectangular(8), columns=columns[0])
    with pytest.raises(ValueError, match="shape"):
        Inversion(imaging, Rectangular(8), columns=columns[:, 1:])
    with pytest.raises(ValueError, match="finite"):
        Inversion(imaging, Rectangular(8), columns=np.where(columns == columns.max(), np.inf, columns) + np.nan)
