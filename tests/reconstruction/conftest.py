"""A toy lens, in closed form, for the tests of the inversion: nothing here uses the package's lensing or rendering."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from lenssbi.reconstruction.imaging import Imaging

SCALE = 0.1


def lens(theta, radius=0.55):
    """Singular isothermal sphere in a weak external shear, which breaks all symmetries."""
    return theta - radius * theta / abs(theta) - 0.05 * np.exp(0.7j) * theta.conj()


def gaussian_response(sigma, subgrid, reach, shift=0j):
    """Integral of a Gaussian PSF over a detector pixel, the point of light at every sub-pixel; `shift` moves the PSF's centre."""
    n = (2 * reach + 1) * subgrid
    offset = (np.arange(n) - (n - 1) / 2) * SCALE / subgrid  # of the point of light from the pixel
    y, x = (
        ndtr((-offset - s + SCALE / 2) / sigma) - ndtr((-offset - s - SCALE / 2) / sigma)
        for s in (shift.imag, shift.real)
    )
    return np.outer(y, x)


def lopsided_response(subgrid, reach=2):
    """A PSF that looks different in every mirror."""
    first = gaussian_response(0.07, subgrid, reach, 0.02 + 0.01j)
    return 0.7 * first + 0.3 * gaussian_response(0.1, subgrid, reach, -0.04 + 0.05j)


def observe(imaging, trace, source):
    """Image through the blurring written out: every pixel asks every sub-pixel how much it gets."""
    ny, nx = imaging.mask.shape
    k, n = imaging.subgrid, imaging.response.shape[0]
    light = source(trace(imaging.theta)) * (SCALE / k) ** 2
    image = np.zeros((ny, nx))
    for y, x in np.argwhere(imaging.mask):
        offset = (imaging.theta - ((x - (nx - 1) / 2) + 1j * (y - (ny - 1) / 2)) * SCALE) / (SCALE / k)
        column, row = (np.rint(v + (n - 1) / 2).astype(int) for v in (offset.real, offset.imag))
        seen = (column >= 0) & (column < n) & (row >= 0) & (row < n)
        image[y, x] = imaging.response[row[seen], column[seen]] @ light[seen]
    return image


def build(subgrid=2, shape=(21, 18), noise=0.02, seed=3, radius=0.55, outer=0.95):
    """A stamp with an arc; the mask is an annulus with bites, cut by the stamp's edge, and no multiple of a tile."""
    ny, nx = shape
    x, y = np.meshgrid((np.arange(nx) - (nx - 1) / 2) * SCALE, (np.arange(ny) - (ny - 1) / 2) * SCALE)
    rng = np.random.default_rng(seed)
    mask = (np.hypot(x, y) > 0.18) & (np.hypot(x, y) < outer) & (rng.random(shape) > 0.03)
    sigma = noise * rng.uniform(0.8, 1.2, shape)
    blank = Imaging(np.zeros(shape), sigma, mask, lopsided_response(subgrid), SCALE, subgrid)
    arc = observe(blank, lambda t: lens(t, radius), lambda b: 30 * np.exp(-0.5 * abs(b - 0.08 - 0.05j) ** 2 / 0.12**2))
    return Imaging(arc + sigma * rng.normal(size=shape), sigma, mask, blank.response, SCALE, subgrid)


def dense_blurring(imaging):
    """Pixels of the mask x sub-pixels, by the offsets of their angles."""
    scale, k, n = imaging.pixel_scale, imaging.subgrid, imaging.response.shape[0]
    rows, columns = np.nonzero(imaging.mask)
    ny, nx = imaging.mask.shape
    blurring = np.zeros((rows.size, imaging.theta.size))
    for p in range(rows.size):
        x, y = (columns[p] - (nx - 1) / 2) * scale, (rows[p] - (ny - 1) / 2) * scale
        j = np.rint((imaging.theta.real - x) / (scale / k) + (n - 1) / 2).astype(int)
        i = np.rint((imaging.theta.imag - y) / (scale / k) + (n - 1) / 2).astype(int)
        for s in np.flatnonzero((i >= 0) & (i < n) & (j >= 0) & (j < n)):
            blurring[p, s] = imaging.kept_response[i[s], j[s]] / k**2
    return blurring


def dense(imaging, mesh, strength):
    """Pixels of the mask x source pixels [flux_scale], and H of `Constant()`."""
    mapping = np.zeros((imaging.theta.size, mesh.vertices.size))
    for k in range(mesh.indices.shape[1]):
        np.add.at(mapping, (np.arange(len(mapping)), mesh.indices[:, k]), mesh.weights[:, k])
    prior = np.eye(mesh.vertices.size) * 1e-8
    for i, j in mesh.edges:
        prior[[i, j], [i, j]] += 1
        prior[[i, j], [j, i]] -= 1
    return dense_blurring(imaging) @ mapping * imaging.flux_scale, strength * prior


@pytest.fixture(scope="session")
def stamp():
    """`build`, remembered."""
    made = {}

    def get(subgrid=2):
        if subgrid not in made:
            made[subgrid] = build(subgrid)
        return made[subgrid]

    return get


@pytest.fixture(scope="session")
def toys():
    """The functions above, for tests that put their own stamp together."""
    from types import SimpleNamespace

    return SimpleNamespace(
        lens=lens,
        gaussian_response=gaussian_response,
        lopsided_response=lopsided_response,
        observe=observe,
        build=build,
        dense_blurring=dense_blurring,
        dense=dense,
        scale=SCALE,
    )
