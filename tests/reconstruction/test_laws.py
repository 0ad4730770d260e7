"""What must not matter to the evidence."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pytest

from lenssbi.reconstruction.delaunay import Delaunay
from lenssbi.reconstruction.imaging import Imaging
from lenssbi.reconstruction.inversion import Inversion
from lenssbi.reconstruction.rectangular import Rectangular

MESHES = [Delaunay(60), Rectangular(8), Rectangular(8, brightness=0.5)]


@dataclass(frozen=True)
class Shuffled:
    """Another mesh with its source pixels numbered at random."""

    mesh: Delaunay | Rectangular
    fixed_topology = False

    def source_mesh(self, beta, imaging):
        mesh = self.mesh.source_mesh(beta, imaging)
        order = np.random.default_rng(1).permutation(mesh.vertices.size)
        place = np.argsort(order).astype(np.int32)  # the type that the compiled code is compiled for
        return replace(mesh, vertices=mesh.vertices[order], indices=place[mesh.indices], edges=place[mesh.edges])


@pytest.mark.parametrize("mesh", MESHES, ids=str)
def test_order_of_source_pixels(stamp, toys, mesh):
    imaging = stamp()
    beta = toys.lens(imaging.theta)
    plain, shuffled = (Inversion(imaging, m).evidence(beta, 0.3) for m in (mesh, Shuffled(mesh)))
    # ln det H is exact to 1e-7 nat: its ridge of 1e-8 makes its condition 1e9.
    np.testing.assert_allclose(shuffled, plain, rtol=1e-9, atol=3e-7)


@pytest.mark.parametrize("mesh", MESHES, ids=str)
def test_pixels_outside_the_mask(stamp, toys, mesh):
    imaging = stamp()
    beta = toys.lens(imaging.theta)
    rubbish = np.where(imaging.mask, imaging.data, np.nan), np.where(imaging.mask, imaging.noise, -1.0)
    other = Imaging(*rubbish, imaging.mask, imaging.response, imaging.pixel_scale, imaging.subgrid)
    assert Inversion(other, mesh).evidence(beta, 1.0) == Inversion(imaging, mesh).evidence(beta, 1.0)


@pytest.mark.parametrize("mesh", MESHES[1:], ids=str)  # Delaunay's vertices are picked from left to right
def test_parity(stamp, toys, mesh):
    imaging = stamp()
    mirrored = Imaging(
        *(a[:, ::-1] for a in (imaging.data, imaging.noise, imaging.mask, imaging.response)),
        imaging.pixel_scale,
        imaging.subgrid,
    )
    plain = Inversion(imaging, mesh).evidence(toys.lens(imaging.theta), 1.0)
    beta = -toys.lens(-mirrored.theta.conj()).conj()
    np.testing.assert_allclose(Inversion(mirrored, mesh).evidence(beta, 1.0), plain, rtol=1e-9)


@pytest.mark.parametrize("solver", ["linear", "positive"])
@pytest.mark.parametrize("mesh", MESHES, ids=str)
def test_threads_do_not_disturb_each_other(stamp, toys, mesh, solver):
    imaging = stamp()
    columns = np.stack([np.ones(imaging.mask.shape), abs(imaging.data)])
    inversion = Inversion(imaging, mesh, columns=columns, solver=solver)
    betas = [toys.lens(imaging.theta, r) for r in np.linspace(0.5, 0.6, 24)]
    alone = [inversion.evidence(b, 1.0) for b in betas]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda b: inversion.evidence(b, 1.0), betas)) == alone


@pytest.mark.parametrize("solver", ["linear", "positive"])
def test_rectangular_evidence_is_smooth(stamp, toys, solver):
    imaging = stamp()
    inversion = Inversion(imaging, Rectangular(11), solver=solver)
    radii = 0.55 + np.linspace(-2e-3, 2e-3, 41)
    values = np.array([inversion.evidence(toys.lens(imaging.theta, r), 1.0).log_evidence for r in radii])
    rough = values - np.polyval(np.polyfit(radii - 0.55, values, 3), radii - 0.55)
    assert rough.std() < 0.1
