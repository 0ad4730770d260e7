"""Fluxes of a fit's model: how bright lens and source are, how much the lens magnifies, and how large the source is.

    source         F_s = sum over SOURCE of S(beta) (pixel of SOURCE)^2
    lensed source  F_i = sum over the stamp of S(beta(theta)) (sub-pixel)^2
    magnification  F_i / F_s

Lensing keeps surface brightness (Schneider, Ehlers & Falco 1992, section 5.2), so that both are integrals of the same S: the source on its
regular grid, 0 beyond it. F_i is traced anew over the whole stamp, without the PSF, and not taken from the mask's pixels, which miss the
wings. Magnitudes are AB: zero point - 2.5 log10 F.

The half-light radius of the source is the radius of the circle with the area of the brightest pixels that hold half of F_s. Of a source
whose isophotes are ellipses of one shape it is the half-light radius along the intermediate axis, sqrt(a b), as "circularised" radii are.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import map_coordinates

from lenssbi.arrays import FloatArray, pixel_grid
from lenssbi.dataset.stamp import Stamp
from lenssbi.refinement.result import LensModel, SourceImage

SIZE, SIZE_KPC = "source_half_light_radius", "source_half_light_radius_kpc"
UNITS = {"magnification": "", "mag_lens_light": "mag", "mag_lensed_source": "mag", "mag_source": "mag"}
UNITS |= {SIZE: "arcsec", SIZE_KPC: "kpc"}
SUBGRID = 5  # sub-pixels along the side of a pixel of the stamp


class Photometry(NamedTuple):
    """Of one model; NaN where something is not known or not positive.

    Parameters
    ----------
    magnification
        Flux of the lensed source over that of the source.
    mag_lens_light, mag_lensed_source, mag_source
        AB magnitudes of the lens light within the stamp, of the source through the lens, and of the source itself.
    source_half_light_radius
        Radius of the circle with the area of the brightest part of the source, with half of its flux [arcsec].
    """

    magnification: float
    mag_lens_light: float
    mag_lensed_source: float
    mag_source: float
    source_half_light_radius: float


def photometry(stamp: Stamp, best: LensModel, lens_light: FloatArray | None) -> Photometry:
    """Measure a model.

    Parameters
    ----------
    stamp
        Stamp, for its field and its zero point.
    best
        Model.
    lens_light
        Lens light [unit of the stamp], shape (y, x); None if there is none.
    """
    source = source_flux(best.source)
    lensed = lensed_flux(stamp, best)
    light = 0.0 if lens_light is None else float(np.nansum(lens_light))
    magnification = lensed / source if source > 0 and lensed > 0 else float("nan")
    magnitudes = [_magnitude(flux, stamp.zero_point) for flux in (light, lensed, source)]
    return Photometry(magnification, magnitudes[0], magnitudes[1], magnitudes[2], half_light_radius(best.source))


def source_flux(source: SourceImage) -> float:
    """Flux of a source on its grid [unit]."""
    step_x, step_y = _steps(source)
    return float(np.nansum(source.image)) * step_x * step_y


def half_light_radius(source: SourceImage) -> float:
    """Radius of the circle with the area of the brightest pixels that hold half of a source's flux [arcsec]; NaN without flux."""
    brightness = np.sort(np.nan_to_num(source.image), axis=None)[::-1]
    growth = np.concatenate([[0.0], np.cumsum(brightness)])
    if not growth[-1] > 0:
        return float("nan")
    last = int(np.argmax(growth >= 0.5 * growth[-1]))  # the curve rises until the pixels are negative
    count = last - (growth[last] - 0.5 * growth[-1]) / brightness[last - 1]
    step_x, step_y = _steps(source)
    return float(np.sqrt(count * step_x * step_y / np.pi))


def lensed_flux(stamp: Stamp, best: LensModel) -> float:
    """Flux of the source through the lens, within the stamp [unit]."""
    source = best.source
    step_x, step_y = _steps(source)
    beta = best.lens.source_angle(pixel_grid(stamp.shape, stamp.pixel_scale, SUBGRID))
    x, y = (beta.real - source.extent[0]) / step_x - 0.5, (beta.imag - source.extent[2]) / step_y - 0.5
    # linear between the pixels, so that the integral over the source plane is the sum of the pixels
    light = map_coordinates(np.nan_to_num(source.image), np.stack([y, x]), order=1, mode="grid-constant")
    return float(light.sum()) * (stamp.pixel_scale / SUBGRID) ** 2


def _steps(source: SourceImage) -> tuple[float, float]:
    """Sides of a pixel of the source's grid [arcsec]."""
    ny, nx = source.image.shape
    left, right, bottom, top = source.extent
    return (right - left) / nx, (top - bottom) / ny


def _magnitude(flux: float, zero_point: float | None) -> float:
    return zero_point - 2.5 * float(np.log10(flux)) if zero_point is not None and flux > 0 else float("nan")
