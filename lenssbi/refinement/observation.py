"""What exactly is fitted: which pixels, with which noise.

Noise maps may claim more scatter than there is, and the noise of neighbouring pixels may be correlated (in Euclid's mosaics
pixels scatter by the claimed noise over 1.6, means over 5 x 5 pixels by what is claimed over 1.1). A fit takes pixels for
independent, so the whole map is scaled to what extended light meets: with the scatter of single pixels, error bars would
count the same photons 1.4 times over. The configuration can say otherwise. Where lens light was taken off, what its model could not
follow is added to the noise in quadrature.

The mask holds the arcs with a margin, and around them a quarter of the field, in squares as the blurring takes them: a lens of too much
mass explains any image within its Einstein ring by a source that would be seen again farther out, and only pixels there can say
that it is not. Other galaxies (:mod:`lenssbi.refinement.neighbours`) are left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lenssbi.arrays import pixel_grid
from lenssbi.dataset.noise import SkyNoise, sky_noise
from lenssbi.dataset.stamp import Stamp
from lenssbi.reconstruction.imaging import TILE
from lenssbi.refinement.circle import FIELD, Circle, fit_circle
from lenssbi.refinement.config import MaskConfig, NoiseChoice, RefineConfig
from lenssbi.refinement.neighbours import ImageProbability, sort_field
from lenssbi.status import ItemError, Status

if TYPE_CHECKING:
    from lenssbi.light.mge import LensLightFit

ENOUGH_SKY = 2500  # pixels: 100 means over 5 x 5 show their scatter to 7 per cent; with fewer, single pixels are taken
SLACK = 1.1  # on the scatter of means that the correlation of neighbours gives, rho(d) = rho(1)^(d^2)
MARGIN = 0.3  # [arcsec] of dark sky around the arcs
MIN_OUTER = 1.25  # Einstein radii
GUARD = 2.2  # times the distance of the farthest arc: where the images of a lens of too much mass would be
MOST_GUARD = 5.0  # [arcsec]
NOISE_WORDS = {
    "extended": "the noise map scaled to the scatter of means over 5 x 5 pixels of sky: shared noise of neighbours is counted",
    "measured": "the noise map scaled to the scatter of single pixels of sky: neighbours are taken for independent",
    "claimed": "the noise map as it is: neighbours are taken for independent",
}


@dataclass(frozen=True)
class Observation:
    """A stamp made ready for a fit.

    Parameters
    ----------
    stamp
        Image without the lens light; noise as it is used.
    mask
        True for fitted pixels, shape (y, x).
    circle
        Circle estimate.
    noise_scale
        Factor by which the noise map of the file was divided.
    others
        True for pixels with light of other galaxies, shape (y, x).
    sky_chi2
        Mean square of sky over the noise as it is used, at most 1: the chi^2 per pixel of a model that leaves only noise.
    sky
        Noise of the sky, with the noise map of the file; None if there is too little sky.
    """

    stamp: Stamp
    mask: np.ndarray
    circle: Circle
    noise_scale: float
    others: np.ndarray
    sky_chi2: float = 1.0
    sky: SkyNoise | None = None


def observe(
    stamp: Stamp, config: RefineConfig, light: LensLightFit | None = None, centre: complex | None = None
) -> Observation:
    """Make a stamp ready.

    Parameters
    ----------
    stamp
        Image without the lens light; noise as in the file.
    config
        Configuration of the fit.
    light
        Lens light that was subtracted, if any.
    centre
        Centre of the circle through the arcs [arcsec]; that of the lens light if it is None.

    Raises
    ------
    ItemError
        If no arc stands out (``NO_ARCS``), or the mask has no usable pixel (``ALL_NAN``).
    """
    sky = measured_sky(stamp)
    stamp, scale = with_honest_noise(stamp, config.noise_scale, light, sky)
    # the error of a model of the lens light makes another map of it
    chi2 = _sky_chi2(sky, scale) if light is None else _sky_chi2(measured_sky(stamp), 1.0)
    middle = _centre(light) if centre is None else centre
    mask, circle, others = _chosen(stamp, config, middle)
    return Observation(stamp, mask, circle, scale, others, chi2, sky)


def seen_through(
    observation: Observation, config: RefineConfig, light: LensLightFit | None, probability: ImageProbability
) -> Observation:
    """The same stamp, with its images of the source told from other galaxies by their probability of being multiply imaged.

    Without an arc that it allows, the stamp as it was.
    """
    try:
        mask, circle, others = _chosen(observation.stamp, config, _centre(light), probability)
    except ItemError as error:
        if error.status is not Status.NO_ARCS:
            raise
        return observation
    return replace(observation, mask=mask, circle=circle, others=others)


def _centre(light: LensLightFit | None) -> complex:
    return 0j if light is None else complex(light.centre)


def _chosen(
    stamp: Stamp, config: RefineConfig, centre: complex, probability: ImageProbability | None = None
) -> tuple[np.ndarray, Circle, np.ndarray]:
    """Pixels that are fitted, the circle through the arcs, and pixels with light of other galaxies."""
    radius = np.abs(pixel_grid(stamp.shape, stamp.pixel_scale))
    field = sort_field(stamp, centre, probability)
    own = ~field.others & (radius >= (config.mask.inner or 0.0))
    reach = min(search_radius(config), field.reach + MARGIN if field.reach else np.inf)
    circle = fit_circle(stamp, own & (radius <= reach + abs(centre)), centre, field.known)
    outer = outer_radius(config.mask, radius[circle.arcs], circle.radius, np.inf if field.known else FIELD)
    mask = stamp.mask & own & (radius <= outer)
    if not mask.any():
        raise ItemError(Status.ALL_NAN, stamp.name, "no usable pixel lies between mask.inner and mask.outer")
    if config.mask.outer is None:
        mask |= stamp.mask & own & _guard(stamp.shape) & (radius <= min(GUARD * outer, max(MOST_GUARD, outer)))
    return mask, circle, field.others


def _guard(shape: tuple[int, int]) -> np.ndarray:
    """A quarter of all squares of `TILE` pixels, shape (y, x) bool."""
    row, column = (np.arange(n) // TILE for n in shape)
    chosen: np.ndarray = (row[:, None] + 2 * column) % 4 == 0
    return chosen


def with_honest_noise(
    stamp: Stamp, choice: float | NoiseChoice, light: LensLightFit | None = None, sky: SkyNoise | None = None
) -> tuple[Stamp, float]:
    """The stamp with the noise that is to be used, and the factor by which the claimed noise was divided.

    Parameters
    ----------
    stamp
        Image without the lens light; noise as in the file.
    choice
        Factor itself; or "extended", which takes it from the scatter of means over 5 x 5 pixels of sky, or "measured", from that of
        single pixels, both 1 if there is too little sky; or "claimed", which is 1.
    light
        Lens light that was subtracted, if any: the error of its model is added in quadrature.
    sky
        Noise of the stamp's sky, if it was measured already.
    """
    scale = 1.0 if isinstance(choice, str) else float(choice)
    if choice in ("extended", "measured"):
        sky = sky or measured_sky(stamp)
        if sky is not None:
            extended = choice == "extended" and sky.pixels >= ENOUGH_SKY
            scale = sky.claimed / (_shared(sky) if extended else sky.sigma)
    noise = stamp.noise / scale
    if light is not None:
        noise = np.hypot(noise, light.extra_noise)
    return replace(stamp, noise=noise), scale


def measured_sky(stamp: Stamp) -> SkyNoise | None:
    """Noise of the sky; None if there is too little sky."""
    try:
        return sky_noise(stamp)
    except ItemError as error:
        if error.status is not Status.NO_SKY:
            raise
        return None


def _sky_chi2(sky: SkyNoise | None, scale: float) -> float:
    """Mean square of single pixels of sky over the map's noise / scale, 1 if there is too little sky or that is claimed too small."""
    return 1.0 if sky is None else min(1.0, (sky.ratio / scale) ** -2)


def _shared(sky: SkyNoise) -> float:
    """Scatter of means over 5 x 5 pixels of noise alone [unit]: more than the correlation of neighbours explains is galaxies' light."""
    near = max(sky.correlation, 0.0)
    return min(sky.extended, SLACK * sky.sigma * (1 + 2 * near + 2 * near**4))


def noise_in_words(choice: float | NoiseChoice) -> str:
    """Which noise the error bars assume."""
    return NOISE_WORDS.get(str(choice), f"the noise map divided by {choice}: neighbours are taken for independent")


def search_radius(config: RefineConfig) -> float:
    """Where arcs are looked for [arcsec]: images of the largest lens that the prior allows lie within."""
    return 1.5 * config.prior.einstein_radius[1] if config.mask.outer is None else config.mask.outer


def outer_radius(mask: MaskConfig, arcs: np.ndarray, einstein_radius: float, limit: float = FIELD) -> float:
    """How far out pixels are fitted for arcs with pixels at the radii `arcs`, shape (n,), at most `limit` Einstein radii, all [arcsec]."""
    if mask.outer is not None:
        return mask.outer
    farthest = float(np.quantile(arcs, 0.98))
    return max(min(farthest, limit * einstein_radius), MIN_OUTER * einstein_radius) + MARGIN
