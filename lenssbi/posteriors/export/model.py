"""The model of a fit for export: one lens, its source, and the lens' light."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.instrument import PSF


@dataclass(frozen=True)
class FittedModel:
    """The model of the highest likelihood of a fit.

    Parameters
    ----------
    params
        Parameters, by lenssbi's names.
    source
        The source [unit/arcsec^2], shape (y, x), row 0 at the bottom; NaN where it is unknown.
    extent
        Left, right, bottom and top of that image in the source plane [arcsec].
    pixel_scale
        Side of a pixel of the stamp [arcsec].
    shape
        Pixels (y, x) of the stamp.
    psf
        The point spread function.
    lens_light
        Light of the lens as observed, that is, blurred [unit], shape (y, x); None if there is none.
    """

    params: Mapping[str, float]
    source: FloatArray
    extent: tuple[float, float, float, float]
    pixel_scale: float
    shape: tuple[int, int]
    psf: PSF
    lens_light: FloatArray | None = None

    def square_source(self) -> tuple[FloatArray, tuple[float, float, float, float], float]:
        """The source in square pixels, 0 where it is unknown, with its extent and the side of a pixel [arcsec].

        Raises
        ------
        ValueError
            If its pixels are not square.
        """
        left, right, bottom, top = self.extent
        ny, nx = self.source.shape
        step = (right - left) / nx
        if abs((top - bottom) / ny - step) > 1e-6 * step:
            raise ValueError(f"the pixels of the source are {step:g} x {(top - bottom) / ny:g} arcsec, not square")
        return np.nan_to_num(self.source), self.extent, step
