"""The PSFs of a bank, applied to a batch of stamps with different mixtures (see `ImageBlur`)."""

from __future__ import annotations

import numpy as np
import torch

from lenssbi.instrument import PSF
from lenssbi.instrument.psf_bank import PSFBank
from lenssbi.rendering.blur import ImageBlur
from lenssbi.rendering.brightness import SkyPatch


class BankBlur:
    """Blurs light per cell into light per pixel.

    Parameters
    ----------
    field
        Cells of the light, with a margin of `margin` pixels on every side that is not in the stamp.
    bank
        Bank of PSFs.
    device
        Device of torch.
    margin
        Number of pixels of the margin.
    """

    def __init__(self, field: SkyPatch, bank: PSFBank, device: torch.device, margin: int) -> None:
        blurs = [ImageBlur(field, PSF(image, bank.pixel_scale), device, margin) for image in bank.images]
        self.blur = blurs[0]
        self.transfer = torch.stack([blur.transfer for blur in blurs])

    def __call__(self, cells: torch.Tensor, members: np.ndarray, weights: np.ndarray) -> torch.Tensor:
        """Light per pixel, shape (n, y, x), of light per cell of the field, shape (n, y', x').

        Parameters
        ----------
        cells
            Light per cell.
        members, weights
            Mixture of each stamp, shape (n, 2), from `PSFBank.draw`.
        """
        chosen = torch.as_tensor(members, device=cells.device)
        share = torch.as_tensor(weights[:, 1], dtype=torch.complex64, device=cells.device)[:, None, None, None]
        transfer = torch.lerp(self.transfer[chosen[:, 0]], self.transfer[chosen[:, 1]], share)
        return self.blur.through(cells, transfer)
