"""A stamp as it was read, made into one that shows the source alone, with the noise that it really has."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from lenssbi.dataset.inputs import StampSource
from lenssbi.dataset.stamp import Stamp
from lenssbi.light.mge import LensLightFit
from lenssbi.pipelines.lens_light import has_lens_light, subtract_lens_light
from lenssbi.refinement.observation import with_honest_noise


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


def for_network(stamp: Stamp) -> Stamp:
    """A stamp as networks are trained on them: without the lens' light, with the noise that the sky shows."""
    cleaned, light = without_lens_light(stamp)
    return with_honest_noise(cleaned, "measured", light)[0]


def input_of(source: StampSource) -> str:
    """What a user would type to name this stamp."""
    return source.path if source.index is None else f"{source.path}:{source.index}"
