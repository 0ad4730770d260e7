"""Fluxes of a fit's model: how bright lens and source are, and how much the lens magnifies.

    source         F_s = sum over SOURCE of S(beta) (pixel of SOURCE)^2
    lensed source  F_i = sum over the stamp of S(beta(theta)) (sub-pixel)^2
    magnification  F_i / F_s

Lensing keeps surface brightness (Schneider, Ehlers & Falco 1992, section 5.2), so that both are integrals of the same S: the source on its
regular grid, 0 beyond it. F_i is traced anew over the whole stamp, without the PSF, and not taken from the mask's pixels, which miss the
wings. Magnitudes are AB: zero point - 2.5 log10 F.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import map_coordinates

from lenssbi.arrays import FloatArray, pixel_grid
from lenssbi.dataset.stamp import Stamp
from lenssbi.refinement.likelihood import deflectors
from lenssbi.refinement.result import BestModel, SourceImage

UNITS = {"magnification": "", "mag_lens_light": "mag", "mag_lensed_source": "mag", "mag_source": "mag"}
SUBGRID = 5  # sub-pixels along the side of a pixel of the stamp


class Photometry(NamedTuple):
    """Of the model of the highest likelihood; NaN where something is not known or not positive.

    Parameters
    ----------
    magnification
        Flux of the lensed source over that of the source.
    mag_lens_light, mag_lensed_source, mag_source
        AB magnitudes of the lens light within the stamp, of the source through the lens, and of the source itself.
    """

    magnification: float
    mag_lens_light: float
    mag_lensed_source: float
    mag_source: float


def photometry(stamp: Stamp, best: BestModel, lens_light: FloatArray | None) -> Photometry:
    """Measure a model.

    Parameters
    ----------
    stamp
        The stamp, for its field and its zero point.
    best
        The model.
    lens_light
        The lens' light [unit], shape (y, x); None if there is none.
    """
    source = source_flux(best.source)
    lensed = lensed_flux(stamp, best)
    light = 0.0 if lens_light is None else float(np.nansum(lens_light))
    magnification = lensed / source if source > 0 and lensed > 0 else float("nan")
    return Photometry(magnification, *(_magnitude(flux, stamp.zero_point) for flux in (light, lensed, source)))


def source_flux(source: SourceImage) -> float:
    """Flux of a source on its grid [unit]."""
    step_x, step_y = _steps(source)
    return float(np.nansum(source.image)) * step_x * step_y


def lensed_flux(stamp: Stamp, best: BestModel) -> float:
    """Flux of the source through the lens, within the stamp [unit]."""
    source = best.source
    step_x, step_y = _steps(source)
    beta = deflectors(best.params).source_angle(pixel_grid(stamp.shape, stamp.pixel_scale, SUBGRID))
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
