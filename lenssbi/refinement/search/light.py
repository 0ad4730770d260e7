"""The light of the lens as columns of a linear system: the Gaussians of a fit to it, each of unit flux behind the PSF."""

from __future__ import annotations

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.dataset.stamp import Stamp
from lenssbi.light.blurred import GaussianBlur
from lenssbi.light.mge import LensLightFit

SUBGRID, PSF_RADIUS = 2, 1.0  # [arcsec]: those with which the light was fitted


def light_columns(light: LensLightFit, stamp: Stamp) -> FloatArray:
    """Images of all Gaussians of all ellipses of a lens' light, shape (ellipse * gaussian, ny, nx) [flux per pixel for unit flux].

    Parameters
    ----------
    light
        The fit: its widths, ellipses and centre are kept, its amplitudes are not used.
    stamp
        The stamp that it was fitted to.
    """
    response = stamp.psf.response(stamp.pixel_scale, SUBGRID, PSF_RADIUS)
    blur = GaussianBlur(response, SUBGRID, stamp.pixel_scale, stamp.shape)
    ellipses = zip(light.q, light.phi, strict=True)
    return np.concatenate([blur.columns(light.sigmas, float(q), float(phi), light.centre) for q, phi in ellipses])
