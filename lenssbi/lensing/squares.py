"""The deflection of a map of mass: uniform squares, one per pixel, summed by FFT.

A square of side 1 and convergence 1 deflects by

    alpha(z) = (1 / pi) [G(x, y) + i G(y, x)] over its corners,   G(x, y) = y ln(x^2 + y^2) / 2 + x arctan(y / x),

and at large distances, where the four terms cancel, by its multipoles: conj(alpha) = (1 / pi) (1 / z - 1 / (60 z^5) + 1 / (720 z^9) - ...).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import fft

from lenssbi.arrays import Array, ComplexArray, FloatArray, pixel_grid

FAR = 8.0  # [sides of a square] from which on its multipoles are accurate to 1e-14


def deflections_of_maps(
    kappas: Sequence[Array], pixel_scales: Sequence[float], beyond: int
) -> tuple[list[ComplexArray], FloatArray]:
    """Deflection [arcsec] of maps of convergence at the pixels' centres and at `beyond` more of them on each side.

    Parameters
    ----------
    kappas
        Maps of one shape (ny, nx), row 0 at the bottom.
    pixel_scales
        Side of a pixel of each [arcsec].
    beyond
        Pixels added on each side.

    Returns
    -------
    Deflections of shape (ny + 2 beyond, nx + 2 beyond), and the integrals of the convergence over pi [arcsec^2], shape (n,).

    Raises
    ------
    ValueError
        If the maps differ in shape, are not maps, or have values that are not finite.
    """
    maps = [np.asarray(kappa, float) for kappa in kappas]
    if len({kappa.shape for kappa in maps}) != 1 or maps[0].ndim != 2 or len(maps) != len(pixel_scales):
        raise ValueError(f"maps of one shape (ny, nx), each with a scale, are needed, got {[m.shape for m in maps]}")
    if not all(np.isfinite(kappa).all() for kappa in maps):
        raise ValueError("a map of convergence has values that are not finite")
    ny, nx = maps[0].shape
    kernel = unit_square(pixel_grid((2 * (ny + beyond) - 1, 2 * (nx + beyond) - 1), 1.0))
    # As long as the kernel, so that only outputs that are cut off below wrap around.
    size = [fft.next_fast_len(length) for length in kernel.shape]
    kernel = fft.fft2(kernel, size)
    alphas = []
    for kappa, scale in zip(maps, pixel_scales, strict=True):
        whole = fft.ifft2(kernel * fft.fft2(kappa, size))
        alphas.append(scale * whole[ny - 1 : 2 * (ny + beyond) - 1, nx - 1 : 2 * (nx + beyond) - 1])
    return alphas, np.array([kappa.sum() * scale**2 / np.pi for kappa, scale in zip(maps, pixel_scales, strict=True)])


def unit_square(z: ComplexArray) -> ComplexArray:
    """Deflection by a square of side 1 and convergence 1 around 0 at `z` (any shape), in units of its side."""
    near = np.abs(z) < FAR
    far = np.where(near, FAR, z)
    power = far**-4
    alpha = np.where(near, 0, np.conj(1 / far * (1 + power * (-1 / 60 + power / 720))) / np.pi)
    for sign_x, sign_y in ((1, 1), (-1, -1), (1, -1), (-1, 1)):
        x, y = z[near].real + sign_x / 2, z[near].imag + sign_y / 2
        alpha[near] += sign_x * sign_y * (_corner(x, y) + 1j * _corner(y, x)) / np.pi
    return alpha


def _corner(x: FloatArray, y: FloatArray) -> FloatArray:
    """Its derivative by x and y is x / (x^2 + y^2)."""
    squared = x**2 + y**2
    log = np.log(np.where(squared == 0, 1, squared))
    return y / 2 * log + x * np.arctan(np.divide(y, x, out=np.zeros_like(x), where=x != 0))
