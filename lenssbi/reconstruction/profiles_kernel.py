"""The arithmetic of `profiles.py`, compiled: the light of elliptical Gaussians at traced sub-pixels, and its blurring by the PSF.

A sub-pixel collects the light of a small parallelogram of the source plane, spanned by its traced sides x and y. Averaged over
it, a Gaussian of covariance sigma^2 E is to second order the Gaussian of covariance

    sigma^2 E + c W,    W = (x x^T + y y^T) / 12,    c = 1 + EXCESS exp(-sigma^2 / (EXCESS lambda)),

with c = 1. But a box is not a Gaussian, and the samples of a Gaussian narrower than 0.4 sub-pixels do not add up to its flux; c
widens it to about that width (lambda is the largest eigenvalue of E^-1 W), so that the flux is accurate to 6 per cent at any place and
magnification. E has the determinant 1, and with its adjugate E' (W' that of W) no matrix is inverted:

    det(sigma^2 E + W) = sigma^4 + sigma^2 tr(E' W) + det W,    b^T (sigma^2 E + W)^-1 b = (sigma^2 b^T E' b + b^T W' b) / det.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from lenssbi.arrays import ComplexArray, FloatArray
from lenssbi.reconstruction.imaging import TILE, Tiles

WIDTH = TILE**2
EXCESS = 1.16  # 12 * 0.18 - 1: a variance of 0.18 sub-pixels^2 in all
DARK = 25.0  # exponents beyond this are neglected: 1e-11 of the peak
REORDER = {"reassoc", "contract"}


class Traced(NamedTuple):
    """Traced sub-pixels: centres `beta`, shape (pixel, sub-pixel), and the half-axes of their smear, shape (pixel,).

    W = x x^T + y y^T with `x`, `y` as vectors [arcsec]. `excess` is EXCESS, or 0 if W smears more than the spacing of the samples.
    """

    beta: ComplexArray
    x: ComplexArray
    y: ComplexArray
    excess: float


@njit(cache=True, nogil=True)
def smeared(beta: ComplexArray, subgrid: int, padded: int) -> Traced:
    """Traced angles (n_sub,) as `Traced`, sub-pixels filled up to `padded` with NaN, which `gaussians` treats as dark."""
    sub = subgrid**2
    pixels = beta.size // sub
    centres = np.full((pixels, padded), complex(np.nan, np.nan))
    x, y = np.empty(pixels, np.complex128), np.empty(pixels, np.complex128)
    factor = 1 / (np.sqrt(12.0) * subgrid * (subgrid - 1)) if subgrid > 1 else 0.0
    for m in range(pixels):
        x[m] = y[m] = 0
        for s in range(sub):
            b = beta[m * sub + s]
            centres[m, s] = b
            column, row = s % subgrid, s // subgrid
            x[m] += ((column == subgrid - 1) - 1.0 * (column == 0)) * b
            y[m] += ((row == subgrid - 1) - 1.0 * (row == 0)) * b
        x[m] *= factor
        y[m] *= factor
    return Traced(centres, x, y, EXCESS)


@njit(cache=True, nogil=True)
def _widening(square: float, excess: float, trace: float, det: float) -> float:
    """c of a Gaussian with sigma^2 = `square`, from trace and determinant of E^-1 W."""
    largest = 0.5 * (trace + np.sqrt(max(trace * trace - 4 * det, 0.0)))
    if not excess * largest > 0:
        return 1.0
    u = square / (excess * largest)
    return 1 + excess / (1 + u * (1 + u * (0.5 + u / 6)))  # the series of exp(u): accurate enough, and faster


@njit(cache=True, nogil=True, fastmath=REORDER)
def gaussians(
    traced: Traced, centre: complex, stretch: complex, sigmas: FloatArray, light: FloatArray, count: NDArray[Any]
) -> None:
    """Surface brightness of Gaussians of unit flux [1/arcsec^2] into `light`, shape (pixel, gaussian, sub-pixel).

    `sigmas`, shape (gaussian,), descend. `count`, shape (pixel,): number of Gaussians with light there; `light` of the others is not set.
    """
    n, sub = sigmas.size, traced.beta.shape[1]
    wider = np.empty(n)
    g = np.sqrt(1 + abs(stretch) ** 2)
    xx, xy, yy = g - stretch.real, -stretch.imag, g + stretch.real  # E'
    for m in range(traced.beta.shape[0]):
        ax, ay, bx, by = traced.x[m].real, traced.x[m].imag, traced.y[m].real, traced.y[m].imag
        wxx, wxy, wyy = ay * ay + by * by, -(ax * ay + bx * by), ax * ax + bx * bx  # W'
        trace = xx * wyy - 2 * xy * wxy + yy * wxx
        det_w = wxx * wyy - wxy * wxy
        for j in range(n):
            wider[j] = _widening(sigmas[j] ** 2, traced.excess, trace, det_w)
        alive = 0
        for s in range(sub):
            d = traced.beta[m, s] - centre
            e_form = xx * d.real**2 + 2 * xy * d.real * d.imag + yy * d.imag**2
            w_form = wxx * d.real**2 + 2 * wxy * d.real * d.imag + wyy * d.imag**2
            shining = 0
            for j in range(n):
                square, c = sigmas[j] ** 2, wider[j]
                det = square * (square + c * trace) + c * c * det_w
                power = 0.5 * (square * e_form + c * w_form) / det
                if not power < DARK:  # the narrower ones are darker still
                    break
                value = np.exp(-power) / (2 * np.pi * np.sqrt(det))
                if j >= alive:
                    light[m, j] = 0.0
                    alive = j + 1
                light[m, j, s] = value
                shining += 1
            for j in range(shining, alive):
                light[m, j, s] = 0.0
        count[m] = alive


@njit(cache=True, nogil=True, fastmath=REORDER)
def gradients(
    traced: Traced, centre: complex, stretch: complex, sigmas: FloatArray, fluxes: FloatArray, slopes: FloatArray
) -> None:
    """Derivatives of the light of Gaussians with these fluxes into `slopes`, shape (pixel, 4, sub-pixel).

    By beta's real and imaginary part [1/arcsec], and by the stretch's. The smear c W is held fixed.
    """
    g = np.sqrt(1 + abs(stretch) ** 2)
    u, v = stretch.real, stretch.imag
    xx, xy, yy = g - u, -v, g + u
    wider = np.empty(sigmas.size)
    slopes[:] = 0.0
    for m in range(traced.beta.shape[0]):
        ax, ay, bx, by = traced.x[m].real, traced.x[m].imag, traced.y[m].real, traced.y[m].imag
        wxx, wxy, wyy = ay * ay + by * by, -(ax * ay + bx * by), ax * ax + bx * bx
        trace = xx * wyy - 2 * xy * wxy + yy * wxx
        trace_u, trace_v = (u / g - 1) * wyy + (u / g + 1) * wxx, v / g * (wxx + wyy) + 2 * wxy
        det_w = wxx * wyy - wxy * wxy
        for j in range(sigmas.size):
            wider[j] = _widening(sigmas[j] ** 2, traced.excess, trace, det_w)
        for s in range(traced.beta.shape[1]):
            d = traced.beta[m, s] - centre
            x, y = d.real, d.imag
            e_form = xx * x**2 + 2 * xy * x * y + yy * y**2
            w_form = wxx * x**2 + 2 * wxy * x * y + wyy * y**2
            form_u, form_v = (u / g - 1) * x**2 + (u / g + 1) * y**2, v / g * (x**2 + y**2) - 2 * x * y
            for j in range(sigmas.size):
                square, c = sigmas[j] ** 2, wider[j]
                det = square * (square + c * trace) + c * c * det_w
                power = 0.5 * (square * e_form + c * w_form) / det
                if not power < DARK:
                    break
                value = fluxes[j] * np.exp(-power) / (2 * np.pi * np.sqrt(det)) / det
                slopes[m, 0, s] -= value * (square * (xx * x + xy * y) + c * (wxx * x + wxy * y))
                slopes[m, 1, s] -= value * (square * (xy * x + yy * y) + c * (wxy * x + wyy * y))
                slopes[m, 2, s] += value * square * ((power - 0.5) * c * trace_u - 0.5 * form_u)
                slopes[m, 3, s] += value * square * ((power - 0.5) * c * trace_v - 0.5 * form_v)


@njit(cache=True, nogil=True, fastmath=REORDER)
def turned(slopes: FloatArray, moved: ComplexArray, light: FloatArray, count: NDArray[Any]) -> None:
    """Derivatives of the light by parameters that move beta by `moved`, shape (parameter, pixel), into `light` as `gaussians` does."""
    for m in range(slopes.shape[0]):
        count[m] = 0
        for s in range(slopes.shape[2]):
            if slopes[m, 0, s] != 0 or slopes[m, 1, s] != 0:
                count[m] = moved.shape[0]
        for j in range(count[m]):
            for s in range(slopes.shape[2]):
                light[m, j, s] = slopes[m, 0, s] * moved[j, m].real + slopes[m, 1, s] * moved[j, m].imag


@njit(cache=True, nogil=True, fastmath=REORDER)
def observed(tiles: Tiles, light: FloatArray, count: NDArray[Any], rows: FloatArray) -> None:
    """Blurred light in units of the noise, written into `rows`, shape (column, tile, 16)."""
    n, sub = light.shape[1], light.shape[2]
    block = np.empty((n, WIDTH))
    width = block.shape[1]  # deliberately not a constant: LLVM would unroll the inner loop and then not vectorise it
    for t in range(tiles.start.size - 1):
        block[:] = 0.0
        for e in range(tiles.start[t], tiles.start[t + 1]):
            slot, m = tiles.slot[e], tiles.pixel[e]
            for chunk in range(sub // 4):
                s = 4 * chunk
                for j in range(count[m]):
                    w0, w1, w2, w3 = light[m, j, s], light[m, j, s + 1], light[m, j, s + 2], light[m, j, s + 3]
                    for p in range(width):
                        block[j, p] += (
                            w0 * tiles.kernel[slot, s, p]
                            + w1 * tiles.kernel[slot, s + 1, p]
                            + w2 * tiles.kernel[slot, s + 2, p]
                            + w3 * tiles.kernel[slot, s + 3, p]
                        )
        for j in range(n):
            for p in range(width):
                rows[j, t, p] = block[j, p] * tiles.weight[t, p]
