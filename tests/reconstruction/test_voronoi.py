"""The mesh of nearest vertices."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from lenssbi.reconstruction.delaunay import Delaunay
from lenssbi.reconstruction.inversion import Inversion
from lenssbi.reconstruction.regularisation import Adaptive, Constant
from lenssbi.reconstruction.voronoi import Voronoi


@pytest.mark.parametrize("mesh", [Voronoi(60), Voronoi(150), Voronoi(100, brightness=0.7)], ids=str)
@pytest.mark.parametrize("radius", [0.3, 0.55, 0.9])
def test_every_point_takes_the_nearest_vertex(stamp, toys, mesh, radius):
    imaging = stamp()
    beta = toys.lens(imaging.theta, radius)
    laid = mesh.source_mesh(beta, imaging)
    distance = abs(beta[:, None] - laid.vertices)
    assert (laid.indices[:, 0] == distance.argmin(axis=1)).all()
    assert (laid.weights == 1).all()
    rng = np.random.default_rng(0)
    points = 3 * (rng.normal(size=500) + 1j * rng.normal(size=500))  # in no order, many of them outside
    nearest = cKDTree(np.stack([laid.vertices.real, laid.vertices.imag], axis=1))
    found, weights = laid.locate(points)
    assert (found[:, 0] == nearest.query(np.stack([points.real, points.imag], axis=1))[1]).all()
    assert weights.shape == found.shape == (500, 1)


def test_neighbours_are_delaunays(stamp, toys):
    beta = toys.lens(stamp().theta)
    cells, triangles = (kind(80, 0.4).source_mesh(beta, stamp()) for kind in (Voronoi, Delaunay))
    np.testing.assert_array_equal(cells.vertices, triangles.vertices)
    np.testing.assert_array_equal(cells.edges, triangles.edges)


@pytest.mark.parametrize("kind", [Constant(), Adaptive()], ids=lambda k: type(k).__name__)
def test_peaks_near_the_truth(stamp, toys, kind):
    imaging = stamp(4)
    inversion = Inversion(imaging, Voronoi(150), kind)
    radii = np.linspace(0.45, 0.65, 21)
    values = [inversion.evidence(toys.lens(imaging.theta, r), 1.0).log_evidence for r in radii]
    assert radii[np.argmax(values)] == pytest.approx(0.55, abs=0.035)


def test_source_errors_and_image(stamp, toys):
    imaging = stamp(4)
    found = Inversion(imaging, Voronoi(150), Adaptive()).reconstruct(toys.lens(imaging.theta), 1.0)
    assert abs(found.mesh.vertices[found.source.argmax()] - 0.08 - 0.05j) < 0.1
    assert found.source.max() == pytest.approx(30, rel=0.35)  # cells average the peak
    assert (found.source_sigma > 0).all()


def test_inside_is_within_the_triangles(stamp, toys):
    beta = toys.lens(stamp().theta)
    cells, triangles = (kind(80).source_mesh(beta, stamp()) for kind in (Voronoi, Delaunay))
    rng = np.random.default_rng(1)
    points = rng.normal(size=400) + 1j * rng.normal(size=400)
    np.testing.assert_array_equal(cells.inside(points), triangles.inside(points))
    assert 20 < np.count_nonzero(cells.inside(points)) < 380


def test_no_area_is_no_mesh(stamp):
    theta = stamp().theta
    assert Voronoi(30).source_mesh(theta.real + 0j, stamp()) is None
    for make in (lambda: Voronoi(2), lambda: Voronoi(9, 1.5)):
        with pytest.raises(ValueError, match="Voronoi needs"):
            make()
