"""Write, then rename: a killed run leaves either the old file or the new one. And names that are safe as names of files."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lenssbi.status import InputError

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
