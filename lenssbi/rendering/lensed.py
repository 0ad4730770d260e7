"""A lensed source as a GalSim object.

`Lensed` samples the lensed brightness (`rendering/brightness.py`) in cells finer than the pixels and hands it to GalSim's
`InterpolatedImage`, so that GalSim convolves, draws and adds noise as for any object.

GalSim interpolates the image's Fourier transform, at a cost of up to one per cent of the peak, unless the image is padded to four times
its side, which takes 30 ms, or to a multiple of the side of the grid on which GalSim draws, where interpolation is not needed:
`exact_padding` finds it, and a stamp takes 1 ms.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import galsim
import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.lensing import Deflector
from lenssbi.light import LightProfile
from lenssbi.rendering.brightness import SkyPatch, cell_brightness
from lenssbi.rendering.scene import scene

PADDING = 4.0  # GalSim's default


class Lensed(galsim.InterpolatedImage):
    """A source behind a deflector.

    Parameters
    ----------
    source
        Components of the source; their fluxes set the unit.
    mass
        Deflector, or None for unlensed light.
    field
        Field and cells to sample.
    gsparams
        GalSim's accuracy parameters.
    pad_factor
        Ratio of the padded side to that of the image.
    """

    def __init__(
        self,
        source: Sequence[LightProfile],
        mass: Deflector | None,
        field: SkyPatch,
        gsparams: galsim.GSParams | None = None,
        pad_factor: float = PADDING,
    ) -> None:
        self.components, self.mass, self.field = tuple(source), mass, field
        cells = cell_brightness(scene(self.components, mass, 1), field)[0].numpy().astype(float)
        super().__init__(**_interpolated(cells * field.cell**2, field, pad_factor), gsparams=gsparams)


def exact_padding(field: SkyPatch, psf: galsim.GSObject) -> float:
    """The smallest padding with which GalSim draws a `Lensed` of a field behind a PSF on the field's own pixels without interpolating.

    PADDING if there is none below it (for sides without a fast Fourier transform).
    """
    n, side = field.oversampling, max(field.shape)
    flat = galsim.InterpolatedImage(**_interpolated(np.ones([n * pixels for pixels in field.shape]), field, 1.0))
    seen = galsim.Convolve(flat, psf)
    drawn = galsim.Image.good_fft_size(max(seen.getGoodImageSize(field.pixel_scale), side))
    drawn = max(drawn, seen.gsparams.minimum_fft_size)
    for multiple in range(1, int(PADDING * side / drawn) + 1):
        whole = multiple * drawn * n
        if galsim.Image.good_fft_size(whole) == whole:
            return (whole - 0.5) / (n * side)  # GalSim rounds up
    return PADDING


def _interpolated(flux_per_cell: FloatArray, field: SkyPatch, pad_factor: float) -> dict[str, Any]:
    """Arguments of GalSim's InterpolatedImage; computing stepk and maxk would take ten times as long and change no printed digit."""
    return {
        "image": galsim.Image(flux_per_cell, scale=field.cell),
        "x_interpolant": "lanczos5",
        "normalization": "flux",
        "pad_factor": pad_factor,
        "calculate_stepk": False,
        "calculate_maxk": False,
    }
