"""Further lens galaxies, where the user sees them: their light is taken off, and each has a mass of its own.

The mass is an isothermal sphere, whose Einstein radius R is a parameter of the fit and whose centre follows that of the light. What the
arcs show is the sum of all: isothermal spheres in one place have the sum of their Einstein radii, R_all, the radius of the circle through
the arcs. With L ~ sigma^4 (Faber & Jackson 1976, ApJ 204, 668) and R ~ sigma^2 (Schneider, Ehlers & Falco 1992, section 8.1.4) of galaxies
at one redshift, with fluxes F, the priors of all radii have the means

    R_k = R_all sqrt(F_k) / sum_j sqrt(F_j)

and the wide scatter SCATTER, for the relation has one, and a companion of a group has lost mass. What a network says is not used: it
knows one lens galaxy.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from lenssbi.arrays import FloatArray, pixel_grid
from lenssbi.dataset.stamp import Stamp
from lenssbi.light.blurred import BlurredGaussians
from lenssbi.light.expansion import Mask
from lenssbi.light.lens_light_options import LensLightOptions
from lenssbi.light.mge import LensLightFit, fit_lens_light
from lenssbi.parameters import Marginal, Normal, Uniform
from lenssbi.refinement.config import LensLightChoice, RefineConfig
from lenssbi.refinement.lens_light import PSF_RADIUS, SUBGRID, without_lens_light
from lenssbi.refinement.priors.blocks import Single
from lenssbi.status import ItemError, Status

ROUNDS = 2  # lens galaxy and companions in turns
FIELD = 4.0  # [arcsec]: side of the square in which a companion's light is fitted
OPTIONS = LensLightOptions(gaussians=10, ellipses=1, field=FIELD, rounds=4)
CENTRE_SIGMA = 0.03  # [arcsec] of the mass about the light
SCATTER, LEAST = 0.5, 0.05  # of the prior's mean, and at least [arcsec]


class Companion(NamedTuple):
    """A further lens galaxy: the centre of its light [arcsec], its flux [unit], and its image [flux/pixel], shape (y, x)."""

    place: complex
    flux: float
    image: FloatArray


def without_companions(
    stamp: Stamp, places: tuple[tuple[float, float], ...], lens_light: LensLightChoice
) -> tuple[Stamp, tuple[Companion, ...]]:
    """Take the light of companions off.

    Parameters
    ----------
    stamp
        Stamp as it was read.
    places
        Where the companions are [arcsec], to the right of and above the stamp's centre.
    lens_light
        Treatment of the lens light, which is fitted in turns with theirs.

    Returns
    -------
    The stamp without their light, with the pixels left out that their models miss, and the companions.

    Raises
    ------
    ItemError
        NO_COMPANION if a place lies outside the stamp, or the stamp has no light there.
    """
    if not places:
        return stamp, ()
    found: list[LensLightFit] = []
    images = np.zeros((len(places), *stamp.shape))
    for _ in range(ROUNDS):
        cleaned, _ = without_lens_light(replace(stamp, image=stamp.image - images.sum(axis=0)), lens_light)
        for k, place in enumerate(places):
            images[k], fit = _light_at(replace(cleaned, image=cleaned.image + images[k]), complex(*place))
            found = [*found[:k], fit, *found[k + 1 :]]
    mask = stamp.mask.copy()
    theta = pixel_grid(stamp.shape, stamp.pixel_scale)
    for fit in found:
        mask &= np.abs(theta - fit.centre) >= fit.core_radius
    companions = tuple(
        Companion(complex(fit.centre), float(fit.amplitudes.sum()), image)
        for fit, image in zip(found, images, strict=True)
    )
    return replace(stamp, image=np.where(mask, stamp.image - images.sum(axis=0), 0.0), mask=mask), companions


def common_centre(light: LensLightFit | None, companions: tuple[Companion, ...]) -> complex:
    """Centre of all lens galaxies [arcsec], weighted as their masses are: where the circle through the arcs has its own."""
    if light is None:
        return 0j
    places = np.array([complex(light.centre), *(one.place for one in companions)])
    weights = np.sqrt([max(light.amplitudes.sum(), 0.0), *(one.flux for one in companions)])
    return complex(weights @ places / weights.sum()) if weights.sum() > 0 else complex(light.centre)


def mass_blocks(
    companions: tuple[Companion, ...], config: RefineConfig, radius: float, flux: float | None
) -> list[Single]:
    """Prior of the radii of all lens galaxies, and of the companions' places; empty without companions.

    Parameters
    ----------
    companions
        Companions.
    config
        Configuration of the fit.
    radius
        Radius of the circle through the arcs [arcsec].
    flux
        Flux of the lens galaxy [unit]; None if its light was not fitted.
    """
    if not companions:
        return []
    shares = np.sqrt([max(flux or 0.0, 0.0), *(one.flux for one in companions)])
    low, high = config.prior.einstein_radius

    def of_radius(share: float, low: float) -> Marginal:
        if not flux or flux <= 0:
            return Uniform(low, high)
        mean = float(np.clip(radius * share / shares.sum(), low, high))
        return Normal(mean, max(SCATTER * mean, LEAST), low, high)

    blocks = [Single("einstein_radius", of_radius(shares[0], low))]
    reach = 5 * CENTRE_SIGMA
    for number, (one, share) in enumerate(zip(companions, shares[1:], strict=True), 1):
        blocks.append(Single(f"companion{number}_einstein_radius", of_radius(share, 0.0)))
        for axis, middle in (("x", one.place.real), ("y", one.place.imag)):
            where = Normal(middle, CENTRE_SIGMA, middle - reach, middle + reach)
            blocks.append(Single(f"companion{number}_{axis}", where))
    return blocks


def _light_at(stamp: Stamp, place: complex) -> tuple[FloatArray, LensLightFit]:
    """Light of the galaxy at a place [flux/pixel], shape (y, x), and its fit, whose centre is seen from the stamp's."""
    scale = stamp.pixel_scale
    row, column = (
        round((n - 1) / 2 + offset / scale) for n, offset in zip(stamp.shape, (place.imag, place.real), strict=True)
    )
    if not (0 <= row < stamp.shape[0] and 0 <= column < stamp.shape[1]):
        raise ItemError(Status.NO_COMPANION, stamp.name, f"{place.real:g},{place.imag:g} is outside of it")
    half = round(FIELD / scale / 2)
    image: FloatArray = np.pad(stamp.image, half)
    mask: Mask = np.pad(stamp.mask, half)
    noise = np.where(mask, np.pad(stamp.noise, half), np.median(stamp.noise[stamp.mask]))
    window = slice(row, row + 2 * half + 1), slice(column, column + 2 * half + 1)
    response = stamp.psf.response(scale, SUBGRID, PSF_RADIUS)
    blur = BlurredGaussians(response, SUBGRID, scale, stamp.shape)
    try:
        fit = fit_lens_light(image[window], noise[window], mask[window], blur, OPTIONS)
    except ValueError as error:
        raise ItemError(Status.NO_COMPANION, stamp.name, str(error)) from None
    if not fit.amplitudes.sum() > 0:
        raise ItemError(Status.NO_COMPANION, stamp.name, f"at {place.real:g},{place.imag:g}")
    whole: FloatArray = np.zeros(image.shape)
    whole[window] = fit.model_image
    middle = complex(column - (stamp.shape[1] - 1) / 2, row - (stamp.shape[0] - 1) / 2) * scale
    inside = whole[half : half + stamp.shape[0], half : half + stamp.shape[1]]
    return inside, replace(fit, centre=fit.centre + middle)
