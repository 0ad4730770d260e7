"""The light of the lens beside a source: its Gaussians as columns of a linear system, and its fit without the source."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lenssbi.arrays import FloatArray
from lenssbi.dataset.stamp import Stamp
from lenssbi.light.blurred import BlurredGaussians
from lenssbi.light.mge import LensLightFit, fit_lens_light

SUBGRID, PSF_RADIUS = 2, 1.0  # [arcsec]: those with which the light was fitted


class LightShape(NamedTuple):
    """The Gaussians of a lens light without their amplitudes.

    Parameters
    ----------
    sigmas
        Widths on the intermediate axis [arcsec], shape (gaussian,).
    q, phi
        Axis ratio and position angle [rad] of each ellipse, shape (ellipse,).
    centre
        Centre of the light [arcsec].
    """

    sigmas: FloatArray
    q: FloatArray
    phi: FloatArray
    centre: complex


def light_columns(light: LensLightFit | LightShape, stamp: Stamp) -> FloatArray:
    """Images of all Gaussians of all ellipses of a lens light, shape (ellipse * gaussian, ny, nx) [flux per pixel for unit flux].

    Parameters
    ----------
    light
        Fit of the lens light; its widths, ellipses and centre are kept, its amplitudes are not used.
    stamp
        Stamp that it was fitted to.
    """
    response = stamp.psf.response(stamp.pixel_scale, SUBGRID, PSF_RADIUS)
    blur = BlurredGaussians(response, SUBGRID, stamp.pixel_scale, stamp.shape)
    ellipses = zip(light.q, light.phi, strict=True)
    return np.concatenate([blur.columns(light.sigmas, float(q), float(phi), light.centre) for q, phi in ellipses])


def refitted(light: LensLightFit, stamp: Stamp, source: FloatArray, mask: NDArray[np.bool_]) -> LensLightFit:
    """The light of a lens fitted anew where a model of the source is known, which then need not be clipped.

    Parameters
    ----------
    light
        Fit of the lens light without a source.
    stamp
        Stamp with the lens light.
    source
        Light of the source [flux/pixel], shape (y, x); NaN for pixels in which it is not known.
    mask
        True for pixels without light of other galaxies, shape (y, x).
    """
    response = stamp.psf.response(stamp.pixel_scale, SUBGRID, PSF_RADIUS)
    blur = BlurredGaussians(response, SUBGRID, stamp.pixel_scale, stamp.shape)
    image = stamp.image - np.nan_to_num(source)
    return fit_lens_light(image, stamp.noise, stamp.mask & mask, blur, start=light)
