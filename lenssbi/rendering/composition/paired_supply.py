"""An unlimited supply of pairs of stamps, one of them not a lens of the training's kind, to train a detector.

A stamp is composed twice from one recipe: as it is, and with its ingredients altered (`alterations.py`). Galaxy, neighbours, PSF and noise
of a pair are the same, so that the alteration is the only difference that a network can learn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import torch

from lenssbi.rendering.composition.alterations import altered, spoil
from lenssbi.rendering.composition.ingredients import Systems
from lenssbi.rendering.composition.kinds import Alteration
from lenssbi.rendering.composition.supply import ComposedStamps, Pool

SPOILING: tuple[Alteration, ...] = ("cosmic_ray", "spike", "edge")
"""Kinds that do not change the scene."""


class PairedStamps:
    """Pairs of composed stamps.

    Parameters
    ----------
    supply
        The ordinary stamps.
    weights
        Kind -> relative frequency.

    Raises
    ------
    ValueError
        If the weights are not positive.
    """

    def __init__(self, supply: ComposedStamps, weights: Mapping[Alteration, float]) -> None:
        if not weights or min(weights.values()) <= 0:
            raise ValueError(f"alterations need positive weights, got {dict(weights)}")
        self.supply, self.kinds = supply, tuple(weights)
        self.chances = np.array(list(weights.values())) / sum(weights.values())

    def pairs(self, size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Images (2 size, y, x) [unit], ordinary ones before altered ones, and labels (2 size,): 0, and 1 + i for `kinds[i]`."""
        supply = self.supply
        for rows, pool in supply.rounds(size):
            recipes, white = supply.recipes(rows, pool), supply.white(size)
            drawn = supply.rng.choice(len(self.kinds), size, p=self.chances)
            kinds = [self.kinds[i] for i in drawn.tolist()]
            plain = supply.exposed(recipes, pool, white)[0]
            odd = supply.exposed(replace(recipes, system=np.arange(size)), self._altered(rows, pool, kinds), white)[0]
            for i, kind in enumerate(kinds):
                if kind in SPOILING:
                    image = spoil(kind, odd[i].cpu().numpy(), float(recipes.sigma[i]), supply.rng)
                    odd[i] = torch.as_tensor(image, dtype=odd.dtype, device=odd.device)
            labels = np.append(np.zeros(size, int), 1 + drawn)
            yield torch.cat([plain, odd]), torch.as_tensor(labels, device=odd.device)

    def _altered(self, rows: np.ndarray, pool: Pool, kinds: list[Alteration]) -> Pool:
        """The systems `rows` of a pool, altered."""
        systems, snr = [pool.systems.some(slice(row, row + 1)) for row in rows.tolist()], pool.snr[rows]
        changed = [i for i, kind in enumerate(kinds) if kind not in SPOILING]
        for i in changed:
            systems[i] = altered(kinds[i], systems[i], self.supply.camera.pixel_scale, self.supply.rng)
        if changed:
            snr[changed] = self.supply.composer.arc_snr(torch.cat([systems[i].arcs for i in changed]))
        return Pool(Systems.joined(systems), snr, pool.neighbours)
