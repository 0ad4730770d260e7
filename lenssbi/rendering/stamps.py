"""Simulated stamps, and how the draws for many of them are put together."""

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
        What the lensed sources are expected to give [same unit], shape (n, y, x).
    cameras
        What each was seen with.
    params
        True parameters, each (n,).
    info
        What else is known, each (n,), image positions (n, k).
    psf
        Images of the PSFs if each stamp has a measured one of its own, shape (n, k, k).
    """

    images: FloatArray
    noise: FloatArray
    arcs: FloatArray
    cameras: tuple[Camera, ...]
    params: Mapping[str, FloatArray]
    info: Mapping[str, np.ndarray]
    psf: FloatArray | None = None


def alike(drawn: Sequence[PopulationDraws], waiting: Sequence[int]) -> Iterator[tuple[PopulationDraws, np.ndarray]]:
    """The draws in batches of one structure, and for each draw the stamp that waits for it."""
    groups: dict[Any, list[int]] = {}
    for k, draws in enumerate(drawn):
        groups.setdefault(structure(draws.system), []).append(k)
    for members in groups.values():
        owner = np.concatenate([np.full(len(drawn[k]), waiting[k]) for k in members])
        yield join_draws([drawn[k] for k in members]), owner


def columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """Rows of one kind as columns."""
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}
