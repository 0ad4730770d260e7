"""Simulated sets as batches for a network.

A set is read once and prepared once: 100,000 stamps of 100x100 pixels are 2 GB of half-precision numbers, and a batch is
then a gather by index. Sets that memory cannot hold are read from their files batch by batch (`LazyExamples`). Several
sets are one after the other.

The order of an epoch depends on the seed and the epoch's number alone, so a training that is stopped and continued sees
the batches it would have seen.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lenssbi.dataset.hdf5 import StampSet, blocks
from lenssbi.status import InputError

Prepare = Callable[[NDArray[Any], NDArray[Any]], NDArray[np.float32]]
"""Function of images (n, y, x) and noise (n, y, x) or (n,) that returns prepared images (n, channel, y, x)."""


class ExampleSet(Protocol):
    """Prepared images with the true values."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return values (batch, parameter), float32, and prepared images (batch, channel, y, x) or features (batch, k)."""
        ...


class BatchStream(Protocol):
    """Batches of (values, inputs), epoch after epoch; the batches of an epoch follow from its number."""

    epoch: int

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]: ...


@dataclass(frozen=True)
class Piece:
    """Part of a set.

    Parameters
    ----------
    stamps
        The set.
    rows
        Consecutive rows of it.
    values
        True values of `rows`, shape (row, parameter).
    """

    stamps: StampSet
    rows: range
    values: NDArray[Any]


@dataclass(frozen=True)
class Examples:
    """Examples in memory.

    Parameters
    ----------
    inputs
        Prepared images, shape (n, channel, y, x), or features, shape (n, k), half or single precision.
    values
        True values, shape (n, parameter), float32.
    """

    inputs: Tensor
    values: Tensor

    def __post_init__(self) -> None:
        if len(self.inputs) != len(self.values):
            raise ValueError(f"{len(self.inputs)} images do not go with {len(self.values)} rows of values")

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        return self.values[rows], self.inputs[rows]


class LazyExamples:
    """Examples that are read from their files and prepared when they are needed; only a batch is in memory.

    Parameters
    ----------
    pieces
        Sets and their rows, one after the other.
    prepare
        Prepares the images.
    """

    def __init__(self, pieces: Sequence[Piece], prepare: Prepare) -> None:
        self.pieces, self.prepare = tuple(pieces), prepare
        self.values = _values(pieces)
        self.starts = np.cumsum([0, *(len(piece.rows) for piece in pieces)])

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        order, back = rows.unique(return_inverse=True)  # HDF5 requires ascending rows
        read = (self._read(i, order.numpy()) for i in range(len(self.pieces)))
        images = np.concatenate([part for part in read if part is not None])
        return self.values[rows], torch.from_numpy(images)[back]

    def _read(self, index: int, order: NDArray[np.int64]) -> NDArray[np.float32] | None:
        """Those of the ascending examples `order` that are of one piece, prepared; None if there is none."""
        piece, (start, stop) = self.pieces[index], self.starts[index : index + 2]
        where = order[(order >= start) & (order < stop)] - start + piece.rows.start
        if not len(where):
            return None
        return self.prepare(piece.stamps.images(where), piece.stamps.noise(where))


def read_examples(
    pieces: Sequence[Piece], prepare: Prepare, progress: Callable[[int, int, str], None] | None = None
) -> Examples:
    """Read and prepare stamps, keeping the images at half precision.

    Parameters
    ----------
    pieces
        Sets and their rows, one after the other.
    prepare
        Prepares the images.
    progress
        Function that is called with (done, total, text) after each block.

    Raises
    ------
    InputError
        If a pixel or a parameter is not finite.
    """
    values, done = _values(pieces), 0
    images: Tensor | None = None
    for piece in pieces:
        for where in blocks(piece.rows):
            block = torch.from_numpy(prepare(piece.stamps.images(where), piece.stamps.noise(where)))
            if not torch.isfinite(block.amax()):
                raise InputError(f"{piece.stamps.path}: some pixels are not finite: simulate the set again")
            if images is None:
                images = torch.empty((len(values), *block.shape[1:]), dtype=torch.float16)
            images[done : done + len(block)] = block
            done += len(block)
            if progress:
                progress(done, len(values), "reading stamps")
    if images is None:
        raise InputError("there is no stamp to learn from: give larger sets")
    return Examples(images, values)


class SetBatches:
    """Batches of a set.

    Parameters
    ----------
    examples
        The set.
    size
        Examples per batch and process.
    seed
        Seed of the order; None keeps the order of the set, last batch included.
    rank, world
        Number of this process and of all: each sees its own share of the examples.
    """

    def __init__(self, examples: ExampleSet, size: int, seed: int | None = None, rank: int = 0, world: int = 1) -> None:
        self.examples, self.size, self.seed, self.rank, self.world = examples, size, seed, rank, world
        self.epoch = 0

    def __len__(self) -> int:
        count = len(self.examples)
        share = count // self.world if self.seed is not None else -(-(count - self.rank) // self.world)
        return max(share // self.size, 1) if self.seed is not None else -(-share // self.size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for rows in self.rows():
            yield self.examples[rows]

    def rows(self) -> Iterator[Tensor]:
        """Examples of each batch of this epoch."""
        count = len(self.examples)
        if self.seed is None:
            yield from torch.arange(self.rank, count, self.world).split(self.size)
            return
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        order = torch.randperm(count, generator=generator)[self.rank :: self.world]
        for i in range(len(self)):
            yield order[i * self.size : (i + 1) * self.size]


def _values(pieces: Sequence[Piece]) -> Tensor:
    for piece in pieces:
        if not np.isfinite(piece.values).all():
            raise InputError(f"{piece.stamps.path}: some parameters are not finite: simulate the set again")
    return torch.as_tensor(np.concatenate([piece.values for piece in pieces]), dtype=torch.float32)
