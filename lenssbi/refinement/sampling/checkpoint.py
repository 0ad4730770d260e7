"""A sampler's state on disk, written whole and read only by the fit that wrote it.

Nautilus removes its file and writes a new one in place, so a kill in between loses the run, and on reading it asks
neither for the likelihood nor for the prior: a file of another lens would be taken for the answer. Here the state is
written beside its name and renamed, and it carries a key, the hash of everything the posterior depends on.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lenssbi.files import atomic

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpoint:
    """Where the state of a run is kept, and the key of the run.

    Parameters
    ----------
    path
        Path of the file, ending in ``.h5``.
    key
        Identity of the fit, from :func:`identity`.
    """

    path: Path
    key: str

    def save(self, write: Callable[[Path], None], seconds: float) -> None:
        """Store what ``write(path)`` writes as HDF5, and the ``seconds`` spent so far."""
        import h5py

        with atomic(self.path) as temporary:
            write(temporary)
            with h5py.File(temporary, "r+") as file:
                file.attrs.update(key=self.key, seconds=seconds)

    def seconds(self) -> float | None:
        """Seconds spent by the run so far, or None if there is no state of this fit to go on from."""
        import h5py

        try:
            with h5py.File(self.path, "r") as file:
                if file.attrs["key"] == self.key:
                    return float(file.attrs["seconds"])
        except FileNotFoundError:
            return None
        except (OSError, KeyError) as error:
            self.forsake(error)
        return None

    def forsake(self, error: Exception) -> None:
        """Say that the stored state is of no use."""
        log.warning("%s: the stored state is damaged (%s): the fit is begun again", self.path, error)

    def remove(self) -> None:
        """Forget the state."""
        self.path.unlink(missing_ok=True)


def identity(*parts: object) -> str:
    """Sixteen hexadecimal digits that change when any of ``parts`` (arrays, or objects with a telling ``repr``) does."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype}{part.shape}".encode())
            digest.update(np.ascontiguousarray(part).tobytes())
        else:
            digest.update(repr(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()[:16]
