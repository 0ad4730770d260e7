"""An unlimited supply of composed stamps for a training.

Systems and neighbours are kept in a pool. A round of stamps uses every system of the pool once; then a share 1 / reuse of the pool is
replaced by new ones. The sequence follows from the seed alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from lenssbi.instrument import Camera
from lenssbi.populations import Population, PopulationDraws
from lenssbi.rendering.composition.compose import Composer
from lenssbi.rendering.composition.config import CompositionConfig
from lenssbi.rendering.composition.ingredients import CELLS, IngredientRenderer, NeighbourImages, Systems
from lenssbi.rendering.composition.recipe import Recipes
from lenssbi.rendering.device_batch import Batch
from lenssbi.rendering.selection import Selection

POOL = 512
PER_CALL = 16  # the draws of one call share the kind of source
CHUNK = 64  # stamps composed at a time
NEIGHBOURS_PER_SYSTEM = 0.5


@dataclass(frozen=True)
class Pool:
    """A pool of ingredients: systems, the S/N of their arcs at unit flux, shape (n,), and neighbours."""

    systems: Systems
    snr: np.ndarray
    neighbours: NeighbourImages

    def renewed(self, new: Pool) -> Pool:
        """The pool without its oldest ingredients and with as many new ones."""
        old = Pool(
            self.systems.some(slice(len(new.snr), None)),
            self.snr[len(new.snr) :],
            self.neighbours.some(slice(len(new.neighbours), None)),
        )
        return Pool(
            Systems.joined([old.systems, new.systems]),
            np.append(old.snr, new.snr),
            NeighbourImages.joined([old.neighbours, new.neighbours]),
        )


class ComposedStamps:
    """Batches of composed stamps without end.

    Parameters
    ----------
    population, camera, selection
        Masses and sources, pixels, and criteria of systems.
    composition
        Configuration of galaxies, neighbours and noise.
    device
        Device of torch.
    seed
        Seed of all random numbers: it reproduces the batches on the same device.
    """

    def __init__(
        self,
        population: Population,
        camera: Camera,
        selection: Selection,
        composition: CompositionConfig,
        device: str | torch.device = "cpu",
        seed: int = 1,
    ) -> None:
        self.population, self.camera, self.composition = population, camera, composition
        self.renderer = IngredientRenderer(camera, selection, device)
        self.composer = Composer(composition, camera, device)
        self.rng = np.random.default_rng(seed)
        self.generator = torch.Generator(device).manual_seed(seed)
        self.waiting: list[tuple[Systems, np.ndarray]] = []

    def batches(self, size: int) -> Iterator[Batch]:
        """Batches of `size` stamps."""
        for rows, pool in self.rounds(size):
            recipes = self.recipes(rows, pool)
            images, noise = self.exposed(recipes, pool, self.white(size))
            params = {name: values[rows] for name, values in pool.systems.params.items()}
            width = (self.composer.bank.fwhm[recipes.members] * recipes.weights).sum(axis=1)
            moved = moved_params(params, recipes.shift, self.camera.pixel_scale)
            tensors = {name: torch.as_tensor(values, device=images.device) for name, values in moved.items()}
            yield Batch(images, noise, tensors, torch.as_tensor(width, dtype=torch.float32, device=images.device))

    def rounds(self, size: int) -> Iterator[tuple[np.ndarray, Pool]]:
        """Pools without end, each with `size` rows to compose next."""
        pool = self._stock(POOL)
        order: np.ndarray = self.rng.permutation(POOL)
        while True:
            rows, order = order[:size], order[size:]
            while len(rows) < size:
                pool = pool.renewed(self._stock(max(1, POOL // self.composition.reuse)))
                order = self.rng.permutation(POOL)
                rows, order = np.append(rows, order[: size - len(rows)]), order[size - len(rows) :]
            yield rows, pool

    def recipes(self, rows: np.ndarray, pool: Pool) -> Recipes:
        """A recipe for a stamp of each of the pool's systems `rows`."""
        params = {name: values[rows] for name, values in pool.systems.params.items()}
        return self.composer.book.draw(self.rng, rows, params, np.arange(len(pool.neighbours)))

    def white(self, count: int) -> torch.Tensor:
        """White noise of unit variance for `count` stamps, shape (count, y + 1, x + 1)."""
        ny, nx = self.camera.shape
        sizes = [min(CHUNK, count - first) for first in range(0, count, CHUNK)]
        device = self.composer.device
        return torch.cat([torch.randn((n, ny + 1, nx + 1), generator=self.generator, device=device) for n in sizes])

    def exposed(self, recipes: Recipes, pool: Pool, white: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Images and claimed noise [unit] of stamps composed from the pool with noise from `white`, shape (n, y, x) each."""
        parts = []
        for first in range(0, len(recipes), CHUNK):
            stop = min(first + CHUNK, len(recipes))
            some = recipes.some(first, stop)
            parts.append(self.composer(some, pool.systems, pool.snr, pool.neighbours, white[first:stop]))
        return torch.cat([part.images for part in parts]), torch.cat([part.noise for part in parts])

    def _stock(self, count: int) -> Pool:
        """New ingredients for `count` systems."""
        while sum(len(snr) for _, snr in self.waiting) < count:
            self._render(self.population.draw(self.rng, PER_CALL))
        systems, snr = Systems.joined([s for s, _ in self.waiting]), np.concatenate([n for _, n in self.waiting])
        self.waiting = [(systems.some(slice(count, None)), snr[count:])]
        number = max(1, round(NEIGHBOURS_PER_SYSTEM * count))
        neighbours = self.renderer.neighbours(self.composition.field_galaxies, self.rng, number)
        return Pool(systems.some(slice(count)), snr[:count], neighbours)

    def _render(self, draws: PopulationDraws) -> None:
        draws = draws.take(self.renderer.passes(draws))
        if not len(draws):
            return
        galaxies = self.composition.lens_galaxies
        light = galaxies.draw(self.rng, draws.params) if galaxies else ()
        systems, _ = self.renderer.systems(draws, light)
        if len(systems):
            self.waiting.append((systems, self.composer.arc_snr(systems.arcs)))


def moved_params(params: dict[str, np.ndarray], shift: np.ndarray, pixel_scale: float) -> dict[str, np.ndarray]:
    """The parameters of systems that were moved by `shift` cells (y, x), shape (n, 2)."""
    steps = shift * (pixel_scale / CELLS)
    centre = {"centre_x": params["centre_x"] + steps[:, 1], "centre_y": params["centre_y"] + steps[:, 0]}
    return {**params, **centre}
