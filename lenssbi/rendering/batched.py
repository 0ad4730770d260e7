"""Rendering of many stamps at once with torch, on the CPU or a GPU.

The same `lensing/` and `light/` code as everywhere, traced adaptively (`rendering/brightness.py`), blurred exactly (`rendering/blur.py`):

    arcs = R * (lensed source),   image = Poisson(arcs + lens light + sky + dark) + read noise - lens light - sky - dark

Stamps are processed in chunks, so that memory does not grow with their number beyond the size of the results. A stamp depends on
others in its chunk at most in the last bits (vectorised functions round differently at the end of an array).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from lenssbi.arrays import FloatArray
from lenssbi.instrument import PSF, Camera
from lenssbi.lensing import Deflector
from lenssbi.light import LightProfile
from lenssbi.rendering.blur import Blur, GaussianBlur, ImageBlur
from lenssbi.rendering.brightness import SkyPatch, cell_brightness, margin_of
from lenssbi.rendering.scene import scene
from lenssbi.systems import LensSystem

CHUNK = {"cpu": 8}  # the rays of a chunk fit into the cache
CHUNK_ON_GPU = 512


@dataclass(frozen=True)
class Light:
    """Light before the PSF: flux per cell, shape (count, y, x), of a field slightly wider than the image."""

    cells: torch.Tensor
    field: SkyPatch

    def take(self, index: Any) -> Light:
        """The light of the systems `index` (integers or a mask, NumPy's or torch's)."""
        return Light(self.cells[torch.as_tensor(index, device=self.cells.device)], self.field)

    @property
    def flux(self) -> FloatArray:
        """Total flux of each system, shape (count,); its ratio to the unlensed flux is the magnification."""
        return self.cells.sum(dim=(1, 2)).cpu().numpy().astype(float)


class BatchedRenderer:
    """Renders batches of lens systems; fluxes and images are in maggies (10**(-0.4 * AB magnitude)) per pixel.

    Parameters
    ----------
    camera
        Camera, with its Gaussian PSF unless `psf_image` is given.
    psf_image
        PSF to use instead.
    oversampling
        Cells along the side of a pixel.
    device
        Device of torch: "cpu", "cuda", ...

    Raises
    ------
    ValueError
        In `draw`, if widths are given for a PSF that is an image.
    """

    def __init__(
        self,
        camera: Camera,
        psf_image: PSF | None = None,
        oversampling: int = 3,
        device: str | torch.device = "cpu",
    ) -> None:
        self.camera, self.psf_image, self.device = camera, psf_image, torch.device(device)
        self.margin = margin_of(camera.pixel_scale)
        self.field = SkyPatch(camera.shape, camera.pixel_scale, oversampling).wider(self.margin)
        self.coarse = SkyPatch(camera.shape, camera.pixel_scale, 1).wider(self.margin)
        self.chunk = CHUNK.get(self.device.type, CHUNK_ON_GPU)
        self._blurs = {field: self._blur_of(field, camera.psf_fwhm) for field in (self.field, self.coarse)}

    def lensed(self, systems: LensSystem, count: int) -> Light:
        """The lensed sources of `count` systems (arrays of shape (count, 1, 1)) before the PSF."""
        return self._light(systems.source, LensSystem(systems.deflectors), count, self.field)

    def lens_light(self, systems: LensSystem, count: int) -> Light:
        """The lenses' own light before the PSF, in cells of a whole pixel, since it only enters the shot noise."""
        return self._light(systems.lens_light, None, count, self.coarse)

    def unlensed(self, systems: LensSystem, count: int) -> Light:
        """The lens light of `count` systems before the PSF, in the cells of the arcs."""
        return self._light(systems.lens_light, None, count, self.field)

    def lens_residual(self, systems: LensSystem, count: int) -> Light:
        """Residual of the subtraction of the lens' light, before the PSF."""
        return self._light(systems.lens_residual, None, count, self.field)

    def draw(self, light: Light, fwhm: np.ndarray | None = None) -> FloatArray:
        """Expected flux per pixel behind PSF and pixels, shape (count, y, x).

        Parameters
        ----------
        light
            Light before the PSF.
        fwhm
            Widths of the Gaussian PSF [arcsec], shape (count,), if they differ from the camera's.
        """
        return self.expected(light, fwhm).cpu().numpy().astype(float)

    def expected(self, light: Light, fwhm: np.ndarray | torch.Tensor | None = None) -> torch.Tensor:
        """As `draw`, but the result stays on the device, in single precision."""
        if fwhm is not None and self.psf_image is not None:
            raise ValueError("a PSF given as an image has no width to vary: leave fwhm out")
        images = torch.empty((len(light.cells), *self.camera.shape), device=self.device)
        with torch.inference_mode():
            for first in range(0, len(images), self.chunk):
                rows = slice(first, first + self.chunk)
                blur = self._blurs[light.field] if fwhm is None else self._blur_of(light.field, fwhm[rows])
                images[rows] = blur(light.cells[rows])
        return images

    def _light(
        self, components: tuple[LightProfile, ...], mass: Deflector | None, count: int, field: SkyPatch
    ) -> Light:
        whole, (ny, nx), n = scene(components, mass, count, self.device), field.shape, field.oversampling
        cells = torch.empty((count, ny * n, nx * n), device=self.device)
        for first in range(0, count, self.chunk):
            rows = torch.arange(first, min(first + self.chunk, count), device=self.device)
            cells[first : first + self.chunk] = cell_brightness(whole.some(rows), field)
        return Light(cells.mul_(field.cell**2), field)

    def _blur_of(self, field: SkyPatch, fwhm: float | np.ndarray | torch.Tensor) -> Blur:
        if self.psf_image is not None:
            return ImageBlur(field, self.psf_image, self.device, self.margin)
        return GaussianBlur(field, fwhm, self.device, self.margin)
