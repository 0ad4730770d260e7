"""Batches of objects: taken, joined, taken apart."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from lenssbi import batching
from lenssbi.splines import SplineTable


@dataclass(frozen=True)
class Leafy:
    size: Any
    name: str = "leaf"


@dataclass(frozen=True)
class Tree:
    leaves: tuple[Leafy, ...]
    height: Any = 2.0
    table: SplineTable | None = None


def numbers(*values):
    return np.array(values, dtype=float)[:, None, None]


BATCH = Tree((Leafy(numbers(1, 2, 3)), Leafy(5.0)), numbers(7, 8, 9))


def test_some_of_a_batch():
    some = batching.take(BATCH, np.array([2, 0]))
    assert some.leaves[0].size.ravel().tolist() == [3, 1]
    assert some.leaves[1].size == 5.0
    assert batching.take(BATCH, np.array([False, True, False])).height.ravel().tolist() == [8]


def test_one_of_a_batch_has_plain_numbers():
    assert batching.item(BATCH, 1) == Tree((Leafy(2.0), Leafy(5.0)), 8.0)
    assert isinstance(batching.item(BATCH, 1).height, float)


def test_joined_and_taken_apart():
    joined = batching.join([BATCH, BATCH], [3, 3])
    assert [batching.item(joined, i) for i in range(6)] == [batching.item(BATCH, i % 3) for i in range(6)]


def test_a_number_that_differs_becomes_an_array():
    joined = batching.join([BATCH, Tree(BATCH.leaves, 1.0)], [3, 3])
    assert joined.height.ravel().tolist() == [7, 8, 9, 1, 1, 1]
    assert joined.leaves[1].size == 5.0


def test_names_that_differ_do_not_join():
    with pytest.raises(ValueError, match="different structure"):
        batching.join([Leafy(1.0, "a"), Leafy(1.0, "b")], [1, 1])
    with pytest.raises(ValueError, match="different structure"):
        batching.join([(Leafy(1.0),), (Leafy(1.0), Leafy(1.0))], [1, 1])


def test_tables_stay_shared():
    table = SplineTable.through([np.ones((4, 4)), np.eye(4)])
    tree = Tree((), 1.0, table.of_row(np.array([1, 0, 1])[:, None, None]))
    some = batching.take(tree, np.array([0, 1]))
    assert some.table.coefficients is table.coefficients
    assert some.table.row.ravel().tolist() == [1, 0]
    alone = batching.item(tree, 2)
    np.testing.assert_array_equal(alone.table.coefficients, table.coefficients[1:])
    assert alone.table.row == 0
    assert len(batching.join([tree, tree], [3, 3]).table.coefficients) == 2
