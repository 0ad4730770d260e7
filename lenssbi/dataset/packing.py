"""Compressed pixels, made by the workers that simulate them: HDF5's shuffle and gzip filters, a chunk per stamp.

HDF5 would compress while it writes, in one process; a compressed chunk is only copied. The filter is gzip and not the faster lzf, because
the output of lzf depends on previous memory contents: the same stamps must give the same bytes.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVEL = 1


@dataclass(frozen=True)
class Packed:
    """Arrays of one shape in single precision, each compressed.

    Parameters
    ----------
    data
        The compressed arrays, one after the other.
    sizes
        Number of bytes of each, shape (n,).
    shape
        Shape of each array.
    """

    data: NDArray[np.uint8]
    sizes: NDArray[np.int64]
    shape: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.sizes)

    def chunks(self) -> list[bytes]:
        """The chunk that HDF5 stores for each array."""
        ends = np.cumsum(self.sizes)
        return [self.data[end - size : end].tobytes() for size, end in zip(self.sizes, ends, strict=True)]


def pack(arrays: NDArray[Any]) -> Packed:
    """Compress arrays of shape (n, ...)."""
    chunks = [zlib.compress(_shuffled(array), LEVEL) for array in np.asarray(arrays, dtype="<f4")]
    sizes = np.array([len(chunk) for chunk in chunks], dtype=np.int64)
    return Packed(np.frombuffer(b"".join(chunks), np.uint8), sizes, np.shape(arrays)[1:])


def _shuffled(array: NDArray[Any]) -> bytes:
    """The first bytes of all numbers, then the second ones, ...: the common bytes of neighbours become adjacent."""
    return np.ascontiguousarray(array).view(np.uint8).reshape(-1, array.itemsize).T.tobytes()
