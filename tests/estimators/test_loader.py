"""Batches of a set."""

import numpy as np
import pytest
import torch

from lenssbi.dataset.hdf5 import StampSet
from lenssbi.dataset.loader import Batches, Examples, LazyExamples, loader, read_examples
from lenssbi.estimators.preprocessing import ImagePreprocessing
from lenssbi.parameters import SIE_SPACE
from lenssbi.status import InputError


def test_memory_and_file_give_the_same_batches(rings):
    with StampSet(rings) as stamps:
        rows = range(100, 300)
        values = SIE_SPACE.to_targets(SIE_SPACE.stack(stamps.params))[100:300]
        memory = read_examples(stamps, values, rows, ImagePreprocessing())
        lazy = LazyExamples(stamps, values, rows, ImagePreprocessing())
        assert len(memory) == len(lazy) == 200
        for one, other in zip(loader(memory, Batches(200, 64, 3)), loader(lazy, Batches(200, 64, 3)), strict=True):
            assert one[1].shape == (64, 1, 24, 24)
            assert one[1].dtype == one[0].dtype == torch.float32
            torch.testing.assert_close(one[0], other[0])
            torch.testing.assert_close(one[1], other[1], rtol=1e-3, atol=1e-3)
        twice = lazy[[5, 5, 2]]
        torch.testing.assert_close(twice[0], memory[[5, 5, 2]][0])
        torch.testing.assert_close(twice[1], memory[[5, 5, 2]][1], rtol=1e-3, atol=1e-3)


def test_order_follows_from_seed_and_epoch():
    batches, again = Batches(100, 32, 7), Batches(100, 32, 7)
    first = torch.cat(list(batches))
    assert len(batches) == 3
    assert len(first) == 96
    assert len(first.unique()) == 96
    batches.epoch = again.epoch = 1
    assert torch.equal(torch.cat(list(batches)), torch.cat(list(again)))
    assert not torch.equal(torch.cat(list(batches)), first)


@pytest.mark.parametrize("world", [1, 3])
def test_ranks_share_the_examples(world):
    for seed in (None, 4):
        shares = [torch.cat(list(Batches(103, 10, seed, rank, world))) for rank in range(world)]
        together = torch.cat(shares)
        assert len(together.unique()) == len(together)
        if seed is None:
            assert len(together) == 103
        else:
            assert len({len(share) for share in shares}) == 1


def test_fewer_examples_than_a_batch_make_one_batch():
    assert [len(rows) for rows in Batches(5, 32, 0)] == [5]
    assert [len(rows) for rows in Batches(5, 32)] == [5]


def test_bad_values_are_refused(rings):
    with StampSet(rings) as stamps, pytest.raises(InputError, match="simulate the set again"):
        read_examples(stamps, np.full((10, 3), np.nan), range(10), ImagePreprocessing())
    with pytest.raises(ValueError, match="do not go with"):
        Examples(torch.zeros(3, 4, 4), torch.zeros(2, 3))
