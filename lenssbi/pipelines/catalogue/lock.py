"""Lock of a folder, for one run at a time. The operating system releases the lock when its process ends."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lenssbi.files import writing
from lenssbi.status import InputError

LOCK = ".lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a folder.

    Raises
    ------
    InputError
        If another run has locked it, or it cannot be written.
    """
    import fcntl

    path = folder / LOCK
    with writing(path):
        folder.mkdir(parents=True, exist_ok=True)
        handle = open(path, "a+")  # noqa: SIM115 - it stays open as long as the lock is held
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(
                f"{folder}: {_owner(path)} is writing here: wait for it, or choose another --out"
            ) from None
        handle.truncate(0)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        handle.write(json.dumps({"process": os.getpid(), "host": socket.gethostname(), "since": now}))
        handle.flush()
        yield
    finally:
        handle.close()


def holder(folder: Path) -> dict[str, Any] | None:
    """Process that has locked a folder (process, host, since); None if there is none."""
    import fcntl

    path = folder / LOCK
    try:
        with open(path) as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return _read(path)
    except OSError:
        pass
    return None


def _owner(path: Path) -> str:
    who = _read(path)
    if not who:
        return "another run"
    return f"another run (process {who.get('process')} on {who.get('host')}, since {who.get('since')})"


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
