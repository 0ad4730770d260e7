"""A bank of point spread functions from which the PSF of a stamp is drawn.

A bank holds measured PSFs, each also narrowed and widened by some factors,

    P_s(r) = P(r / s),   s the factor,

and Gaussians of several widths for stamps of other instruments. The PSF of a stamp is a mixture w P_i + (1 - w) P_j of two neighbouring
members: the wings of a mixture are those of real PSFs, and no two stamps have the same.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path

import numpy as np
from pydantic import Field

from lenssbi.arrays import FloatArray
from lenssbi.config import Config
from lenssbi.instrument.psf import FWHM_PER_SIGMA, PSF
from lenssbi.status import InputError

SHIPPED = {"euclid_vis_q1": "euclid_vis_q1.fits"}
NODES = 9  # per pixel and axis, for the Gaussians' integral over a pixel


class PSFBankConfig(Config):
    """PSFs of the stamps of a population."""

    bank: str = Field("euclid_vis_q1", description="name of a shipped bank, or a FITS cube with the keyword PIXSCALE")
    widths: tuple[float, ...] = Field((0.92, 1.0, 1.08, 1.18), min_length=1, description="factors on each PSF's width")
    gaussians: tuple[float, ...] = Field(
        (0.13, 0.15, 0.17, 0.19, 0.21), description="full widths of Gaussians before the pixel [arcsec]"
    )
    share: float = Field(0.2, ge=0, le=1, description="share of the stamps with a Gaussian PSF")


@dataclass(frozen=True)
class PSFBank:
    """Members of a bank, all effective and normalised to 1.

    Parameters
    ----------
    images
        Shape (member, k, k), k odd; the measured PSFs come first, ordered by PSF and then by width.
    pixel_scale
        Side of a pixel [arcsec].
    measured
        Number of members that come from measured PSFs.
    share
        Share of the stamps with one of the others.
    """

    images: FloatArray
    pixel_scale: float
    measured: int
    share: float

    @staticmethod
    def of(config: PSFBankConfig) -> PSFBank:
        """Read a bank and make its members.

        Raises
        ------
        InputError
            If the bank cannot be read.
        """
        cube, scale = _read(config.bank)
        real = [_stretched(image, scale, factor) for image in cube for factor in config.widths]
        other = [_gaussian(fwhm, scale, cube.shape[1]) for fwhm in config.gaussians]
        share = config.share if other else 0.0
        return PSFBank(np.stack([*real, *other]), scale, len(real), share)

    @cached_property
    def fwhm(self) -> FloatArray:
        """Full width at half maximum of each member without the pixel [arcsec], shape (member,)."""
        return self.widths(self.images)

    def widths(self, images: FloatArray) -> FloatArray:
        """The same of members or mixtures (n, k, k), shape (n,)."""
        return np.array([PSF(image, self.pixel_scale).width_without(self.pixel_scale) for image in images])

    def draw(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, FloatArray]:
        """Mixtures for `n` stamps: two members each, shape (n, 2), and their weights, shape (n, 2)."""
        gaussian = rng.uniform(size=n) < self.share
        first = np.where(gaussian, self.measured, 0)
        count = np.where(gaussian, len(self.images) - self.measured, self.measured)
        place = rng.uniform(size=n) * (count - 1)
        low = np.minimum(place.astype(int), np.maximum(count - 2, 0))
        weight = place - low
        members = first[:, None] + np.stack([low, np.minimum(low + 1, count - 1)], axis=1)
        return members, np.stack([1 - weight, weight], axis=1)

    def mixtures(self, members: np.ndarray, weights: FloatArray) -> FloatArray:
        """Images of the PSFs that `draw` gave, shape (n, k, k)."""
        return np.einsum("nm,nmyx->nyx", weights, self.images[members])


def _read(bank: str) -> tuple[FloatArray, float]:
    from astropy.io import fits

    shipped = bank in SHIPPED
    path = resources.files("lenssbi.instrument") / "banks" / SHIPPED[bank] if shipped else Path(bank)
    try:
        with resources.as_file(path) if shipped else nullcontext(path) as file, fits.open(file, memmap=False) as hdus:
            cube, scale = np.asarray(hdus[0].data, dtype=float), float(hdus[0].header["PIXSCALE"])
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{bank}: not a bank of PSFs ({error}): give a shipped name ({', '.join(SHIPPED)}) or a FITS cube with PIXSCALE"
        ) from None
    if cube.ndim != 3 or cube.shape[1] != cube.shape[2] or not cube.shape[1] % 2:
        raise InputError(f"{bank}: a bank is a cube of square PSFs with odd sides, got shape {cube.shape}")
    return cube, scale


def _stretched(image: FloatArray, scale: float, factor: float) -> FloatArray:
    """The PSF `factor` times as wide, on the same pixels."""
    if factor == 1:
        return image / image.sum()
    axis = (np.arange(len(image)) - len(image) // 2) * scale / factor
    wide = np.clip(PSF(image, scale).sampled(axis), 0, None)
    return wide / wide.sum()


def _gaussian(fwhm: float, scale: float, side: int) -> FloatArray:
    """A Gaussian of full width `fwhm` [arcsec] averaged over the pixels around each pixel's centre."""
    offsets = ((np.arange(NODES) + 0.5) / NODES - 0.5) * scale
    axis = (np.arange(side) - side // 2)[:, None] * scale + offsets
    line = np.exp(-0.5 * (axis * FWHM_PER_SIGMA / fwhm) ** 2).mean(axis=1)
    image = np.outer(line, line)
    return image / image.sum()
