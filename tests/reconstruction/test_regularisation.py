"""How smooth a source is expected to be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lenssbi.reconstruction.delaunay import Delaunay, triangulate
from lenssbi.reconstruction.inversion import Inversion
from lenssbi.reconstruction.mesh import SourceMesh, image_light
from lenssbi.reconstruction.rectangular import CellIntegrals, Rectangular
from lenssbi.reconstruction.regularisation import Adaptive, Constant, Curvature, Gradient
from lenssbi.reconstruction.voronoi import Voronoi

MESHES = [Delaunay(60), Voronoi(60, brightness=0.5), Rectangular(8), Rectangular(8, brightness=0.8)]
KINDS = [Constant(), Gradient(), Adaptive(), Curvature()]


def dense(penalty, n):
    """H / strength as a full matrix."""
    assert (penalty.rows <= penalty.columns).all()
    upper = np.zeros((n, n))
    np.add.at(upper, (penalty.rows, penalty.columns), penalty.values)
    return upper + np.triu(upper, 1).T


@pytest.fixture
def lay(stamp, toys):
    """A mesh over the toy lens's angles."""
    return lambda mesh, radius=0.55: mesh.source_mesh(toys.lens(stamp().theta, radius), stamp())


@pytest.mark.parametrize("mesh", MESHES, ids=str)
@pytest.mark.parametrize("kind", KINDS, ids=lambda k: type(k).__name__)
def test_laws_of_every_penalty(lay, mesh, kind):
    """Positive definite, ln det and charge those of the matrix, a constant source free but for the ridge."""
    laid = lay(mesh)
    n = laid.vertices.size
    kind = replace(kind, ridge=1e-5)
    penalty = kind.penalty(laid)
    matrix = dense(penalty, n)
    assert np.linalg.eigvalsh(matrix)[0] > 0.9e-5
    assert penalty.log_det == pytest.approx(np.linalg.slogdet(matrix)[1], abs=1e-4)
    source = np.random.default_rng(0).normal(size=n)
    assert penalty.quadratic_form(source) == pytest.approx(source @ matrix @ source, rel=1e-9)
    free = penalty.quadratic_form(np.ones(n)) / 1e-5  # what the ridge alone charges
    if isinstance(kind, Adaptive):  # in proportion to the stiffness of each pixel's edges
        assert n < free <= n * max(kind.inner, kind.outer) ** 2
    else:
        assert free == pytest.approx(n, rel=1e-3)


@pytest.mark.parametrize("mesh", MESHES, ids=str)
@pytest.mark.parametrize("kind", KINDS, ids=lambda k: type(k).__name__)
def test_units_of_length_do_not_matter(stamp, toys, mesh, kind):
    beta = toys.lens(stamp().theta)
    near, far = (kind.penalty(mesh.source_mesh(beta * size, stamp())) for size in (1.0, 1024.0))
    assert far.log_det == pytest.approx(near.log_det, abs=1e-3)
    source = np.random.default_rng(0).normal(size=far.rows.max() + 1)
    assert far.quadratic_form(source) == pytest.approx(near.quadratic_form(source), rel=1e-9)


@pytest.mark.parametrize("mesh", MESHES, ids=str)
@pytest.mark.parametrize("kind", KINDS, ids=lambda k: type(k).__name__)
def test_evidence_equals_dense_algebra(stamp, toys, mesh, kind):
    imaging = stamp()
    beta = toys.lens(imaging.theta)
    found = Inversion(imaging, mesh, kind).reconstruct(beta, 0.7)
    n = found.source.size
    unit = imaging.flux_scale / imaging.pixel_scale**2
    regular = 0.7 * dense(kind.penalty(found.mesh), n)
    rows = toys.dense(imaging, found.mesh, 1.0)[0] / imaging.noise[imaging.mask][:, None]
    data = imaging.data[imaging.mask] / imaging.noise[imaging.mask]
    source = np.linalg.solve(rows.T @ rows + regular, rows.T @ data)
    np.testing.assert_allclose(found.source, source * unit, atol=1e-7 * unit * abs(source).max())
    terms = (
        np.sum((data - rows @ source) ** 2),
        source @ regular @ source,
        np.linalg.slogdet(rows.T @ rows + regular)[1],
        np.linalg.slogdet(regular)[1],
    )
    # ln det H: the ridge of 1e-8 is a ten-thousand-millionth of the stiffest edge, so no way of computing it is exact.
    for k, absolute in enumerate((0, 0, 0, 1e-4)):
        np.testing.assert_allclose(found.evidence[k], terms[k], rtol=1e-8, atol=absolute)


def cells(rng, n=40):
    x, y = (np.cumsum(rng.uniform(0.5, 2, n)) / n for _ in range(2))
    edges = Rectangular(n).edges
    none = np.zeros((0, 4))
    return SourceMesh(
        (x + 1j * y[:, None]).ravel(),
        none.astype(np.int32),
        none,
        edges,
        lambda _: (none, none),
        geometry=CellIntegrals(x, y),
    )


def test_gradient_is_the_integral_on_a_rectangular_mesh():
    mesh = cells(np.random.default_rng(1))
    x, y = mesh.vertices.real, mesh.vertices.imag
    area = np.ptp(x) * np.ptp(y)
    kind = Gradient(ridge=1e-12)
    assert kind.penalty(mesh).quadratic_form(x + 2 * y) == pytest.approx(5 * area, rel=1e-6)
    fine = np.linspace(x.min(), x.max(), 4001)
    slope = np.trapezoid((3 * np.cos(3 * fine)) ** 2, fine) * np.ptp(y)
    assert kind.penalty(mesh).quadratic_form(np.sin(3 * x)) == pytest.approx(slope, rel=0.01)


def test_curvature_is_the_integral_on_a_rectangular_mesh():
    mesh = cells(np.random.default_rng(2))
    x, y = mesh.vertices.real, mesh.vertices.imag
    kind = Curvature(ridge=1e-14)
    dx, dy = np.diff(mesh.geometry.x), np.diff(mesh.geometry.y)
    typical = np.exp(np.mean(np.log(np.outer(dx, dy))))
    assert kind.penalty(mesh).quadratic_form(3 * x - y + 1) < 1e-9  # free edge: a plane costs nothing
    twist = 2 * np.ptp(x) * np.ptp(y) * typical
    assert kind.penalty(mesh).quadratic_form(x * y) == pytest.approx(twist, rel=1e-6)
    centre = (x - x.mean()) ** 2 + 0 * y
    bent = 4 * np.ptp(x) * np.ptp(y) * typical
    assert kind.penalty(mesh).quadratic_form(centre) == pytest.approx(
        bent, rel=0.06
    )  # the outer columns' halves are free


def triangles(n=7):
    """Geometry of triangles in a square: a hull with right angles and no obtuse ones, whose facets all end within."""
    rng = np.random.default_rng(5)
    x, y = np.meshgrid(np.arange(n), np.arange(n))
    inner = (x % (n - 1) > 0) & (y % (n - 1) > 0)
    vertices = (x + 1j * y + inner * 0.3 * (rng.random((n, n)) + 1j * rng.random((n, n)))).ravel()
    return triangulate(vertices), inner


def test_gradient_is_the_integral_over_triangles():
    geometry, _ = triangles()
    vertices, simplices, edges = geometry.vertices, geometry.triangles, geometry.edges
    source = np.random.default_rng(0).normal(size=vertices.size)
    corners = vertices[simplices]
    sides = corners[:, 1:] - corners[:, :1]
    rise = source[simplices][:, 1:] - source[simplices][:, :1]
    gradient = np.linalg.solve(np.stack([sides.real, sides.imag], axis=2), rise[..., None])[..., 0]
    exact = np.sum(abs((sides[:, 0].conj() * sides[:, 1]).imag) / 2 * (gradient**2).sum(axis=1))
    slopes = geometry.slopes()
    assert np.sum(slopes * (source[edges[:, 0]] - source[edges[:, 1]]) ** 2) == pytest.approx(exact, rel=1e-9)


def test_a_flat_triangle_at_the_hull_weighs_nothing():
    weights = []
    for height in (1e-7, -1e-7):  # the lowest vertex is on the hull, or hides behind a flat triangle
        vertices = np.array([0, 2, 1 + 1j * height, 0.9 + 1j, 1.1 + 2j])
        found, matrix = triangulate(vertices), np.zeros((5, 5))
        matrix[found.edges[:, 0], found.edges[:, 1]] = found.slopes()
        weights.append(matrix + matrix.T)
    np.testing.assert_allclose(weights[0], weights[1], atol=1e-5)
    assert weights[0].max() > 0.1


def test_laplacian_of_triangles_has_linear_precision():
    geometry, inner = triangles()
    rows = geometry.bends()
    x, y = geometry.vertices.real, geometry.vertices.imag

    def applied(source):
        return np.add.reduceat(rows.values * source[rows.columns], rows.start[:-1]).reshape(inner.shape)

    np.testing.assert_allclose(applied(3 * x - y)[inner], 0, atol=1e-12)
    np.testing.assert_allclose(applied(np.ones_like(x)), 0, atol=1e-12)
    bowl = np.sum(applied(x**2 + y**2)[inner] ** 2)
    typical = (0.5**20 * 0.25**4) ** (1 / 49)  # areas of 1 inside, about 1/2 at the sides, 1/4 at the corners
    assert bowl == pytest.approx(4**2 * 25 * typical, rel=0.05)


def test_signal_follows_the_light(lay, stamp, toys):
    laid = lay(Rectangular(11))
    signal = laid.signal()
    assert signal.shape == laid.vertices.shape
    assert signal.min() >= 0
    assert signal.max() == 1
    assert abs(laid.vertices[signal.argmax()] - 0.08 - 0.05j) < 0.1
    light = image_light(stamp())
    assert np.isnan(light).sum() == light.size - stamp().n_pixels * 4
    expected = np.zeros(121), np.ones(121)
    for s in np.flatnonzero(~np.isnan(light)):
        np.add.at(expected[0], laid.indices[s], laid.weights[s] * light[s])
        np.add.at(expected[1], laid.indices[s], laid.weights[s])
    expected = expected[0] / expected[1]
    np.testing.assert_allclose(signal, expected / expected.max(), rtol=1e-12)
    np.testing.assert_allclose(replace(laid, light=7 * light).signal(), signal, rtol=1e-12)
    assert (replace(laid, light=0 * light).signal() == 0).all()


def test_adaptive_frees_the_bright_part(lay):
    laid = lay(Rectangular(11))
    rng = np.random.default_rng(0)
    bright = np.where(laid.signal() > 0.5, rng.normal(size=121), 0.0)
    dark = np.where(laid.signal() < 0.01, rng.normal(size=121), 0.0)
    even, free = Gradient().penalty(laid), Adaptive(outer=10.0).penalty(laid)
    assert free.quadratic_form(dark) / even.quadratic_form(dark) > 30
    assert free.quadratic_form(bright) / even.quadratic_form(bright) < 10
    np.testing.assert_allclose(dense(Adaptive(2.0, 2.0).penalty(laid), 121), 4 * dense(even, 121), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("mesh", [Rectangular(11), Rectangular(11, brightness=0.8)], ids=str)
@pytest.mark.parametrize("kind", KINDS, ids=lambda k: type(k).__name__)
def test_evidence_does_not_jump(stamp, toys, mesh, kind):
    imaging = stamp()
    inversion = Inversion(imaging, mesh, kind)
    radii = 0.55 + np.arange(40) * 1e-5
    values = [inversion.evidence(toys.lens(imaging.theta, r), 1.0).log_evidence for r in radii]
    assert abs(np.diff(values)).max() < 0.05


def test_gradient_makes_delaunay_less_rough(stamp, toys):
    imaging = stamp()
    radii = 0.55 + np.linspace(-1e-3, 1e-3, 41)
    rough = []
    for kind in (Constant(), Gradient()):
        inversion = Inversion(imaging, Delaunay(120), kind)
        values = [inversion.evidence(toys.lens(imaging.theta, r), 3.0).log_evidence for r in radii]
        trend = np.polyfit(radii - 0.55, values, 3)
        rough.append(np.std(values - np.polyval(trend, radii - 0.55)))
    assert rough[1] < 0.6 * rough[0]


def test_silly_regularisations_are_refused(lay):
    for make in (lambda: Adaptive(inner=0.0), lambda: Adaptive(outer=-1.0), lambda: Adaptive(power=0.0)):
        with pytest.raises(ValueError, match="needs"):
            make()
    bare = replace(lay(Rectangular(8)), light=None, geometry=None)
    for kind in (Adaptive(), Gradient(), Curvature()):
        with pytest.raises(ValueError, match="needs"):
            kind.penalty(bare)
    assert np.isfinite(Constant().penalty(bare).log_det)
