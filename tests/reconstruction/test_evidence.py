"""The evidence equals a dense brute force, built another way from end to end."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator
from scipy.spatial import ConvexHull
from scipy.spatial import Delaunay as Triangulation

from lenssbi.reconstruction.delaunay import Delaunay
from lenssbi.reconstruction.inversion import Inversion
from lenssbi.reconstruction.rectangular import Rectangular
from lenssbi.status import Status

MESHES = [Delaunay(60), Rectangular(8), Rectangular(7, brightness=0.6)]


def dense_triangles(vertices, beta):
    """SciPy's own search; outside, the nearest of the nearest points of the hull's sides."""
    points, targets = (np.stack([z.real, z.imag], axis=1) for z in (vertices, beta))
    triangulation, hull = Triangulation(points), ConvexHull(points)
    mapping = np.zeros((beta.size, vertices.size))
    for s, t in enumerate(triangulation.find_simplex(targets)):
        if t >= 0:
            corners = triangulation.simplices[t]
            mapping[s, corners] = np.linalg.solve(np.vstack([points[corners].T, np.ones(3)]), [*targets[s], 1.0])
            continue
        sides = points[hull.simplices]
        along = np.einsum("ek,ek->e", targets[s] - sides[:, 0], sides[:, 1] - sides[:, 0])
        along = np.clip(along / ((sides[:, 1] - sides[:, 0]) ** 2).sum(axis=1), 0, 1)
        foot = sides[:, 0] + along[:, None] * (sides[:, 1] - sides[:, 0])
        e = np.argmin(((foot - targets[s]) ** 2).sum(axis=1))
        mapping[s, hull.simplices[e]] = 1 - along[e], along[e]
    neighbours = {
        tuple(sorted(pair)) for t in triangulation.simplices for pair in ((t[0], t[1]), (t[1], t[2]), (t[0], t[2]))
    }
    return mapping, neighbours


def dense_rectangles(vertices, beta):
    """SciPy's bilinear interpolation of one source pixel after the other."""
    x, y = np.unique(vertices.real), np.unique(vertices.imag)
    at = np.stack([np.clip(beta.imag, y[0], y[-1]), np.clip(beta.real, x[0], x[-1])], axis=1)
    n = vertices.size
    mapping = RegularGridInterpolator((y, x), np.eye(n).reshape(y.size, x.size, n))(at)
    neighbours = {(i, i + 1) for i in range(n) if (i + 1) % x.size} | {(i, i + x.size) for i in range(n - x.size)}
    return mapping, neighbours


def dense_evidence(dense_blurring, imaging, mapping, neighbours, strength):
    """The five terms, the source, its errors and the model image."""
    blurred = dense_blurring(imaging) @ mapping * imaging.flux_scale
    data, noise = imaging.data[imaging.mask], imaging.noise[imaging.mask]
    regularisation = np.eye(mapping.shape[1]) * 1e-8
    for i, j in neighbours:
        regularisation[[i, j], [i, j]] += 1
        regularisation[[i, j], [j, i]] -= 1
    regularisation *= strength
    weighted = blurred / noise[:, None]
    curvature = weighted.T @ weighted
    source = np.linalg.solve(curvature + regularisation, weighted.T @ (data / noise))
    terms = (
        np.sum((data - blurred @ source) ** 2 / noise**2),
        source @ regularisation @ source,
        np.linalg.slogdet(curvature + regularisation)[1],
        np.linalg.slogdet(regularisation)[1],
        np.sum(np.log(2 * np.pi * noise**2)),
    )
    errors = np.sqrt(np.diag(np.linalg.inv(curvature + regularisation)))
    return terms, source, errors, blurred @ source


@pytest.mark.parametrize("mesh", MESHES, ids=str)
@pytest.mark.parametrize("subgrid", [1, 2, 3])
def test_equals_dense_brute_force(stamp, toys, mesh, subgrid):
    imaging = stamp(subgrid)
    beta = toys.lens(imaging.theta, 0.5)
    inversion = Inversion(imaging, mesh)
    found = inversion.reconstruct(beta, 0.7)
    vertices = found.mesh.vertices
    dense = dense_triangles if isinstance(mesh, Delaunay) else dense_rectangles
    mapping, neighbours = dense(vertices, beta)
    assert {tuple(sorted(pair)) for pair in found.mesh.edges.tolist()} == neighbours
    assert len(found.mesh.edges) == len(neighbours)
    terms, source, errors, image = dense_evidence(toys.dense_blurring, imaging, mapping, neighbours, 0.7)
    # ln det H: the ridge of 1e-8 makes H's condition 1e9, so either way has an absolute error of up to 1e-7 nat.
    for k, absolute in enumerate((0, 0, 0, 3e-7, 0)):
        np.testing.assert_allclose(found.evidence[k], terms[k], rtol=1e-8, atol=absolute)
    assert inversion.evidence(beta, 0.7) == found.evidence
    expected = -0.5 * (terms[0] + terms[1] + terms[2] - terms[3] + terms[4])
    np.testing.assert_allclose(found.evidence.log_evidence, expected, rtol=1e-8)
    unit = imaging.flux_scale / imaging.pixel_scale**2
    np.testing.assert_allclose(found.source, source * unit, atol=1e-8 * unit * abs(source).max())
    np.testing.assert_allclose(found.source_sigma, errors * unit, rtol=1e-7)
    np.testing.assert_allclose(found.model_image[imaging.mask], image, atol=1e-9 * abs(image).max())
    assert np.isnan(found.model_image[~imaging.mask]).all()


@pytest.mark.parametrize("mesh", [Delaunay(120), Rectangular(11)], ids=str)
def test_peaks_near_the_truth(stamp, toys, mesh):
    imaging = stamp()
    inversion = Inversion(imaging, mesh)
    radii = np.linspace(0.45, 0.65, 21)
    log_evidence = [inversion.evidence(toys.lens(imaging.theta, r), 1.0).log_evidence for r in radii]
    assert radii[np.argmax(log_evidence)] == pytest.approx(0.55, abs=0.025)
    assert max(log_evidence) - log_evidence[0] > 20
    best = inversion.evidence(toys.lens(imaging.theta), 1.0)
    n_source = mesh.n if isinstance(mesh, Delaunay) else mesh.n**2
    assert imaging.n_pixels - n_source < best.misfit < 1.1 * imaging.n_pixels


def test_strength_has_an_optimum(stamp, toys):
    imaging = stamp()
    inversion, beta = Inversion(imaging, Rectangular(11)), toys.lens(imaging.theta)
    log_evidence = [inversion.evidence(beta, s).log_evidence for s in np.geomspace(1e-4, 1e6, 11)]
    assert 0 < np.argmax(log_evidence) < 10


@pytest.mark.parametrize("mesh", [Delaunay(60), Rectangular(8), Rectangular(8, brightness=0.5)], ids=str)
def test_flux_units_do_not_matter(stamp, toys, mesh):
    imaging = stamp()
    louder = type(imaging)(
        imaging.data * 1000, imaging.noise * 1000, imaging.mask, imaging.response, imaging.pixel_scale, imaging.subgrid
    )
    beta = toys.lens(imaging.theta)
    quiet, loud = (Inversion(i, mesh).reconstruct(beta, 2.0) for i in (imaging, louder))
    np.testing.assert_allclose(loud.evidence[:4], quiet.evidence[:4], rtol=1e-9)
    shift = imaging.n_pixels * 2 * np.log(1000)
    assert loud.evidence.noise_norm == pytest.approx(quiet.evidence.noise_norm + shift, rel=1e-12)
    np.testing.assert_allclose(loud.source, quiet.source * 1000, rtol=1e-6, atol=1e-6 * abs(loud.source).max())


@pytest.mark.parametrize("mesh", MESHES, ids=str)
def test_failure_is_a_value(stamp, toys, mesh):
    imaging = stamp()
    inversion, beta = Inversion(imaging, mesh), toys.lens(imaging.theta)
    broken = np.where(np.arange(beta.size) == 7, np.nan, beta)
    collapsed = np.zeros_like(beta)
    on_a_line = beta.real + 0j
    for angles, strength in (
        (broken, 1.0),
        (collapsed, 1.0),
        (on_a_line, 1.0),
        (beta, 0.0),
        (beta, np.nan),
    ):
        evidence = inversion.evidence(angles, strength)
        assert evidence.status is Status.SINGULAR
        assert evidence.log_evidence == -np.inf
        found = inversion.reconstruct(angles, strength)
        assert found.status is Status.SINGULAR
        assert np.isnan(found.model_image).all()
        assert np.isnan(found.source_on_grid(5)[0]).all()
    assert inversion.evidence(beta, 1.0).status is Status.DONE


@pytest.mark.parametrize("mesh", [Delaunay(400), Rectangular(25)], ids=str)
def test_more_source_than_data_without_regularisation_is_singular(stamp, toys, mesh):
    imaging = stamp()
    inversion, beta = Inversion(imaging, mesh), toys.lens(imaging.theta)
    assert inversion.evidence(beta, 1e-300).status is Status.SINGULAR
    assert inversion.evidence(beta, 1.0).status is Status.DONE


def test_wrong_number_of_angles_is_a_mistake(stamp):
    with pytest.raises(ValueError, match="shape"):
        Inversion(stamp(), Rectangular(8)).evidence(np.zeros(3, dtype=complex), 1.0)
