"""Batches of sets."""

import tracemalloc

import numpy as np
import pytest
import torch

from lenssbi.dataset.hdf5 import StampSet
from lenssbi.dataset.loader import Examples, LazyExamples, Piece, SetBatches, read_examples
from lenssbi.estimators.preprocessing import ImagePreprocessing
from lenssbi.parameters import SIE_SPACE
from lenssbi.status import InputError

PREPARE = ImagePreprocessing()


def piece(stamps, rows):
    return Piece(stamps, rows, SIE_SPACE.to_targets(SIE_SPACE.stack(stamps.params))[rows.start : rows.stop])


@pytest.fixture(scope="module")
def pieces(rings, make_rings, tmp_path_factory):
    """Rows of two sets."""
    other = make_rings(tmp_path_factory.mktemp("other") / "set.h5", 40, seed=5)
    with StampSet(rings) as first, StampSet(other) as second:
        yield [piece(first, range(100, 300)), piece(second, range(10, 40))]


def numbered(count, size, seed=None, rank=0, world=1):
    """Batches whose values are the numbers of the examples."""
    numbers = torch.arange(float(count))[:, None]
    return SetBatches(Examples(numbers, numbers), size, seed, rank, world)


def joined(batches):
    return torch.cat([values[:, 0] for values, _ in batches])


def test_memory_and_files_give_the_same_batches(pieces):
    memory, lazy = read_examples(pieces, PREPARE), LazyExamples(pieces, PREPARE)
    assert len(memory) == len(lazy) == 230
    for one, other in zip(SetBatches(memory, 64, 3), SetBatches(lazy, 64, 3), strict=True):
        assert one[1].shape == (64, 1, 24, 24)
        torch.testing.assert_close(one[0], other[0])
        torch.testing.assert_close(one[1].float(), other[1], rtol=1e-3, atol=1e-3)
    rows = torch.tensor([5, 220, 5, 2, 201])
    for one, other in zip(memory[rows], lazy[rows], strict=True):
        torch.testing.assert_close(one.float(), other, rtol=1e-3, atol=1e-3)


def test_several_sets_are_one_after_the_other(pieces):
    examples = read_examples(pieces, PREPARE)
    for start, part in ((0, pieces[0]), (200, pieces[1])):
        for i in (0, len(part.rows) - 1):
            truth = part.stamps.stamp(part.rows[i])
            expected = PREPARE(truth.image[None], truth.noise[None])[0, 0]
            np.testing.assert_allclose(examples.inputs[start + i, 0], expected, atol=2e-3)
            np.testing.assert_allclose(examples.values[start + i], part.values[i], rtol=1e-6)


def test_reading_from_files_takes_the_memory_of_a_batch(pieces):
    lazy = LazyExamples(pieces, PREPARE)
    stamp = 24 * 24 * 4
    next(iter(SetBatches(lazy, 8, 1)))
    tracemalloc.start()
    for _ in SetBatches(lazy, 8, 1):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 15 * 8 * stamp  # image, noise and what is made of them; all 230 would be 29 batches


def test_order_follows_from_seed_and_epoch():
    batches, again = numbered(100, 32, 7), numbered(100, 32, 7)
    first = joined(batches)
    assert len(batches) == 3
    assert len(first) == 96
    assert len(first.unique()) == 96
    batches.epoch = again.epoch = 1
    assert torch.equal(joined(batches), joined(again))
    assert not torch.equal(joined(batches), first)


@pytest.mark.parametrize("world", [1, 3])
def test_ranks_share_the_examples(world):
    for seed in (None, 4):
        shares = [joined(numbered(103, 10, seed, rank, world)) for rank in range(world)]
        together = torch.cat(shares)
        assert len(together.unique()) == len(together)
        if seed is None:
            assert len(together) == 103
        else:
            assert len({len(share) for share in shares}) == 1


def test_fewer_examples_than_a_batch_make_one_batch():
    assert [len(values) for values, _ in numbered(5, 32, 0)] == [5]
    assert [len(values) for values, _ in numbered(5, 32)] == [5]


def test_bad_values_are_refused(rings):
    with StampSet(rings) as stamps:
        bad = [Piece(stamps, range(10), np.full((10, 3), np.nan))]
        for make in (read_examples, LazyExamples):
            with pytest.raises(InputError, match="simulate the set again"):
                make(bad, PREPARE)
    with pytest.raises(ValueError, match="do not go with"):
        Examples(torch.zeros(3, 4, 4), torch.zeros(2, 3))
