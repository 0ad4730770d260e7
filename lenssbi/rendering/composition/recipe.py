"""Recipes of stamps: drawn on the CPU, from one stream of random numbers for all or from one for each stamp."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.instrument.psf_bank import PSFBank
from lenssbi.rendering.composition.config import CompositionConfig
from lenssbi.rendering.composition.ingredients import CELLS, SHIFT

SYMMETRIES = 8


@dataclass(frozen=True)
class Recipes:
    """Numbers of n stamps.

    Parameters
    ----------
    system
        Row of the lens system, shape (n,).
    snr
        Signal to noise of the arcs, shape (n,).
    contrast
        Magnitudes by which the arcs are at most fainter than the lens galaxy, shape (n,).
    lens_magnitude
        AB magnitude of the lens galaxy, infinite for none, shape (n,).
    shift
        Cells (y, x) by which the scene is moved, shape (n, 2).
    members, weights
        Mixture of the PSF, shape (n, 2).
    sigma, pedestal, overstated
        Parameters from `Mosaic.draw`, shape (n,).
    resampling
        Sub-pixel shifts of the resampling, shape (n, 2) [pixels].
    neighbours
        Rows of stamp and neighbour, place (y, x) [cells] from the middle of the stamp, and symmetry: integers of shape (m, 5).
    patches
        Flagged pixels: y, x and radius [pixels], radius 0 for none, shape (n, 3).
    """

    system: np.ndarray
    snr: FloatArray
    contrast: FloatArray
    lens_magnitude: FloatArray
    shift: np.ndarray
    members: np.ndarray
    weights: FloatArray
    sigma: FloatArray
    pedestal: FloatArray
    overstated: FloatArray
    resampling: FloatArray
    neighbours: np.ndarray
    patches: FloatArray

    def __len__(self) -> int:
        return len(self.system)

    def some(self, first: int, stop: int) -> Recipes:
        """The recipes of the stamps from `first` up to `stop`."""
        arrays = {f.name: getattr(self, f.name)[first:stop] for f in fields(Recipes) if f.name != "neighbours"}
        neighbours = self.neighbours[(self.neighbours[:, 0] >= first) & (self.neighbours[:, 0] < stop)]
        return Recipes(**arrays, neighbours=neighbours - [first, 0, 0, 0, 0])

    @staticmethod
    def joined(parts: Sequence[Recipes]) -> Recipes:
        """Join several: the rows of stamps are renumbered, those of systems and neighbours are not."""
        arrays = {f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Recipes)}
        first = np.cumsum([0, *(len(part) for part in parts)])
        arrays["neighbours"][:, 0] += np.repeat(first[:-1], [len(part.neighbours) for part in parts])
        return Recipes(**arrays)


@dataclass(frozen=True)
class RecipeBook:
    """The distribution of recipes.

    Parameters
    ----------
    config, bank
        Configuration of the composition, and the PSFs.
    half
        Half the side of the square that contains the neighbours [arcsec].
    pixel_scale
        Side of a pixel [arcsec].
    """

    config: CompositionConfig
    bank: PSFBank
    half: float
    pixel_scale: float

    def draw(
        self, rng: np.random.Generator, system: np.ndarray, params: Mapping[str, FloatArray], supply: np.ndarray
    ) -> Recipes:
        """Draw the recipes of stamps.

        Parameters
        ----------
        rng
            Random number generator.
        system
            Rows of the lens systems, shape (n,).
        params
            True parameters of these systems, each of shape (n,).
        supply
            Rows of the neighbours to choose from; no neighbours if it is empty.
        """
        n, config = len(system), self.config
        members, weights = self.bank.draw(rng, n)
        mosaic = config.mosaic.draw(rng, n)
        magnitude = np.full(n, np.inf)
        if config.lens_galaxies is not None:
            magnitude = config.lens_galaxies.magnitudes(rng, params["einstein_radius"])
        most, side = SHIFT * CELLS, 2 * self.half / self.pixel_scale
        patch = rng.uniform(size=(n, 3)) * (side, side, 4.0) + (0, 0, 1.0)
        patch[:, 2] *= rng.uniform(size=n) < config.mosaic.flagged
        low, high = np.log(config.snr)
        return Recipes(
            system=np.asarray(system),
            snr=np.exp(rng.uniform(low, high, n)),
            contrast=rng.uniform(*config.contrast, n),
            lens_magnitude=magnitude,
            shift=rng.integers(-most, most + 1, (n, 2)),
            members=members,
            weights=weights,
            sigma=mosaic["sigma"],
            pedestal=mosaic["pedestal"],
            overstated=mosaic["overstated"],
            resampling=mosaic["shift"],
            neighbours=self._neighbours(rng, params, supply),
            patches=patch,
        )

    def _neighbours(self, rng: np.random.Generator, params: Mapping[str, FloatArray], supply: np.ndarray) -> np.ndarray:
        """Rows of `Recipes.neighbours`."""
        population, found = self.config.field_galaxies, [np.zeros((0, 5), dtype=int)]
        if population is None or not len(supply):
            return found[0]
        centre = params["centre_x"] + 1j * params["centre_y"]
        for i, (radius, middle) in enumerate(zip(params["einstein_radius"].tolist(), centre.tolist(), strict=True)):
            place = population.places(rng, radius, middle, self.half)
            cells = np.rint(np.stack([place.imag, place.real], axis=1) / self.pixel_scale * CELLS).astype(int)
            chosen, turned = rng.choice(supply, len(place)), rng.integers(SYMMETRIES, size=len(place))
            found.append(np.column_stack([np.full(len(place), i), chosen, cells, turned]))
        return np.concatenate(found)
