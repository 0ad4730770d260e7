"""Splines through grids: values, slopes, edges, libraries, batches."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from lenssbi import batching
from lenssbi.splines import SplineTable

RNG = np.random.default_rng(3)
NOISE = RNG.normal(size=(21, 30)) + 1j * RNG.normal(size=(21, 30))


def bump(u, v):
    return np.exp(-((u - 25) ** 2 + (v - 20) ** 2) / 60)


@pytest.fixture(scope="module")
def table():
    v, u = np.mgrid[:40, :50]
    return SplineTable.through([bump(u, v), 3 * bump(u, v)])


def test_it_passes_through_the_values():
    v, u = np.mgrid[2:19, 2:28].astype(float)
    np.testing.assert_allclose(SplineTable.through([NOISE]).value(u, v), NOISE[2:19, 2:28], atol=1e-12)


def test_between_them_it_is_scipys_spline():
    u, v = RNG.uniform(8, 20, 50), RNG.uniform(7, 13, 50)
    expected = ndimage.map_coordinates(NOISE.real, [v, u], order=3, mode="constant")
    np.testing.assert_allclose(SplineTable.through([NOISE.real]).value(u, v), expected, atol=1e-3)


def test_it_follows_a_smooth_function_and_its_slopes(table):
    u, v = RNG.uniform(10, 40, (2, 200))[:, :, None] * np.array([[[1.0]], [[0.75]]])
    np.testing.assert_allclose(table.value(u, v), bump(u, v), atol=1e-4)
    along_u, along_v = table.gradient(u, v)
    np.testing.assert_allclose(along_u, -(u - 25) / 30 * bump(u, v), atol=1e-4)
    np.testing.assert_allclose(along_v, -(v - 20) / 30 * bump(u, v), atol=1e-4)


def test_slopes_are_differences_of_values():
    spline, h = SplineTable.through([NOISE]), 1e-6
    u, v = RNG.uniform(3, 18, (2, 40))
    along_u, along_v = spline.gradient(u, v)
    np.testing.assert_allclose(along_u, (spline.value(u + h, v) - spline.value(u - h, v)) / 2 / h, atol=1e-7)
    np.testing.assert_allclose(along_v, (spline.value(u, v + h) - spline.value(u, v - h)) / 2 / h, atol=1e-7)


def test_outside_there_is_nothing():
    u = np.array([-4.0, -1e9, 33.0, 1e9, 5.0, 5.0])
    v = np.array([5.0, 5.0, 5.0, 5.0, -4.0, 40.0])
    assert not SplineTable.through([NOISE]).value(u, v).any()


def test_a_batch_shares_the_table(table):
    u, v = RNG.uniform(5, 30, (2, 3, 4, 5))
    batch = table.of_row(np.array([1, 0, 1])[:, None, None])
    for i, row in enumerate([1, 0, 1]):
        np.testing.assert_array_equal(batch.value(u, v)[i], table.of_row(row).value(u[i], v[i]))


def test_torch_gives_the_same(table):
    u, v = RNG.uniform(5, 30, (2, 3, 4, 5))
    rows = np.array([1, 0, 1])[:, None, None]
    there = batching.map_tree(table.of_row(rows), torch.from_numpy)
    np.testing.assert_allclose(there.value(torch.from_numpy(u), torch.from_numpy(v)), table.of_row(rows).value(u, v))


def test_smaller_grids_are_padded_around_their_middle():
    small, large = np.ones((3, 3)), np.zeros((9, 11))
    table = SplineTable.through([small, large])
    v, u = np.mgrid[3:6, 4:7].astype(float)
    np.testing.assert_allclose(table.value(u, v), 1.0, atol=1e-12)
    np.testing.assert_allclose(table.value(u - 3, v), np.zeros((3, 3)) + (u == 7), atol=1e-12)


def test_tables_are_joined_once_each(table):
    other = SplineTable.through([np.ones((40, 50))])
    rows = np.array([1, 0])[:, None, None]
    joined = SplineTable.join_rows([table.of_row(rows), other, table.of_row(rows)], [2, 1, 2])
    assert len(joined.coefficients) == 3
    assert joined.row.ravel().tolist() == [1, 0, 2, 1, 0]
    with pytest.raises(ValueError, match="shapes"):
        SplineTable.join_rows([table, SplineTable.through([NOISE])], [1, 1])
