"""A stamp as a fit or a network takes it.

Fits, and networks that were trained without lens galaxies, are shown the source alone, with the noise that the sky has. Networks that were
trained on observed stamps are shown the stamp as it was read.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from lenssbi.dataset.inputs import StampSource
from lenssbi.dataset.stamp import Stamp
from lenssbi.light.mge import LensLightFit, LensLightOptions
from lenssbi.pipelines.lens_light import has_lens_light, subtract_lens_light
from lenssbi.refinement.observation import with_honest_noise

QUICK = LensLightOptions(gaussians=8, ellipses=1, field=6.0, rounds=3)


def without_lens_light(
    stamp: Stamp, mode: Literal["auto", "joint", "subtract", "none"] = "auto"
) -> tuple[Stamp, LensLightFit | None]:
    """Take the lens' light off, where there is some or ``mode`` says so; the noise stays as it was claimed.

    Raises
    ------
    ItemError
        The stamp has too few usable pixels for it.
    """
    if mode == "none" or (mode == "auto" and not has_lens_light(stamp)):
        return stamp, None
    cleaned, light = subtract_lens_light(stamp)
    # The error of the light's model is in `light`; it must not be rescaled with the claimed noise.
    return replace(cleaned, noise=stamp.noise), light


def for_network(stamp: Stamp, sees_lens_light: bool) -> Stamp:
    """A stamp as a network was trained on them: as it is, or without the lens' light and with the noise that the sky shows."""
    if sees_lens_light:
        return stamp
    cleaned, light = without_lens_light(stamp)
    return with_honest_noise(cleaned, "measured", light)[0]


def for_picture(stamp: Stamp, field: tuple[int, int]) -> Stamp:
    """The central field of a stamp without the lens' light, for model images: with one ellipse and few rounds, half a second.

    Raises
    ------
    ItemError
        The stamp has too few usable pixels for it.
    """
    if not has_lens_light(stamp):
        return stamp
    cleaned, light = subtract_lens_light(stamp.cut(field), QUICK)
    return with_honest_noise(cleaned, "measured", light)[0]


def input_of(source: StampSource) -> str:
    """What a user would type to name this stamp."""
    return source.path if source.index is None else f"{source.path}:{source.index}"
