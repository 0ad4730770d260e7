"""Batches of stamps on the device of the training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Batch:
    """Stamps on the device.

    Parameters
    ----------
    images, noise
        Noisy image and one sigma [electrons], shape (n, y, x).
    params
        True parameters, each of shape (n,), double precision.
    psf_fwhm
        Width of each stamp's PSF [arcsec], shape (n,).
    """

    images: torch.Tensor
    noise: torch.Tensor
    params: Mapping[str, torch.Tensor]
    psf_fwhm: torch.Tensor
