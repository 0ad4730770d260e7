"""Multi-Gaussian expansion of the lens's own light (Cappellari 2002).

    S(theta) = sum_jk a_jk N(theta; centre, sigma_j, q_k, phi_k) + sky,   a_jk >= 0

The widths sigma_j are fixed, equally spaced in their logarithm; every ellipse k carries all of them, so that a second
ellipse lets axis ratio and position angle run with radius. The amplitudes a_jk are the non-negative least-squares answer for
given centre and ellipses, and only those few numbers are searched for. A sum of concentric non-negative Gaussians falls
monotonically outwards along every ray: it cannot make a ring.

Arcs and neighbours are only ever brighter than the lens's light, so the first rounds weight pixels above the model down, and
the later ones clip the pixels above the noise and refit, until the clipped pixels stay the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from lenssbi.arrays import FloatArray, pixel_grid
from lenssbi.light.blurred import BlurredGaussians
from lenssbi.light.expansion import Expansion, Mask, axes
from lenssbi.light.lens_light_options import LensLightOptions
from lenssbi.parameters import ellipticity


@dataclass(frozen=True)
class LensLightFit:
    """The lens's light, fitted.

    Parameters
    ----------
    model_image
        Light of the lens behind the PSF, without the sky, shape (y, x) [flux per pixel].
    amplitudes
        Flux of every Gaussian, shape (ellipse, gaussian).
    sigmas
        Widths on the intermediate axis [arcsec], shape (gaussian,).
    q, phi
        Axis ratio and position angle [rad] of each ellipse, shape (ellipse,).
    centre
        Centre of the light [arcsec], complex.
    sky
        Constant that was fitted together with the light [flux per pixel].
    arc_mask
        True where a pixel was clipped as arc or neighbour, shape (y, x); False outside the field.
    chi2
        Mean square of residual over noise, of the pixels that were fitted.
    extra_noise
        One sigma of the error of the model, shape (y, x) [flux per pixel], to be added in quadrature; 0 outside the core.
    core_radius
        Radius [arcsec] inside which the residuals are larger than the noise allows; 0 if there is no such radius.
    """

    model_image: FloatArray = field(repr=False)
    amplitudes: FloatArray
    sigmas: FloatArray
    q: FloatArray
    phi: FloatArray
    centre: complex
    sky: float
    arc_mask: Mask = field(repr=False)
    chi2: float
    extra_noise: FloatArray = field(repr=False)
    core_radius: float


def fit_lens_light(
    image: FloatArray,
    noise: FloatArray,
    mask: Mask,
    blur: BlurredGaussians,
    options: LensLightOptions | None = None,
    start: LensLightFit | None = None,
) -> LensLightFit:
    """Fit the lens's light and clip the pixels that are not part of it.

    Parameters
    ----------
    image, noise
        Data and their one sigma [flux per pixel], shape (y, x); an overall factor in `noise` changes `chi2` and little else.
    mask
        True for usable pixels, shape (y, x).
    blur
        The PSF; its own shape does not matter.
    options
        Widths, ellipses and clipping.
    start
        An earlier fit of the same stamp, with the same options, to begin from.

    Raises
    ------
    ValueError
        If fewer usable pixels are left than there are amplitudes.
    """
    problem = Expansion.central(image, noise, mask, blur, options or LensLightOptions())
    if start is None:
        begun = problem.robust(problem.start())
    else:
        ellipses = ellipticity(start.q, start.phi)
        shape = np.append([start.centre.real, start.centre.imag], np.stack([ellipses.real, ellipses.imag], axis=1))
        begun = problem.search(shape, problem.mask / problem.noise, problem.smoothness(start.amplitudes), shape[:2])
    solution, clipped = problem.clip(begun)
    core_radius, profile = problem.misfit(solution, clipped)
    best = replace(problem, blur=replace(blur, shape=image.shape))
    distance = np.abs(pixel_grid(image.shape, blur.pixel_scale) - solution.centre)
    trims = [((n - m) // 2, (n - m) // 2) for n, m in zip(image.shape, clipped.shape, strict=True)]
    q, phi = np.transpose([axes(e) for e in solution.ellipses])
    residual = (problem.image - solution.light - solution.sky) / problem.noise
    return LensLightFit(
        model_image=np.tensordot(solution.amplitudes.ravel(), best.columns(solution.shape), 1),
        amplitudes=solution.amplitudes,
        sigmas=problem.sigmas,
        q=q,
        phi=phi % np.pi,
        centre=solution.centre,
        sky=solution.sky + problem.level,
        arc_mask=np.pad(clipped, trims),
        chi2=float(np.mean(residual[problem.mask & ~clipped] ** 2)),
        extra_noise=np.interp(distance, *profile, right=0.0),
        core_radius=core_radius,
    )
