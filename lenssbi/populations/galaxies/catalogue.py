"""A set of galaxies that serve as sources."""

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

SMALLEST = 2.3  # [pixels]: half-light radius below which an image is dominated by its PSF


@dataclass(frozen=True)
class GalaxyEntry:
    """A galaxy of an archive that has not been read yet.

    Parameters
    ----------
    name
        Identity of the galaxy.
    read
        Function that returns its portrait, or None if it is unusable (cut by the image's edge, blended, empty).
    magnitude
        AB magnitude, NaN if it is not known.
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
        Identities of the galaxies.
    table
        Images of unit flux.
    cells
        Half-light radii [cells of the table], shape (n,).
    radii
        Half-light radii as observed [arcsec], shape (n,).
    magnitudes
        AB magnitudes as observed, NaN if unknown, shape (n,).
    """

    names: tuple[str, ...]
    table: SplineTable
    cells: FloatArray
    radii: FloatArray
    magnitudes: FloatArray

    @staticmethod
    def gather(
        entries: Iterable[GalaxyEntry], subset: tuple[float, float] = (0.0, 1.0), count: int | None = None
    ) -> Galaxies:
        """The first `count` usable galaxies of a share of an archive, in an order that depends on their names alone.

        Parameters
        ----------
        entries
            The archive.
        subset
            Share of the archive, a part of [0, 1): disjoint shares have no galaxy in common, even if the archive has grown.
        count
            Largest number; None for all.

        Returns
        -------
        The galaxies, possibly none.
        """
        chosen = sorted((e for e in entries if subset[0] <= place(e.name) < subset[1]), key=lambda e: place(e.name))
        kept: list[tuple[GalaxyEntry, Portrait]] = []
        for entry in chosen:
            if count is not None and len(kept) >= count:
                break
            portrait = entry.read()
            if portrait is not None:
                kept.append((entry, portrait))
        return Galaxies._of(kept)

    @staticmethod
    def _of(kept: Sequence[tuple[GalaxyEntry, Portrait]]) -> Galaxies:
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
            Indices of the galaxies, shape (n,).
        properties
            Flux, effective radius, turn, mirror and centre of `light.cutout.Cutout`, each of shape (n,).
        """
        return Cutout(
            self.table.of_row(column(rows)), column(self.cells[rows]), *(column(values) for values in properties)
        )


def place(name: str) -> float:
    """A galaxy's number in [0, 1), uniformly distributed and a function of its name alone."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6]) / 2**48
