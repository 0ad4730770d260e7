"""Where the source pixels lie."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lenssbi.reconstruction.delaunay import Delaunay
from lenssbi.reconstruction.inversion import Inversion
from lenssbi.reconstruction.mesh import SourceMesh
from lenssbi.reconstruction.overlay import _hilbert, overlay
from lenssbi.reconstruction.rectangular import Rectangular, _quantiles
from lenssbi.reconstruction.regularisation import Constant

MESHES = [Delaunay(60), Delaunay(60, brightness=0.5), Rectangular(8), Rectangular(8, brightness=1.0)]


@pytest.mark.parametrize("mesh", MESHES, ids=str)
def test_inside(stamp, toys, mesh):
    imaging = stamp()
    laid = mesh.source_mesh(toys.lens(imaging.theta), imaging)
    assert laid.inside(laid.vertices * 0.99 + laid.vertices.mean() * 0.01).mean() > 0.9  # a hull is convex
    assert not laid.inside(100 * np.exp(1j * np.arange(6))).any()


@pytest.mark.parametrize("mesh", MESHES, ids=str)
def test_interpolation(stamp, toys, mesh):
    """The law of every mesh: weights are positive, sum to 1, and reproduce a plane within the mesh."""
    imaging = stamp()
    beta = toys.lens(imaging.theta)
    laid = mesh.source_mesh(beta, imaging)
    assert laid.indices.shape == laid.weights.shape
    np.testing.assert_allclose(laid.weights.sum(axis=1), 1, atol=1e-12)
    assert laid.weights.min() > -1e-11
    middle = laid.vertices[:-1] * 0.999 + laid.vertices.mean() * 0.001
    indices, weights = laid.locate(middle)
    np.testing.assert_allclose((weights * laid.vertices[indices]).sum(axis=1), middle, atol=1e-9)
    assert laid.edges.min() >= 0
    assert laid.edges.max() == laid.vertices.size - 1
    assert (laid.edges[:, 0] != laid.edges[:, 1]).all()


@pytest.mark.parametrize("n", [30, 60, 100])
def test_overlay_has_about_the_wanted_number(stamp, n):
    rows = overlay(stamp(), n)
    assert abs(rows.size - n) < 0.25 * n
    assert np.isin(rows // 4, stamp().fitted).all()


@pytest.mark.parametrize("share", [0.3, 0.8, 1.0])
def test_overlay_follows_the_light(stamp, share):
    imaging = stamp()
    even, following = overlay(imaging, 100), overlay(imaging, 100, share)
    assert abs(following.size - 100) <= 12
    assert np.unique(following).size == following.size
    assert np.isin(following // 4, imaging.fitted).all()
    bright = np.argsort(imaging.brightness)[-imaging.n_pixels // 5 :]
    near = [np.isin(rows // 4, imaging.fitted[bright]).mean() for rows in (even, following)]
    light = imaging.brightness[bright].sum()
    assert near[1] == pytest.approx((1 - share) * near[0] + share * light, abs=0.06)
    assert light > 2 * near[0]


def test_overlay_spreads_what_one_pixel_cannot_hold(stamp):
    imaging = stamp()
    spot = np.where(
        np.arange(imaging.mask.size).reshape(imaging.mask.shape) == np.flatnonzero(imaging.mask)[7], 1e6, 1.0
    )
    rows = overlay(replace(imaging, follow=spot), 100, 1.0)
    assert abs(rows.size - 100) <= 1
    assert np.count_nonzero(rows // 4 == imaging.fitted[7]) == 4


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_hilbert_curve_visits_neighbours_in_turn(order):
    x, y = (v.ravel() for v in np.meshgrid(np.arange(2**order), np.arange(2**order)))
    length = _hilbert(x, y)
    assert sorted(length) == list(range(4**order))
    path = np.argsort(length)
    assert (abs(np.diff(x[path])) + abs(np.diff(y[path])) == 1).all()


def test_quantiles():
    rng = np.random.default_rng(0)
    values, share = rng.random(5000), np.full(5000, 1 / 5000)
    knots = _quantiles(values, share, 11)
    np.testing.assert_allclose(knots, np.linspace(0, 1, 11), atol=0.03)
    assert (np.diff(knots) > 0).all()
    np.testing.assert_allclose(_quantiles(3 * values - 1, share, 11), 3 * knots - 1, atol=1e-12)
    unequal = rng.random(5000) ** 3
    unequal /= unequal.sum()
    order = np.argsort(values)
    plain = np.interp(np.linspace(0, 1, 11), np.cumsum(unequal[order]), values[order])
    np.testing.assert_allclose(_quantiles(values, unequal, 11)[1:-1], plain[1:-1], atol=0.03)


def test_brightness_draws_the_mesh_to_the_source(stamp, toys):
    imaging = stamp()
    beta = toys.lens(imaging.theta)
    near = [
        np.count_nonzero(abs(Rectangular(11, share).source_mesh(beta, imaging).vertices - 0.08 - 0.05j) < 0.2)
        for share in (0.0, 0.5, 1.0)
    ]
    assert near[0] < near[1] < near[2]


@pytest.mark.parametrize("mesh", [Delaunay(150), Rectangular(13)], ids=str)
def test_source_on_grid(stamp, toys, mesh):
    imaging = stamp()
    found = Inversion(imaging, mesh).reconstruct(toys.lens(imaging.theta), 1.0)
    image, (x0, x1, y0, y1) = found.source_on_grid(40)
    assert image.shape == (40, 40)
    assert x1 - x0 == pytest.approx(y1 - y0)
    row, column = np.unravel_index(np.nanargmax(image), image.shape)
    assert x0 + (column + 0.5) * (x1 - x0) / 40 == pytest.approx(0.08, abs=0.06)
    assert y0 + (row + 0.5) * (y1 - y0) / 40 == pytest.approx(0.05, abs=0.06)
    assert np.nanmax(image) == pytest.approx(30, rel=0.2)  # the true peak [flux/arcsec^2]
    assert (found.source_sigma > 0).all()
    far, _ = found.source_on_grid(4, (50.0, 51.0, 50.0, 51.0))
    assert np.isnan(far).all()


def test_log_det_is_exact_for_any_graph():
    rng = np.random.default_rng(2)
    n = 40
    edges = np.array(
        [(i, j) for i in range(n - 3) for j in range(i) if rng.random() < 0.1]
    )  # the last three have no neighbour
    edges = edges.astype(np.int32)
    mesh = SourceMesh(np.zeros(n, complex), edges, edges, edges, lambda _: (edges, edges))
    matrix = 1e-3 * np.eye(n)
    for i, j in edges:
        matrix[[i, j], [i, j]] += 1
        matrix[[i, j], [j, i]] -= 1
    penalty = Constant(ridge=1e-3).penalty(mesh)
    assert penalty.log_det == pytest.approx(np.linalg.slogdet(matrix)[1], rel=1e-12)
    source = rng.normal(size=n)
    assert penalty.quadratic_form(source) == pytest.approx(source @ matrix @ source, rel=1e-12)


def test_silly_meshes_are_refused():
    for make in (lambda: Delaunay(2), lambda: Delaunay(9, -0.1), lambda: Rectangular(2), lambda: Rectangular(9, 1.5)):
        with pytest.raises(ValueError, match="needs"):
            make()
