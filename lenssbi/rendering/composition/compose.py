"""Stamps from ingredients: brightness, neighbours, PSF, phase and noise are new for every stamp.

    image = R * (a arcs + g galaxy + sum_k c_k neighbour_k) + pedestal + noise

R is the stamp's PSF with the pixel, the amplitudes follow from S/N and magnitudes, and the noise is a mosaic's (`instrument/mosaic.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from lenssbi.instrument import Camera
from lenssbi.instrument.psf_bank import PSFBank
from lenssbi.instrument.signal import signal_to_noise
from lenssbi.rendering.brightness import SkyPatch, margin_of
from lenssbi.rendering.composition.config import CompositionConfig
from lenssbi.rendering.composition.ingredients import CELLS, SHIFT, NeighbourImages, Systems
from lenssbi.rendering.composition.recipe import RecipeBook, Recipes
from lenssbi.rendering.composition.seeing import BankBlur

FAINTEST = 1e-6  # S/N assumed for scenes without arcs


@dataclass(frozen=True)
class Composed:
    """Stamps.

    Parameters
    ----------
    images
        Noisy images [unit], shape (n, y, x); NaN for flagged pixels.
    noise
        Claimed one sigma [unit], shape (n, y, x).
    expected
        The images without noise and pedestal [unit], shape (n, y, x).
    arc_flux
        Total flux of the arcs [unit], shape (n,).
    """

    images: torch.Tensor
    noise: torch.Tensor
    expected: torch.Tensor
    arc_flux: torch.Tensor


class Composer:
    """Composes stamps.

    Parameters
    ----------
    config
        Configuration of the composition.
    camera
        Pixels of the stamps.
    device
        Device of torch.

    Raises
    ------
    InputError
        If the bank of PSFs cannot be read.
    """

    def __init__(self, config: CompositionConfig, camera: Camera, device: str | torch.device = "cpu") -> None:
        self.config, self.camera, self.device = config, camera, torch.device(device)
        self.bank = PSFBank.of(config.psf)
        self.margin = margin_of(camera.pixel_scale)
        self.field = SkyPatch(camera.shape, camera.pixel_scale, CELLS).wider(self.margin)
        self.seeing = BankBlur(self.field, self.bank, self.device, self.margin)
        half = max(camera.shape) * camera.pixel_scale / 2
        self.book = RecipeBook(config, self.bank, half, camera.pixel_scale)

    @torch.inference_mode()
    def arc_snr(self, arcs: torch.Tensor) -> np.ndarray:
        """S/N of arcs of unit flux against noise of 1 per pixel, with the bank's first PSF; cells of `Systems`, shape (n,)."""
        n, most = len(arcs), SHIFT * CELLS
        ny, nx = (side * CELLS for side in self.field.shape)
        cells = arcs[:, most : most + ny, most : most + nx]
        seen = self.seeing(cells.contiguous(), np.zeros((n, 2), int), np.tile([1.0, 0.0], (n, 1)))
        return signal_to_noise(seen, torch.ones_like(seen)).cpu().numpy().astype(float)

    @torch.inference_mode()
    def __call__(
        self, recipes: Recipes, systems: Systems, snr: np.ndarray, neighbours: NeighbourImages, white: torch.Tensor
    ) -> Composed:
        """Compose stamps.

        Parameters
        ----------
        recipes
            Recipes, one for each stamp.
        systems, neighbours
            Ingredients of the stamps.
        snr
            Output of `arc_snr` for all systems.
        white
            White noise of unit variance, shape (n, y + 1, x + 1).
        """
        mosaic, rows = self.config.mosaic, recipes.system
        galaxy = np.where(np.isfinite(recipes.lens_magnitude), mosaic.flux(recipes.lens_magnitude), 0.0)
        arc_flux = recipes.snr * recipes.sigma * recipes.overstated / np.maximum(snr[rows], FAINTEST)
        arc_flux = np.maximum(arc_flux, galaxy * 10 ** (-0.4 * recipes.contrast))
        cells = self._scene(recipes, systems, neighbours, self._tensor(arc_flux), self._tensor(galaxy))
        expected = self.seeing(cells, recipes.members, recipes.weights)
        sigma, stretch, pedestal = (
            self._tensor(values)[:, None, None] for values in (recipes.sigma, recipes.overstated, recipes.pedestal)
        )
        scatter = (sigma**2 + expected.clamp(min=0) / mosaic.gain).sqrt()
        images = expected + pedestal + scatter * self._resampled(white, recipes.resampling)
        self._flag(images, recipes.patches)
        return Composed(images, scatter * stretch, expected, self._tensor(arc_flux))

    @torch.inference_mode()
    def arcs(self, recipes: Recipes, systems: Systems, flux: torch.Tensor) -> torch.Tensor:
        """Expected image of the arcs alone [unit], of total `flux` [unit] (n,); shape (n, y, x)."""
        nothing = NeighbourImages(torch.zeros((0, 1, 1), device=self.device), np.zeros(0))
        alone = replace(recipes, neighbours=recipes.neighbours[:0])
        cells = self._scene(alone, systems, nothing, flux, torch.zeros_like(flux))
        return self.seeing(cells, recipes.members, recipes.weights)

    def _scene(
        self,
        recipes: Recipes,
        systems: Systems,
        neighbours: NeighbourImages,
        arc_flux: torch.Tensor,
        galaxy: torch.Tensor,
    ) -> torch.Tensor:
        """Light per cell of the field, shape (n, y, x)."""
        ny, nx = (side * CELLS for side in self.field.shape)
        most = SHIFT * CELLS
        cells = torch.empty((len(recipes), ny, nx), device=self.device)
        for i, (row, (down, left)) in enumerate(zip(recipes.system.tolist(), recipes.shift.tolist(), strict=True)):
            window = (slice(most - down, most - down + ny), slice(most - left, most - left + nx))
            torch.mul(systems.arcs[row][window], arc_flux[i], out=cells[i])
            cells[i].addcmul_(systems.galaxies[row][window], galaxy[i])
        flux = self.config.mosaic.flux(neighbours.magnitudes)
        for i, row, y, x, turned in recipes.neighbours.tolist():
            image = neighbours.images[row]
            image = torch.rot90(image.flip(1) if turned > 3 else image, turned % 4)
            side = len(image)
            top, low = ny // 2 + y - side // 2, nx // 2 + x - side // 2
            into = cells[i, max(top, 0) : max(top + side, 0), max(low, 0) : max(low + side, 0)]
            part = image[max(-top, 0) :, max(-low, 0) :][: into.shape[0], : into.shape[1]]
            into.add_(part, alpha=float(flux[row]))
        return cells

    def _resampled(self, white: torch.Tensor, shift: np.ndarray) -> torch.Tensor:
        """White noise (n, y + 1, x + 1) after bilinear resampling, of unit variance, shape (n, y, x)."""
        along_y, along_x = (
            torch.nn.functional.normalize(torch.stack([1 - f, f]), dim=0)[..., None, None]
            for f in self._tensor(shift).T
        )
        rows = along_y[0] * white[:, :-1] + along_y[1] * white[:, 1:]
        return along_x[0] * rows[:, :, :-1] + along_x[1] * rows[:, :, 1:]

    def _flag(self, images: torch.Tensor, patches: np.ndarray) -> None:
        """Put NaN into the flagged pixels."""
        ny, nx = images.shape[1:]
        for i in np.flatnonzero(patches[:, 2] > 0).tolist():
            y, x, radius = patches[i].tolist()
            rows, columns = (torch.arange(n, device=self.device) for n in (ny, nx))
            inside = (rows[:, None] - y) ** 2 + (columns - x) ** 2 < radius**2
            images[i].masked_fill_(inside, torch.nan)

    def _tensor(self, values: object) -> torch.Tensor:
        return torch.as_tensor(np.asarray(values), dtype=torch.float32, device=self.device)
