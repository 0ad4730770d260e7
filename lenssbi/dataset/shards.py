"""Shards: partial results of a simulation, from which a killed run continues.

A shard holds SHARD consecutive stamps, their pixels compressed as the set has them, and depends on the seed and its range alone. Each is
written atomically; the set is assembled from all of them in order, and the folder removed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lenssbi.dataset.hdf5 import PIXELS
from lenssbi.dataset.packing import Packed, pack
from lenssbi.files import atomic, writing
from lenssbi.status import InputError

SHARD = 50


class Shards:
    """The folder of shards that belongs to a set.

    Parameters
    ----------
    path
        File of the set.
    count
        Number of its stamps.
    identity
        Identity of everything that the shards depend on; a folder with another identity is refused.

    Raises
    ------
    InputError
        If the folder was left by a simulation with another configuration or seed, or cannot be written.
    """

    def __init__(self, path: str | Path, count: int, identity: Mapping[str, Any]) -> None:
        self.path, self.count = Path(path), count
        self.folder = self.path.with_name(self.path.name + ".parts")
        note = self.folder / "identity.json"
        text = json.dumps(identity, sort_keys=True)
        same = note.is_file() and note.read_text() == text
        if not same and any(self.folder.glob("[0-9]*.npz")):
            raise InputError(
                f"{self.folder}: the stamps of a simulation with another configuration or seed are waiting here: "
                "remove the folder or choose another --out"
            )
        if not same:
            with atomic(note) as temporary:
                temporary.write_text(text)

    @property
    def ranges(self) -> list[tuple[int, int]]:
        """First stamp and the one after the last, of every shard."""
        return [(start, min(start + SHARD, self.count)) for start in range(0, self.count, SHARD)]

    @property
    def missing(self) -> list[tuple[int, int]]:
        """The ranges that no worker has finished."""
        return [r for r in self.ranges if not self.file(r).is_file()]

    def file(self, span: tuple[int, int]) -> Path:
        """File of the stamps from span[0] up to span[1]."""
        return self.folder / f"{span[0]:08d}-{span[1]:08d}.npz"

    def write(self, span: tuple[int, int], block: Mapping[str, Any]) -> None:
        """Write the stamps of a range: `images`, `noise`, `psf` if it varies, and the mappings `params`, `info`."""
        flat: dict[str, Any] = {}
        for name in (name for name in PIXELS if name in block):
            packed = pack(block[name])
            flat |= {name: packed.data, f"{name}.sizes": packed.sizes, f"{name}.shape": np.array(packed.shape)}
        flat |= {f"{g}/{name}": values for g in ("params", "info") for name, values in block[g].items()}
        with atomic(self.file(span)) as temporary, writing(self.file(span)):
            np.savez(temporary, **flat)

    def blocks(self) -> Iterator[dict[str, Any]]:
        """The stamps of all ranges, in order."""
        for span in self.ranges:
            with np.load(self.file(span), allow_pickle=False) as data:
                block: dict[str, Any] = {
                    name: Packed(data[name], data[f"{name}.sizes"], tuple(data[f"{name}.shape"].tolist()))
                    for name in PIXELS
                    if name in data
                }
                block |= {"params": {}, "info": {}}
                for key in data.files:
                    group, _, name = key.partition("/")
                    if name:
                        block[group][name] = data[key]
            yield block

    def remove(self) -> None:
        """Remove the folder after the set is complete, with the temporary files of killed runs."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for left in self.path.parent.glob(f".{self.path.stem}.*{self.path.suffix}"):
            left.unlink(missing_ok=True)
