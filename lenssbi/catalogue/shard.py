"""What the network said of a few stamps, in one file: rows, draws of the posteriors, thumbnails. Written when whole, never changed.

/rows        (n,)                JSON, one object a stamp
/draws       (n, draw, parameter) float32, NaN if there is none; attributes `names`, `units`
/thumbnails  (n,)                WebP, one byte if there is none
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.files import atomic
from lenssbi.posteriors import Samples
from lenssbi.status import InputError

SCHEMA = "lenssbi-network-1"
Row = dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """One stamp of a shard.

    Parameters
    ----------
    row
        Row of the table; its `key` is the identity of the stamp.
    samples
        Draws of the sampled parameters; None if there is no posterior.
    thumbnail
        Thumbnail as bytes; empty if there is none.
    """

    row: Row
    samples: Samples | None = None
    thumbnail: bytes = b""


def write_shard(path: Path, entries: Sequence[Entry], identity: str) -> None:
    """Write a shard, whole or not at all.

    Raises
    ------
    InputError
        If the folder cannot be written or the disk is full.
    """
    import h5py

    # in memory first: HDF5 tells badly of a full disk
    found = io.BytesIO()
    with h5py.File(found, "w") as file:
        file.attrs.update(schema=SCHEMA, identity=identity)
        file.create_dataset("rows", data=[json.dumps(entry.row) for entry in entries], dtype=h5py.string_dtype())
        _write_draws(file, entries)
        pictures = np.empty(len(entries), dtype=object)
        pictures[:] = [np.frombuffer(entry.thumbnail or b"\0", np.uint8) for entry in entries]
        file.create_dataset("thumbnails", data=pictures, dtype=h5py.vlen_dtype(np.uint8))
    with atomic(path) as temporary:
        temporary.write_bytes(found.getbuffer())


def read_rows(path: Path, identity: str | None = None) -> list[Row] | None:
    """The rows of a shard; None if there is none, one of another identity, or one that cannot be read."""
    import h5py

    try:
        with h5py.File(path) as file:
            if file.attrs.get("schema") != SCHEMA or identity not in (None, file.attrs["identity"]):
                return None
            return [json.loads(text) for text in file["rows"].asstr()[()]]
    except (OSError, KeyError, ValueError):
        return None


def read_entries(path: Path) -> list[Entry]:
    """All of a shard.

    Raises
    ------
    InputError
        If the file is missing or is not a shard.
    """
    import h5py

    try:
        with h5py.File(path) as file:
            rows = [json.loads(text) for text in file["rows"].asstr()[()]]
            draws, pictures = file["draws"], file["thumbnails"][()]
            names, units = tuple(draws.attrs["names"]), tuple(draws.attrs["units"])
            values = draws[()]
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{path}: not a readable shard ({error}): run the catalogue's command again") from error
    posteriors = [_samples(one, names, units, row) for one, row in zip(values, rows, strict=True)]
    return [
        Entry(row, samples, picture.tobytes() if len(picture) > 1 else b"")
        for row, samples, picture in zip(rows, posteriors, pictures, strict=True)
    ]


def _write_draws(file: Any, entries: Sequence[Entry]) -> None:
    known = next((entry.samples for entry in entries if entry.samples is not None), None)
    count = 0 if known is None else len(known)
    names = () if known is None else known.names
    values = np.full((len(entries), count, len(names)), np.nan, np.float32)
    for value, entry in zip(values, entries, strict=True):
        if entry.samples is not None:
            value[:] = entry.samples.values
    draws = file.create_dataset("draws", data=values)
    draws.attrs["names"], draws.attrs["units"] = list(names), [] if known is None else list(known.units)


def _samples(values: FloatArray, names: tuple[str, ...], units: tuple[str, ...], row: Row) -> Samples | None:
    if not values.size or not np.isfinite(values).all():
        return None
    return Samples(values.astype(float), names, units, info={"observation": row.get("observation", {})})
