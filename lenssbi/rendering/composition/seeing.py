"""The PSFs of a bank, applied to a batch of stamps each of which has a mixture of its own (see `ImageBlur`)."""

from __future__ import annotations

import numpy as np
import torch

from lenssbi.instrument import PSF
from lenssbi.instrument.psf_bank import PSFBank
from lenssbi.rendering.blur import ImageBlur
from lenssbi.rendering.brightness import Field


class Seeing:
    """Blurs light per cell into light per pixel.

    Parameters
    ----------
    field
        Cells of the light, with a margin of `margin` pixels on every side that is not in the stamp.
    bank
        The PSFs.
    device
        Where to blur.
    margin
        Pixels.
    """

    def __init__(self, field: Field, bank: PSFBank, device: torch.device, margin: int) -> None:
        self.field, self.margin = field, margin
        blurs = [ImageBlur(field, PSF(image, bank.pixel_scale), device, margin) for image in bank.images]
        self.padded = blurs[0].padded
        self.transfer = torch.stack([blur.transfer for blur in blurs])

    def __call__(self, cells: torch.Tensor, members: np.ndarray, weights: np.ndarray) -> torch.Tensor:
        """Light per pixel, shape (n, y, x), of light per cell of the field, shape (n, y', x').

        Parameters
        ----------
        cells
            Light per cell.
        members, weights
            The mixture of each stamp, shape (n, 2), from `PSFBank.draw`.
        """
        chosen = torch.as_tensor(members, device=cells.device)
        share = torch.as_tensor(weights, dtype=torch.float32, device=cells.device)[..., None, None, None]
        transfer = torch.lerp(self.transfer[chosen[:, 0]], self.transfer[chosen[:, 1]], share[:, 1].to(torch.complex64))
        m, n, (ny, nx) = self.margin, self.field.oversampling, self.field.shape
        planes = cells.view(-1, ny, n, nx, n).permute(0, 2, 4, 1, 3).reshape(-1, n * n, ny, nx)
        spectrum = (torch.fft.rfft2(planes, s=self.padded) * transfer).sum(dim=1)
        return torch.fft.irfft2(spectrum, s=self.padded)[:, m : ny - m, m : nx - m]
