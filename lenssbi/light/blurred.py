"""Gaussians behind a PSF, fast enough to be refitted hundreds of times.

Both the light and its Fourier transform are known in closed form,

    N^(k) = exp(-2 pi^2 sigma^2 (q k_u^2 + k_v^2 / q)),

u along the major axis and sigma on the intermediate one, so that narrow Gaussians of any width, points included, are blurred exactly, on
the frequencies of the sub-grid of the PSF. A Gaussian much wider than the PSF depends
only on the PSF's second moments: it stays a Gaussian, and needs no Fourier transform with its wrapped edges.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import fft

from lenssbi.arrays import FloatArray, pixel_grid

WIDE = 6.0  # [pixels]: at this width the Gaussian approximation misses 0.7 per cent of its own peak behind Euclid's PSF, and less above
REACH = 40  # [pixels]: half the side of the box for narrow Gaussians
SIDE = 2 * REACH + 1


@dataclass(frozen=True)
class BlurredGaussians:
    """Elliptical Gaussians as detector pixels see them.

    Parameters
    ----------
    response
        Fraction of a point's light that a detector pixel collects, on the sub-grid (`instrument.psf.PSF.response`), shape (n, n).
    subgrid
        Sub-pixels along the side of a pixel.
    pixel_scale
        Side of a pixel [arcsec].
    shape
        Pixels (ny, nx) of the image, both larger than one.
    """

    response: FloatArray
    subgrid: int
    pixel_scale: float
    shape: tuple[int, int]

    def columns(self, sigmas: FloatArray, q: float, phi: float, centre: complex) -> FloatArray:
        """Images of unit flux.

        Parameters
        ----------
        sigmas
            Widths on the intermediate axis [arcsec], shape (n,), ascending.
        q, phi
            Axis ratio and position angle [rad].
        centre
            Centre [arcsec], complex.

        Returns
        -------
        Shape (n, ny, nx) [flux per pixel].
        """
        split = int(np.searchsorted(sigmas, WIDE * self.pixel_scale))
        narrow = self._narrow(sigmas[:split], q, phi, centre)
        return np.concatenate([narrow, self._wide(sigmas[split:], q, phi, centre)])

    def _wide(self, sigmas: FloatArray, q: float, phi: float, centre: complex) -> FloatArray:
        mean, blur = self._moments
        delta = (pixel_grid(self.shape, self.pixel_scale) - centre - mean) * np.exp(-1j * phi)
        turn = np.array([[np.cos(phi), np.sin(phi)], [-np.sin(phi), np.cos(phi)]])
        blur = turn @ blur @ turn.T
        images = []
        for sigma in sigmas:
            covariance = sigma**2 * np.diag([1 / q, q]) + blur
            inverse = np.linalg.inv(covariance)
            power = inverse[0, 0] * delta.real**2 + 2 * inverse[0, 1] * delta.real * delta.imag
            power += inverse[1, 1] * delta.imag**2
            peak = self.pixel_scale**2 / (2 * np.pi * np.sqrt(np.linalg.det(covariance)))
            images.append(peak * np.exp(-power / 2))
        return np.reshape(images, (len(sigmas), *self.shape))

    def _narrow(self, sigmas: FloatArray, q: float, phi: float, centre: complex) -> FloatArray:
        images = np.zeros((len(sigmas), *self.shape))
        middle = (np.array(self.shape) - 1) / 2 + np.array([centre.imag, centre.real]) / self.pixel_scale
        row, column = (round(m) for m in middle)
        box_centre = (column - (self.shape[1] - 1) / 2) + 1j * (row - (self.shape[0] - 1) / 2)
        offset = centre - box_centre * self.pixel_scale
        rows, from_rows = _overlap(row, self.shape[0])
        columns, from_columns = _overlap(column, self.shape[1])
        ky, kx, transfer = self._transfer
        seen = transfer * np.exp(-2j * np.pi * ky * offset.imag)[:, None] * np.exp(-2j * np.pi * kx * offset.real)
        turned = (kx + 1j * ky[:, None]) * np.exp(-1j * phi)
        square = -2 * np.pi**2 * (turned.real**2 / q + turned.imag**2 * q)
        for image, sigma in zip(images, sigmas, strict=True):
            # Sampling at the pixels folds the sub-grid's frequencies onto the pixels'.
            spectrum = (seen * np.exp(sigma**2 * square)).reshape(self.subgrid, SIDE, self.subgrid, -1).sum(axis=(0, 2))
            box = np.roll(fft.irfft2(spectrum, (SIDE, SIDE)), (REACH, REACH), (0, 1))
            image[rows, columns] = box[from_rows, from_columns]
        return images

    @cached_property
    def _transfer(self) -> tuple[FloatArray, FloatArray, np.ndarray]:
        """Frequencies ky, kx [1/arcsec] and the response's Fourier transform on them; its value at 0 is 1.

        Images are real: the pixels' non-negative frequencies along x, and what folds onto them, are enough.
        """
        step = self.pixel_scale / self.subgrid
        ky: FloatArray = np.asarray(fft.fftfreq(SIDE * self.subgrid, step), dtype=float)
        kx = ky.reshape(self.subgrid, SIDE)[:, : REACH + 1].ravel()
        n = self.response.shape[0]
        offsets = (np.arange(n) - (n - 1) / 2) * step
        # The pixel at p sees the point at s through response[s - p]: the blurring kernel is its mirror image.
        along_y, along_x = (np.exp(2j * np.pi * np.outer(k, offsets)) for k in (ky, kx))
        return ky, kx, along_y @ self.response @ along_x.T / self.subgrid**2

    @cached_property
    def _moments(self) -> tuple[complex, FloatArray]:
        """Mean [arcsec] and covariance [arcsec^2], shape (2, 2), ordered (x, y), of the blurring kernel."""
        n = self.response.shape[0]
        x = -(np.arange(n) - (n - 1) / 2) * self.pixel_scale / self.subgrid
        weight = self.response / self.response.sum()
        along_x, along_y = weight.sum(0), weight.sum(1)
        mean_x, mean_y = along_x @ x, along_y @ x
        xx, yy = along_x @ x**2 - mean_x**2, along_y @ x**2 - mean_y**2
        xy = x @ weight @ x - mean_x * mean_y
        return complex(mean_x, mean_y), np.array([[xx, xy], [xy, yy]])


def _overlap(middle: int, size: int) -> tuple[slice, slice]:
    """The part of an image of `size` pixels that the box around pixel `middle` covers, and the same part of the box."""
    first, last = (min(max(edge, 0), size) for edge in (middle - REACH, middle + REACH + 1))
    offset = REACH - middle
    return slice(first, last), slice(first + offset, last + offset) if last > first else slice(0, 0)
