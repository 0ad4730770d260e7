"""Stamps that no training on observed lenses has: galaxies that are no lenses, and lenses that something is wrong with.

They are composed like those of the training (`rendering/composition/alterations.py`), from the population that a set's configuration
describes, so that a network to tell them from lenses has nothing to go by but the alteration.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import yaml

from lenssbi.config import parse
from lenssbi.rendering.composition.kinds import ALTERATIONS
from lenssbi.rendering.composition.sets import ObservedSimulation
from lenssbi.rendering.simulation import SimulateConfig

BLOCK = 22  # stamps of one kind made at a time
Progress = Callable[[int, int, str], None]


def observed_anomalies(text: str, count: int, seed: int, progress: Progress = lambda *_: None) -> np.ndarray:
    """Images of anomalies of every kind in turn, shape (count, y, x) [unit of the set].

    Parameters
    ----------
    text
        Configuration of the set, as its attribute `config` has it.
    count
        Number of stamps.
    seed
        Seed; not that of the set.
    progress
        Called with (done, total, text).

    Raises
    ------
    ValueError
        If the configuration has no composition.
    """
    config = parse(yaml.safe_load(text), SimulateConfig, "the set's configuration")
    if config.composition is None:
        raise ValueError("anomalies of observed stamps need a set of composed stamps")
    each = -(-count // len(ALTERATIONS))
    made: list[np.ndarray] = []
    for number, kind in enumerate(ALTERATIONS):
        composition = config.composition.model_copy(update={"alteration": kind})
        simulation = ObservedSimulation(config.population, config.instrument, config.selection, composition)
        for first in range(0, each, BLOCK):
            size = min(BLOCK, each - first)
            keys = [(number, first + i) for i in range(size)]
            streams = [np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key)) for key in keys]
            made.append(simulation.stamps(streams).images.astype(np.float32))
            progress(sum(map(len, made)), each * len(ALTERATIONS), "making anomalies")
    images = np.concatenate(made).reshape(len(ALTERATIONS), each, *made[0].shape[1:])
    return images.swapaxes(0, 1).reshape(-1, *made[0].shape[1:])[:count]
