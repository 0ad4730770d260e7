"""A set of galaxies, ready to be lensed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.light.cutout import Cutout, light_table
from lenssbi.populations.draws import column
from lenssbi.populations.galaxies.isolate import Portrait
from lenssbi.splines import SplineTable

SMALLEST = 2.3  # [pixels]: half-light radius below which an image shows its PSF rather than a galaxy


@dataclass(frozen=True)
class Entry:
    """A galaxy of an archive, not read yet.

    Parameters
    ----------
    name
        What identifies it.
    read
        Gives its portrait, or None where it is of no use (cut by the image's edge, blended, nothing there).
    magnitude
        AB magnitude, NaN where it is not known.
    """

    name: str
    read: Callable[[], Portrait | None]
    magnitude: float = float("nan")


@dataclass(frozen=True)
class Galaxies:
    """Galaxies of a catalogue.

    Parameters
    ----------
    names
        What identifies them.
    table
        Their images of unit flux.
    cells
        Half-light radii [cells of the table], shape (n,).
    radii
        Half-light radii as observed [arcsec], shape (n,).
    magnitudes
        AB magnitudes as observed, NaN where unknown, shape (n,).
    """

    names: tuple[str, ...]
    table: SplineTable
    cells: FloatArray
    radii: FloatArray
    magnitudes: FloatArray

    @staticmethod
    def gather(
        entries: Iterable[Entry], subset: tuple[float, float] = (0.0, 1.0), count: int | None = None
    ) -> Galaxies:
        """The first `count` usable galaxies of a share of an archive, in an order that depends on their names alone.

        Parameters
        ----------
        entries
            The archive.
        subset
            Which share of it, a part of [0, 1): shares that do not overlap have no galaxy in common, however the archive has grown.
        count
            How many at most; all where None.

        Returns
        -------
        Possibly none.
        """
        chosen = sorted((e for e in entries if subset[0] <= place(e.name) < subset[1]), key=lambda e: place(e.name))
        kept: list[tuple[Entry, Portrait]] = []
        for entry in chosen:
            if count is not None and len(kept) >= count:
                break
            portrait = entry.read()
            if portrait is not None:
                kept.append((entry, portrait))
        return Galaxies._of(kept)

    @staticmethod
    def _of(kept: Sequence[tuple[Entry, Portrait]]) -> Galaxies:
        lights = light_table([portrait.image for _, portrait in kept]) if kept else light_table([np.ones((1, 1))])
        large = np.flatnonzero(lights.cells >= SMALLEST) if kept else np.array([], dtype=int)
        cells = lights.cells[large]
        return Galaxies(
            tuple(kept[i][0].name for i in large),
            SplineTable(lights.table.coefficients[large]),
            cells,
            cells * np.array([kept[i][1].pixel_scale for i in large]),
            np.array([kept[i][0].magnitude for i in large]),
        )

    def __len__(self) -> int:
        return len(self.names)

    def cutouts(self, rows: np.ndarray, *properties: Any) -> Cutout:
        """A batch of galaxies.

        Parameters
        ----------
        rows
            Which galaxies, shape (n,).
        properties
            Flux, effective radius, turn, mirror and centre as `light.cutout.Cutout` has them, each of shape (n,).
        """
        return Cutout(
            self.table.of_row(column(rows)), column(self.cells[rows]), *(column(values) for values in properties)
        )


def place(name: str) -> float:
    """A galaxy's place in [0, 1), evenly spread and the same everywhere."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6]) / 2**48
