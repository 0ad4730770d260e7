"""Point spread function as an image, with or without the pixel's response.

The fraction of the light of a point at offset r that a detector pixel collects is P(r) times the area of the pixel, with P the optical PSF
convolved with the pixel's square. A measured PSF ("effective") is P already; an "optical" one still has to be convolved with
the square, exactly once: applying it twice, or never, costs 2-4 per cent of the peak.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.status import InputError

FWHM_PER_SIGMA = 2 * np.sqrt(2 * np.log(2))


@dataclass(frozen=True)
class PSF:
    """Point spread function.

    Parameters
    ----------
    image
        Surface brightness of a point source at the centres of the pixels, shape (ky, kx), odd sides, centred, row 0 at the
        bottom; normalised to sum 1.
    pixel_scale
        Side of a pixel of `image` [arcsec], not necessarily the detector's.
    kind
        Kind of the image: "effective" includes the response of the detector pixel, "optical" does not.
    """

    image: FloatArray
    pixel_scale: float
    kind: Literal["effective", "optical"] = "effective"

    def __post_init__(self) -> None:
        image = np.asarray(self.image, dtype=float)
        if image.ndim != 2 or not all(n % 2 for n in image.shape):
            raise ValueError(f"a PSF image has two odd sides, got shape {image.shape}")
        if not np.isfinite(image).all() or not image.sum() > 0:
            raise ValueError("a PSF image is finite and its sum is positive")
        if not self.pixel_scale > 0:
            raise ValueError(f"a PSF needs pixel_scale > 0, got {self.pixel_scale}")
        object.__setattr__(self, "image", image / image.sum())

    @staticmethod
    def gaussian(fwhm: float, pixel_scale: float = 0.025, radius: float = 0.6) -> PSF:
        """Optical Gaussian PSF of full width `fwhm` [arcsec], sampled out to `radius` [arcsec]."""
        n = int(np.ceil(radius / pixel_scale))
        profile = np.exp(-0.5 * (np.arange(-n, n + 1) * pixel_scale * FWHM_PER_SIGMA / fwhm) ** 2)
        return PSF(np.outer(profile, profile), pixel_scale, "optical")

    @staticmethod
    def read(path: str | Path, pixel_scale: float, kind: Literal["effective", "optical"] = "effective") -> PSF:
        """PSF from the first image of a FITS file, its pixels `pixel_scale` [arcsec] wide.

        Raises
        ------
        InputError
            If there is no such file, it has no image, or the image is not a PSF.
        """
        from astropy.io import fits

        try:
            with fits.open(path, memmap=False) as hdus:
                image = next(hdu.data for hdu in hdus if getattr(hdu.data, "ndim", 0) == 2)
            return PSF(np.asarray(image, dtype=float), pixel_scale, kind)
        except (OSError, StopIteration, ValueError, TypeError) as error:
            reason = str(error) or "it holds no two-dimensional image"
            raise InputError(
                f"{path}: not a PSF image that can be read ({reason}): give a FITS file with one image"
            ) from None

    @property
    def fwhm(self) -> float:
        """Full width at half maximum [arcsec] of the circle with the area above half the peak."""
        fine = self._interpolator()
        y = np.linspace(-1, 1, 401) * (self.image.shape[0] // 2) * self.pixel_scale
        x = np.linspace(-1, 1, 401) * (self.image.shape[1] // 2) * self.pixel_scale
        values = fine(y, x)
        area = (values > values.max() / 2).sum() * (y[1] - y[0]) * (x[1] - x[0])
        return float(2 * np.sqrt(area / np.pi))

    def width_without(self, pixel_scale: float) -> float:
        """Full width at half maximum [arcsec] without the response of a pixel of side `pixel_scale` [arcsec]."""
        if self.kind == "optical":
            return self.fwhm
        # widths of a Gaussian and a pixel add in quadrature; the pixel's variance is 1/12 of its square
        return float(np.sqrt(max(self.fwhm**2 - 8 * np.log(2) / 12 * pixel_scale**2, 0)))

    def sampled(self, offsets: FloatArray) -> FloatArray:
        """Values of the PSF image, interpolated, on the grid of the ascending `offsets` [arcsec] along y and x, shape (n, n)."""
        return self._interpolator()(offsets, offsets)

    def response(self, pixel_scale: float, subgrid: int, radius: float) -> FloatArray:
        """Fractions of the light of points on the sub-grid that a detector pixel collects.

        Parameters
        ----------
        pixel_scale
            Side of a detector pixel [arcsec].
        subgrid
            Sub-pixels along the side of a pixel.
        radius
            Largest distance [arcsec] of pixels in the result along each axis.

        Returns
        -------
        Shape (n, n), n = (2 R + 1) * subgrid, R = round(radius / pixel_scale): entry (dy * subgrid + i, dx * subgrid + j) is the
        fraction of the flux of a point at sub-pixel (i, j) of pixel (dy - R, dx - R) that pixel (0, 0) collects. The fractions of a point
        in all pixels sum to 1, for every sub-pixel position.
        """
        reach = round(radius / pixel_scale)
        step = pixel_scale / subgrid
        n = (2 * reach + 1) * subgrid
        offset: FloatArray = (np.arange(n) - (n - 1) / 2) * step
        # The point at `offset` is seen by the pixel at 0 through the PSF at -offset.
        table = self._collected(-offset, pixel_scale).reshape(2 * reach + 1, subgrid, 2 * reach + 1, subgrid)
        table = table / table.sum(axis=(0, 2), keepdims=True)
        return table.reshape(n, n)

    def _collected(self, offset: FloatArray, pixel_scale: float) -> FloatArray:
        """Light per pixel at pixel-to-point offsets (y, x) in the outer product of `offset` [arcsec]."""
        fine = self._interpolator()
        if self.kind == "effective":
            return fine(offset[::-1], offset[::-1])[::-1, ::-1]
        n = max(4, int(np.ceil(2 * pixel_scale / self.pixel_scale)))
        nodes, weights = np.polynomial.legendre.leggauss(min(n, 16))
        points = (offset[:, None] + nodes * pixel_scale / 2).ravel()
        order = np.argsort(points)
        values = np.empty((points.size, points.size))
        values[np.ix_(order, order)] = fine(points[order], points[order])
        blocks = values.reshape(offset.size, nodes.size, offset.size, nodes.size)
        return np.einsum("anbm,n,m->ab", blocks, weights, weights) / 4

    def _interpolator(self) -> _Interpolator:
        return _Interpolator(self.image, self.pixel_scale)


class _Interpolator:
    """Cubic spline through a PSF image; zero outside it."""

    def __init__(self, image: FloatArray, pixel_scale: float) -> None:
        from scipy.interpolate import RectBivariateSpline  # half a second to import, and few processes interpolate

        # A ring of zeros lets the spline come down to nothing at the edge instead of stopping short.
        padded = np.pad(image, 1)
        y, x = ((np.arange(n) - (n - 1) / 2) * pixel_scale for n in padded.shape)
        degree = min(3, padded.shape[0] - 1, padded.shape[1] - 1)
        self.spline = RectBivariateSpline(y, x, padded, kx=degree, ky=degree)
        self.reach = y[-1], x[-1]

    def __call__(self, y: FloatArray, x: FloatArray) -> FloatArray:
        values = self.spline(np.clip(y, -self.reach[0], self.reach[0]), np.clip(x, -self.reach[1], self.reach[1]))
        return np.where((np.abs(y) < self.reach[0])[:, None] & (np.abs(x) < self.reach[1])[None, :], values, 0.0)
