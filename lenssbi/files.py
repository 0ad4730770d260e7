"""Atomic writing (a killed run leaves either the old file or the new one), tables as text, errors of reading, and names of files."""

from __future__ import annotations

import csv
import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lenssbi.status import InputError

if TYPE_CHECKING:
    import h5py

SIGNATURE = b"\x89HDF\r\n\x1a\n"
LONGEST = 100  # [bytes] of a lens' name in a file name; systems allow 255
UNFINISHED = re.compile(r"\..+\.\d+(\.\w+)?")  # names that `atomic` writes to


def file_stem(name: str) -> str:
    """A lens' name as a file name, without folders and special characters; different names have different stems.

    Examples
    --------
    >>> file_stem("set.h5:7")
    'set.h5_7'
    >>> file_stem("../up")
    '_up-8c722b8a'
    """
    plain = re.sub(r"[^\w.+-]+", "_", name).lstrip(".")
    stem = plain.encode()[:LONGEST].decode(errors="ignore")
    if stem and stem == name.replace(":", "_"):
        return stem
    return f"{stem or 'stamp'}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Give a temporary path in the folder of `path` and rename it to `path` when the block ends without an error.

    Parameters
    ----------
    path
        Final name; its folder is created if it is missing.

    Yields
    ------
    A path in the same folder with the same suffix, removed again if the block raises.

    Raises
    ------
    InputError
        If the folder cannot be written or the disk is full.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def write_csv(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write rows as a table; the keys of the first one are the columns.

    Raises
    ------
    InputError
        If the folder cannot be written or the disk is full.
    """
    with atomic(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def remove_unfinished(*folders: Path) -> None:
    """Remove the temporary files that killed processes left in folders to which no process is writing."""
    for folder in folders:
        for left in folder.glob(".*"):
            if UNFINISHED.fullmatch(left.name):
                left.unlink(missing_ok=True)


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Turn an error of writing `path` into an `InputError` that names the remedy."""
    try:
        yield
    except OSError as error:
        if error.errno is None and "write" not in str(error).lower():
            raise
        raise InputError(
            f"{path}: cannot be written ({error.strerror or error}): free some space or choose another folder"
        ) from error


def open_hdf5(path: Path, again: str, missing: str) -> h5py.File:
    """Open an HDF5 file to read.

    Parameters
    ----------
    path
        The file.
    again
        Remedy if the file is damaged, such as "simulate it again".
    missing
        Message if there is no such file.

    Raises
    ------
    InputError
        There is no file; it may not be read, is locked by a program that writes it, is no HDF5 file, or is cut short.
    """
    import h5py

    try:
        with path.open("rb") as file:
            start = file.read(len(SIGNATURE))
        if not (start and SIGNATURE.startswith(start)) and not h5py.is_hdf5(path):
            raise InputError(f"{path}: not an HDF5 file: check the path")
        return h5py.File(path, "r")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise InputError(f"{path}: {missing}") from None
    except OSError as error:
        raise InputError(f"{path}: {_why(error, again)}") from None


def _why(error: OSError, again: str) -> str:
    text = str(error).lower()
    if isinstance(error, BlockingIOError) or "lock file" in text:
        return "another program is writing it (the file is locked): wait until it has ended"
    if error.errno is not None and error.strerror and "truncated" not in text:
        reason = os.strerror(error.errno)
        return f"cannot be read ({reason}): check its permissions and its place"
    return f"the file was cut short or damaged: copy it again, or {again}"
