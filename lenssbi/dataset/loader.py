"""Simulated sets as batches for a network.

A set is read once and prepared once: 100,000 stamps of 100x100 pixels are 2 GB of half-precision numbers, and a batch is
then a gather by index. A set that memory cannot hold is read from the file batch by batch (`LazyExamples`).

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
from torch.utils.data import DataLoader, Sampler

from lenssbi.dataset.hdf5 import StampSet
from lenssbi.status import InputError

Prepare = Callable[[NDArray[Any], NDArray[Any]], NDArray[np.float32]]
"""Turns images (n, y, x) and noise (n, y, x) or (n,) into what the network sees, (n, y, x)."""

BLOCK = 512  # stamps read at a time


class ExampleSet(Protocol):
    """Prepared images with their true values."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Sequence[int] | Tensor) -> tuple[Tensor, Tensor]:
        """Return values (batch, parameter) and images (batch, 1, y, x), both float32."""
        ...


@dataclass(frozen=True)
class Examples:
    """Examples in memory.

    Parameters
    ----------
    images
        Prepared images, shape (n, y, x), half or single precision.
    values
        What the network is to say, shape (n, parameter), float32.
    """

    images: Tensor
    values: Tensor

    def __post_init__(self) -> None:
        if len(self.images) != len(self.values):
            raise ValueError(f"{len(self.images)} images do not go with {len(self.values)} rows of values")

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: Sequence[int] | Tensor) -> tuple[Tensor, Tensor]:
        rows = torch.as_tensor(rows)
        return self.values[rows], self.images[rows].float().unsqueeze(1)


class LazyExamples:
    """Examples read from the file and prepared when they are asked for.

    Parameters
    ----------
    stamps
        The set.
    values
        What the network is to say about each of `rows`, shape (n, parameter).
    rows
        The rows of the set that these examples are.
    prepare
        Prepares the images.
    """

    def __init__(self, stamps: StampSet, values: NDArray[Any], rows: range, prepare: Prepare) -> None:
        self.stamps, self.rows, self.prepare = stamps, rows, prepare
        self.values = torch.as_tensor(values, dtype=torch.float32)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: Sequence[int] | Tensor) -> tuple[Tensor, Tensor]:
        order, back = torch.as_tensor(rows).unique(return_inverse=True)  # HDF5 wants ascending rows
        where = order.numpy() + self.rows.start
        images = torch.from_numpy(self.prepare(self.stamps.images(where), self.stamps.noise(where)))
        return self.values[order[back]], images[back].unsqueeze(1)


def read_examples(
    stamps: StampSet,
    values: NDArray[Any],
    rows: range,
    prepare: Prepare,
    progress: Callable[[int, int, str], None] | None = None,
) -> Examples:
    """Read and prepare the stamps `rows` of a set, keeping the images at half precision.

    Parameters
    ----------
    stamps
        The set.
    values
        What the network is to say about each of `rows`, shape (n, parameter).
    rows
        Consecutive rows.
    prepare
        Prepares the images.
    progress
        Told (done, total, text) after each block.

    Raises
    ------
    InputError
        Where a stamp or a value is not finite.
    """
    images = torch.empty((len(rows), *stamps.shape), dtype=torch.float16)
    for start in range(0, len(rows), BLOCK):
        stop = min(start + BLOCK, len(rows))
        where = slice(rows.start + start, rows.start + stop)
        images[start:stop] = torch.from_numpy(prepare(stamps.images(where), stamps.noise(where)))
        if progress:
            progress(stop, len(rows), "reading stamps")
    if not np.isfinite(values).all() or not torch.isfinite(images.amax()):
        raise InputError(f"{stamps.path}: some values or pixels are not finite: simulate the set again")
    return Examples(images, torch.as_tensor(values, dtype=torch.float32))


class Batches(Sampler[Tensor]):
    """Rows of each batch of an epoch.

    Parameters
    ----------
    count
        Number of examples.
    size
        Examples per batch and process.
    seed
        Seed of the order; None keeps the order of the set, last batch included.
    rank, world
        Number of this process and of all: each sees its own share of the examples.
    """

    def __init__(self, count: int, size: int, seed: int | None = None, rank: int = 0, world: int = 1) -> None:
        self.count, self.size, self.seed, self.rank, self.world = count, size, seed, rank, world
        self.epoch = 0

    def __len__(self) -> int:
        share = self.count // self.world if self.seed is not None else -(-(self.count - self.rank) // self.world)
        return max(share // self.size, 1) if self.seed is not None else -(-share // self.size)

    def __iter__(self) -> Iterator[Tensor]:
        if self.seed is None:
            yield from torch.arange(self.rank, self.count, self.world).split(self.size)
            return
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        order = torch.randperm(self.count, generator=generator)[self.rank :: self.world]
        for i in range(len(self)):
            yield order[i * self.size : (i + 1) * self.size]


def loader(examples: ExampleSet, batches: Batches) -> DataLoader[Any]:
    """A torch loader that hands over whole batches."""
    return DataLoader(examples, sampler=batches, batch_size=None)  # type: ignore[arg-type]
