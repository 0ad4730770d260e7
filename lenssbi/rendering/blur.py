"""PSF and pixel: the light of the cells that each pixel collects, for a batch of stamps, on any device.

With P the optical PSF and the pixel a square of side p, a cell at r sends to the pixel at s the share

    R(s - r) = int_pixel P(s + t - r) dt

- `GaussianBlur`: R is a product of differences of the normal distribution function along y and x, so that the image is A_y c A_x^T:
  exact, without wrapping at the borders, and the width may differ from stamp to stamp.
- `ImageBlur`: R is taken from an image of the PSF (`PSF.response`, which applies the pixel once, whatever the image holds). The n x n
  cells of the pixels make n^2 images of the pixels' spacing; each is convolved with its own R by Fourier transform, and they are summed
  before the inverse transform.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import torch
from scipy import fft

from lenssbi.instrument import PSF
from lenssbi.instrument.psf import FWHM_PER_SIGMA
from lenssbi.rendering.brightness import SkyPatch


class GaussianBlur:
    """A Gaussian optical PSF and the pixel.

    Parameters
    ----------
    field
        The cells.
    fwhm
        Full width at half maximum of the PSF [arcsec], a number or shape (count,).
    device
        Where to blur.
    margin
        Pixels of the field on every side that are not in the image.
    """

    def __init__(
        self, field: SkyPatch, fwhm: float | np.ndarray | torch.Tensor, device: torch.device, margin: int = 0
    ) -> None:
        widths = torch.as_tensor(fwhm, dtype=torch.float64, device=device).reshape(-1)
        self.along_y, self.along_x = (
            _collected(pixels, field, widths)[:, margin : pixels - margin] for pixels in field.shape
        )

    def __call__(self, cells: torch.Tensor) -> torch.Tensor:
        """Light per pixel of the image, shape (count, y, x), of the light per cell of the field, of the same shape but for the cells."""
        return self.along_y @ cells @ self.along_x.mT


class ImageBlur:
    """A PSF given as an image, and the pixel.

    Parameters
    ----------
    field
        The cells.
    psf
        The PSF, effective or optical.
    device
        Where to blur.
    margin
        Pixels of the field on every side that are not in the image.
    """

    def __init__(self, field: SkyPatch, psf: PSF, device: torch.device, margin: int = 0) -> None:
        self.field, self.margin = field, margin
        n, pixel = field.oversampling, field.pixel_scale
        # pixels of the image, and of the detector for an optical PSF, extend half a side beyond the outermost centres
        radius = (max(psf.image.shape) // 2 + 0.5) * psf.pixel_scale + pixel / 2
        reach = int(np.ceil(radius / pixel))
        table = torch.from_numpy(psf.response(pixel, n, reach * pixel))
        side = 2 * reach + 1
        self.padded = tuple(fft.next_fast_len(max(pixels + reach, side), real=True) for pixels in field.shape)
        kernels = torch.zeros((n * n, *self.padded), dtype=torch.float64)
        kernels[:, :side, :side] = table.reshape(side, n, side, n).permute(1, 3, 0, 2).reshape(n * n, side, side)
        kernels = kernels.roll((-reach, -reach), dims=(1, 2))
        # a pixel collects from the cells around it: a correlation, hence the conjugate
        self.transfer = torch.fft.rfft2(kernels).conj().to(device=device, dtype=torch.complex64)

    def __call__(self, cells: torch.Tensor) -> torch.Tensor:
        """Light per pixel of the image, shape (count, y, x), of the light per cell of the field, of the same shape but for the cells."""
        return self.through(cells, self.transfer)

    def through(self, cells: torch.Tensor, transfer: torch.Tensor) -> torch.Tensor:
        """The same for given transfer functions, one for all or one for each image, shape ([count,] cell, ky, kx)."""
        m, n, (ny, nx) = self.margin, self.field.oversampling, self.field.shape
        planes = cells.view(-1, ny, n, nx, n).permute(0, 2, 4, 1, 3).reshape(-1, n * n, ny, nx)
        spectrum = (torch.fft.rfft2(planes, s=self.padded) * transfer).sum(dim=1)
        return torch.fft.irfft2(spectrum, s=self.padded)[:, m : ny - m, m : nx - m]


Blur: TypeAlias = GaussianBlur | ImageBlur


def _collected(pixels: int, field: SkyPatch, fwhm: torch.Tensor) -> torch.Tensor:
    """Share of the light at each cell along an axis that each pixel collects, shape (len(fwhm), pixels, pixels * oversampling)."""
    n = field.oversampling
    # it depends on the distance from cell to pixel alone: one line of distances with a sliding window
    steps = torch.arange(n * (2 * pixels - 1), dtype=torch.float64, device=fwhm.device) - n * (pixels - 1)
    distance = ((steps + 0.5) / n - 0.5) * field.pixel_scale
    sigma = fwhm[:, None] / FWHM_PER_SIGMA
    line = torch.special.ndtr((distance + field.pixel_scale / 2) / sigma)
    line = (line - torch.special.ndtr((distance - field.pixel_scale / 2) / sigma)).float()
    return line.unfold(1, pixels * n, n).flip(1).contiguous()
