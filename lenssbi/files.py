"""Write, then rename: a killed run leaves either the old file or the new one. Tables as text; names of files; why a file is not read."""

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
LONGEST = 100  # bytes of a name in a file's name; systems allow 255
UNFINISHED = re.compile(r"\..+\.\d+(\.\w+)?")  # names that `atomic` writes to


def file_stem(name: str) -> str:
    """A lens' name as a file's name: no folder, nothing a shell or a page reads otherwise; unlike names have unlike stems.

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
    """Give a temporary path beside `path` and rename it to `path` when the block ends without an error.

    Parameters
    ----------
    path
        The final name; its folder is made where it is missing.

    Yields
    ------
    A path in the same folder with the same suffix, removed again if the block raises.

    Raises
    ------
    InputError
        Where the folder cannot be written or the disk is full.
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
    """Remove what killed writers left of `atomic` in folders into which nobody writes now."""
    for folder in folders:
        for left in folder.glob(".*"):
            if UNFINISHED.fullmatch(left.name):
                left.unlink(missing_ok=True)


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Turn the system's refusal to write `path` into an `InputError` that names the remedy."""
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
        What to do if the file is damaged, such as "simulate it again".
    missing
        What to say if there is none.

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
