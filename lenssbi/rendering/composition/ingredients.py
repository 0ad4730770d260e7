"""Noiseless arcs and galaxies, before the PSF, from which stamps are composed.

Light is kept in cells of half a pixel of a field that is wider than a stamp, so that a stamp may be cut from it at several phases.
Arcs and lens galaxies have a total flux of 1, neighbours too; their fluxes in a stamp are set when it is composed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lenssbi.arrays import FloatArray
from lenssbi.instrument import Camera
from lenssbi.lensing import Together
from lenssbi.lensing.images import hits
from lenssbi.light import LightProfile
from lenssbi.populations import PopulationDraws
from lenssbi.populations.field_galaxies import FieldGalaxies
from lenssbi.rendering.batched import BatchedRenderer
from lenssbi.rendering.brightness import ray_image
from lenssbi.rendering.scene import rays, scene
from lenssbi.rendering.selection import Selection
from lenssbi.systems import LensSystem

CELLS = 2  # along the side of a pixel
SHIFT = 1  # [pixels]: largest shift of a stamp in each direction
SIDE = 64  # pixels of a neighbour's image
TAPER = (0.7, 1.0)  # [half sides] of a neighbour's image between which its light falls to zero


@dataclass(frozen=True)
class Systems:
    """Lens systems.

    Parameters
    ----------
    arcs, galaxies
        Flux per cell of total flux 1, shape (n, y, x).
    params
        True parameters, each of shape (n,).
    info
        Further properties, such as the magnification of the source's flux, each of shape (n,).
    """

    arcs: torch.Tensor
    galaxies: torch.Tensor
    params: Mapping[str, np.ndarray]
    info: Mapping[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.arcs)

    def some(self, rows: slice) -> Systems:
        """Those in a range of rows."""
        params, info = ({name: values[rows] for name, values in group.items()} for group in (self.params, self.info))
        return Systems(self.arcs[rows], self.galaxies[rows], params, info)

    @staticmethod
    def joined(parts: Sequence[Systems]) -> Systems:
        """Several as one."""
        groups = (
            {name: np.concatenate([getattr(part, group)[name] for part in parts]) for name in getattr(parts[0], group)}
            for group in ("params", "info")
        )
        arcs, galaxies = (torch.cat([getattr(part, name) for part in parts]) for name in ("arcs", "galaxies"))
        return Systems(arcs, galaxies, *groups)


@dataclass(frozen=True)
class NeighbourImages:
    """Galaxies and stars near lenses: flux per cell of total flux 1, shape (m, side, side), and AB magnitudes, shape (m,)."""

    images: torch.Tensor
    magnitudes: FloatArray

    def __len__(self) -> int:
        return len(self.magnitudes)

    def some(self, rows: slice) -> NeighbourImages:
        """Those in a range of rows."""
        return NeighbourImages(self.images[rows], self.magnitudes[rows])

    @staticmethod
    def joined(parts: Sequence[NeighbourImages]) -> NeighbourImages:
        """Several as one."""
        images = torch.cat([part.images for part in parts])
        return NeighbourImages(images, np.concatenate([part.magnitudes for part in parts]))


class IngredientRenderer:
    """Renders ingredients.

    Parameters
    ----------
    camera
        Pixels of the stamps.
    selection
        Selection of systems by the images of the source's centre and by magnification.
    device
        Device of torch.
    """

    def __init__(self, camera: Camera, selection: Selection, device: str | torch.device = "cpu") -> None:
        ny, nx = camera.shape
        wide = camera.model_copy(update={"shape": (ny + 2 * SHIFT, nx + 2 * SHIFT), "psf_file": None})
        aside = camera.model_copy(update={"shape": (SIDE, SIDE), "psf_file": None})
        self.camera, self.selection, self.device = camera, selection, torch.device(device)
        self.renderer, self.small = (BatchedRenderer(c, None, CELLS, device) for c in (wide, aside))
        self.taper = _taper(self.small.field.shape[0] * CELLS).to(self.device)

    def passes(self, draws: PopulationDraws) -> np.ndarray:
        """Whether the source of each draw has enough images, shape (n,); multiplicity is counted as in `rendering/fresh.py`."""
        seen = scene(draws.system.source, Together(draws.system.deflectors), len(draws), self.device)
        grid = rays(self.camera.shape, self.camera.pixel_scale, self.device)
        beta = torch.as_tensor(
            draws.info["source_x"] + 1j * draws.info["source_y"], dtype=torch.complex64, device=self.device
        )
        lower, upper = hits(seen.trace(grid[None]) - beta[:, None, None])
        times = lower.sum((1, 2)) + upper.sum((1, 2))
        enough = (times >= self.selection.min_images + 1) | (self.selection.min_images < 2)
        flux = ray_image(seen, self.camera.shape, self.camera.pixel_scale).sum((1, 2)) * self.camera.pixel_scale**2
        least = torch.as_tensor(self.selection.least_magnification(draws, self.camera) * draws.flux, device=self.device)
        return (enough & (flux > least)).cpu().numpy()

    def systems(self, draws: PopulationDraws, lens_galaxies: tuple[LightProfile, ...]) -> tuple[Systems, np.ndarray]:
        """Render draws with their galaxies (an empty tuple for none); return the sufficiently magnified ones and their indices."""
        light = self.renderer.lensed(draws.system, len(draws))
        magnification = light.flux / draws.flux
        kept = np.flatnonzero(magnification > self.selection.min_magnification)
        index = torch.as_tensor(kept, device=self.device)
        arcs = light.cells[index]
        arcs = arcs / arcs.sum((1, 2), keepdim=True)
        galaxies = torch.zeros_like(arcs)
        if lens_galaxies and len(kept):
            galaxies = self.renderer.unlensed(LensSystem((), (), lens_galaxies), len(draws)).cells[index]
        draws = draws.take(kept)
        return Systems(arcs, galaxies, draws.params, {**draws.info, "magnification": magnification[kept]}), kept

    def neighbours(self, population: FieldGalaxies | None, rng: np.random.Generator, n: int) -> NeighbourImages:
        """Render `n` neighbours; none without a population."""
        if population is None or not n:
            return NeighbourImages(torch.zeros((0, *self.taper.shape), device=self.device), np.zeros(0))
        shapes, magnitudes = population.draw(rng, n)
        images = self.small.unlensed(LensSystem((), (), shapes), n).cells
        return NeighbourImages(images * self.taper, magnitudes)


def _taper(side: int) -> torch.Tensor:
    """1 in the middle, falling smoothly to 0 at the edge of the square; shape (side, side)."""
    axis = (torch.arange(side) - (side - 1) / 2) / (side / 2)
    radius = torch.hypot(axis[:, None], axis)
    step = ((radius - TAPER[0]) / (TAPER[1] - TAPER[0])).clamp(0, 1)
    return torch.cos(step * torch.pi / 2) ** 2
