"""What exactly is fitted: which pixels, with which noise.

Noise maps may claim more scatter than there is, and the noise of neighbouring pixels may be correlated (in Euclid's mosaics
pixels scatter by the claimed noise over 1.6, means over 5 x 5 pixels by what is claimed over 1.1). A fit takes pixels for
independent, so the whole map is scaled to what extended light meets: with the scatter of single pixels, error bars would
count the same photons 1.4 times over. The configuration can say otherwise. Where lens light was taken off, what its model could not
follow is added to the noise in quadrature, and the core is left out. The mask is an annulus that holds the arcs with a margin.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lenssbi.arrays import pixel_grid
from lenssbi.dataset.noise import sky_noise
from lenssbi.dataset.stamp import Stamp
from lenssbi.refinement.circle import FIELD, Circle, fit_circle
from lenssbi.refinement.config import MaskConfig, NoiseChoice, RefineConfig
from lenssbi.status import ItemError, Status

if TYPE_CHECKING:
    from lenssbi.light.mge import LensLightFit

ENOUGH_SKY = 2500  # pixels: 100 means over 5 x 5 show their scatter to 7 per cent; with fewer, single pixels are taken
MARGIN = 0.3  # [arcsec] of dark sky around the arcs
MIN_OUTER = 1.25  # Einstein radii
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
        Image without the lens' light; noise as it is used.
    mask
        True where a pixel is fitted, shape (y, x).
    circle
        The circle estimate.
    noise_scale
        Factor by which the claimed noise was divided.
    """

    stamp: Stamp
    mask: np.ndarray
    circle: Circle
    noise_scale: float


def observe(stamp: Stamp, config: RefineConfig, light: LensLightFit | None = None) -> Observation:
    """Make a stamp ready.

    Parameters
    ----------
    stamp
        Image without the lens' light, noise as claimed.
    config
        The fit.
    light
        The lens light that was taken off, if any.

    Raises
    ------
    ItemError
        No arc stands out (``NO_ARCS``), or the mask has no usable pixel (``ALL_NAN``).
    """
    core = 0.0 if light is None else light.core_radius
    stamp, scale = with_honest_noise(stamp, config.noise_scale, light)
    radius = np.abs(pixel_grid(stamp.shape, stamp.pixel_scale))
    inner = core if config.mask.inner is None else config.mask.inner
    circle = fit_circle(stamp, (radius >= inner) & (radius <= search_radius(config)))
    mask = stamp.mask & (radius >= inner) & (radius <= outer_radius(config.mask, radius[circle.arcs], circle.radius))
    if not mask.any():
        raise ItemError(Status.ALL_NAN, stamp.name, "no usable pixel lies between mask.inner and mask.outer")
    return Observation(stamp, mask, circle, scale)


def with_honest_noise(
    stamp: Stamp, choice: float | NoiseChoice, light: LensLightFit | None = None
) -> tuple[Stamp, float]:
    """The stamp with the noise that is to be used, and the factor by which the claimed noise was divided.

    Parameters
    ----------
    stamp
        Image without the lens' light, noise as claimed.
    choice
        That factor; "extended" takes it from the scatter of means over 5 x 5 pixels of sky, "measured" from that of single
        pixels, both 1 where there is too little sky; "claimed" is 1.
    light
        The lens light that was taken off, if any: the error of its model is added in quadrature.
    """
    scale = 1.0 if isinstance(choice, str) else float(choice)
    if choice in ("extended", "measured"):
        try:
            sky = sky_noise(stamp)
            extended = choice == "extended" and sky.pixels >= ENOUGH_SKY
            scale = sky.claimed / (sky.extended if extended else sky.sigma)
        except ItemError as error:
            if error.status is not Status.NO_SKY:
                raise
    noise = stamp.noise / scale
    if light is not None:
        noise = np.hypot(noise, light.extra_noise)
    return replace(stamp, noise=noise), scale


def noise_in_words(choice: float | NoiseChoice) -> str:
    """Which noise the error bars assume."""
    return NOISE_WORDS.get(str(choice), f"the noise map divided by {choice}: neighbours are taken for independent")


def search_radius(config: RefineConfig) -> float:
    """Where arcs are looked for [arcsec]: images of the largest lens that the prior allows lie within."""
    return 1.5 * config.prior.einstein_radius[1] if config.mask.outer is None else config.mask.outer


def outer_radius(mask: MaskConfig, arcs: np.ndarray, einstein_radius: float) -> float:
    """How far out pixels are fitted [arcsec], for pixels of arcs at the radii `arcs` [arcsec], shape (n,)."""
    if mask.outer is not None:
        return mask.outer
    farthest = float(np.quantile(arcs, 0.98))
    return max(min(farthest, FIELD * einstein_radius), MIN_OUTER * einstein_radius) + MARGIN
