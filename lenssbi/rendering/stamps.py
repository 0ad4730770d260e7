"""Simulated stamps, and the grouping of draws for many of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.batching import structure
from lenssbi.instrument import Camera
from lenssbi.populations import PopulationDraws, join_draws

TRIES = 4
MAX_TRIES = 10_000


@dataclass(frozen=True)
class Stamps:
    """Simulated stamps.

    Parameters
    ----------
    images
        Noisy images [electrons, or the unit of a mosaic], shape (n, y, x).
    noise
        One sigma [same unit], shape (n, y, x).
    arcs
        Expected light of the lensed sources [same unit], shape (n, y, x).
    cameras
        Cameras of the stamps.
    params
        True parameters, each (n,).
    info
        Further properties, each (n,), image positions (n, k).
    psf
        Images of the PSFs if each stamp has its own measured one, shape (n, k, k).
    """

    images: FloatArray
    noise: FloatArray
    arcs: FloatArray
    cameras: tuple[Camera, ...]
    params: Mapping[str, FloatArray]
    info: Mapping[str, np.ndarray]
    psf: FloatArray | None = None


def alike(drawn: Sequence[PopulationDraws], waiting: Sequence[int]) -> Iterator[tuple[PopulationDraws, np.ndarray]]:
    """The draws in batches of one structure, and for each draw its stamp."""
    groups: dict[Any, list[int]] = {}
    for k, draws in enumerate(drawn):
        groups.setdefault(structure(draws.system), []).append(k)
    for members in groups.values():
        owner = np.concatenate([np.full(len(drawn[k]), waiting[k]) for k in members])
        yield join_draws([drawn[k] for k in members]), owner


def columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """Rows of one kind as columns."""
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}
