"""Stamp in, stamp without the lens light out.

What is subtracted is a multi-Gaussian expansion behind the stamp's PSF (`light/mge.py`); where it cannot follow the core of a bright
lens, the noise grows by what it misses. Fits, and networks that were trained without lens galaxies, are shown the source alone, with the
noise that the sky has. Networks that were trained on observed stamps are shown the stamp as it was read.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from scipy import ndimage

from lenssbi.arrays import pixel_grid
from lenssbi.dataset.background import subtract_sky
from lenssbi.dataset.stamp import Stamp
from lenssbi.light.blurred import BlurredGaussians
from lenssbi.light.lens_light_options import LensLightOptions
from lenssbi.light.mge import LensLightFit, fit_lens_light
from lenssbi.refinement.observation import with_honest_noise
from lenssbi.status import ItemError, Status

SUBGRID = 2  # the PSF of a Nyquist-sampled stamp needs no finer one (checked: 0.1 per cent of the peak)
PSF_RADIUS = 1.0  # [arcsec]
CENTRAL = 0.5  # [arcsec]: how far from the stamp's centre a lens galaxy may have its peak
SIGNIFICANT = 5.0
QUICK = LensLightOptions(gaussians=8, ellipses=1, field=6.0, rounds=3)


def subtract_lens_light(stamp: Stamp, options: LensLightOptions | None = None) -> tuple[Stamp, LensLightFit]:
    """Fit the light of the lens and take it off.

    Parameters
    ----------
    stamp
        Stamp with the lens near its centre.
    options
        Widths, ellipses and clipping.

    Returns
    -------
    Stamp without lens light and sky, its noise increased in the core, with `info["lens_light_subtracted"]` set; and the fit.

    Raises
    ------
    ItemError
        If too few usable pixels are left (``ALL_NAN``).
    """
    response = stamp.psf.response(stamp.pixel_scale, SUBGRID, PSF_RADIUS)
    blur = BlurredGaussians(response, SUBGRID, stamp.pixel_scale, stamp.shape)
    try:
        fit = fit_lens_light(stamp.image, stamp.noise, stamp.mask, blur, options)
    except ValueError as error:
        raise ItemError(Status.ALL_NAN, stamp.name, str(error)) from None
    info = {
        **stamp.info,
        "lens_light_subtracted": True,
        "lens_light_flux": float(fit.amplitudes.sum()),
        "lens_light_core": fit.core_radius,
    }
    image = np.where(stamp.mask, stamp.image - fit.model_image - fit.sky, 0.0)
    return replace(stamp, image=image, noise=np.hypot(stamp.noise, fit.extra_noise), info=info), fit


def has_lens_light(stamp: Stamp) -> bool:
    """Whether a stamp still shows its lens galaxy.

    What the stamp's `info` says goes first. Otherwise a lens galaxy is a peak near the centre: brighter than its surroundings in every
    direction, which an arc, or the empty middle of a ring, is not. The sky is taken off before, unless that was done on reading.
    """
    known = stamp.info.get("lens_light_subtracted")
    if known is not None:
        return not known
    stamp = stamp if "background" in stamp.info else subtract_sky(stamp)
    smooth = ndimage.gaussian_filter(
        np.where(stamp.mask, stamp.image / np.where(stamp.mask, stamp.noise, 1.0), 0.0), 1.0
    )
    theta = pixel_grid(stamp.shape, stamp.pixel_scale)
    near = np.where(np.abs(theta) < CENTRAL, smooth, -np.inf)
    peak = near.max()
    around = np.abs(theta - theta.ravel()[near.argmax()])
    ring = (around > 0.3) & (around < 0.3 + 2 * stamp.pixel_scale)
    return bool(peak > SIGNIFICANT and ring.any() and smooth[ring].max() < peak)


def without_lens_light(
    stamp: Stamp, mode: Literal["auto", "joint", "subtract", "none"] = "auto"
) -> tuple[Stamp, LensLightFit | None]:
    """Take the lens light off, if there is some or ``mode`` says so; the noise stays as it was claimed.

    Raises
    ------
    ItemError
        If the stamp has too few usable pixels.
    """
    if mode == "none" or (mode == "auto" and not has_lens_light(stamp)):
        return stamp, None
    cleaned, light = subtract_lens_light(stamp)
    # The error of the light's model is in `light`; it must not be rescaled with the claimed noise.
    return replace(cleaned, noise=stamp.noise), light


def for_network(stamp: Stamp, sees_lens_light: bool) -> Stamp:
    """A stamp as a network was trained on them: as it is, or without the lens light and with the noise that the sky shows."""
    if sees_lens_light:
        return stamp
    cleaned, light = without_lens_light(stamp)
    return with_honest_noise(cleaned, "measured", light)[0]


def for_picture(stamp: Stamp, field: tuple[int, int]) -> Stamp:
    """The central field of a stamp without the lens light, for model images: with one ellipse and few rounds, half a second.

    Raises
    ------
    ItemError
        If the stamp has too few usable pixels.
    """
    if not has_lens_light(stamp):
        return stamp
    cleaned, light = subtract_lens_light(stamp.cut(field), QUICK)
    return with_honest_noise(cleaned, "measured", light)[0]
