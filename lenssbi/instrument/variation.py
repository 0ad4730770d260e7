"""Differences between the exposures of one instrument, so that a network can be trained on all of them."""

from __future__ import annotations

import numpy as np
from pydantic import Field, model_validator

from lenssbi.config import Config, Range, ordered
from lenssbi.instrument.camera import Camera


class Variation(Config):
    """Changes of a camera from stamp to stamp, each uniform; the defaults change nothing."""

    psf_fwhm: Range = Field((1.0, 1.0), description="factor on the width of a Gaussian PSF")
    exposure_time: Range = Field((1.0, 1.0), description="factor on the exposure")
    sky_brightness: Range = Field((0.0, 0.0), description="added to the sky [mag]; below zero is a brighter sky")

    @model_validator(mode="after")
    def _check(self) -> Variation:
        ordered("psf_fwhm", self.psf_fwhm, above=0)
        ordered("exposure_time", self.exposure_time, above=0)
        ordered("sky_brightness", self.sky_brightness)
        return self

    @property
    def varies(self) -> bool:
        """Whether exposures differ at all."""
        return self != NONE

    @property
    def blurs(self) -> bool:
        """Whether the PSF differs from stamp to stamp."""
        return self.psf_fwhm != (1.0, 1.0)

    def draw(self, rng: np.random.Generator, camera: Camera) -> Camera:
        """The camera as one exposure finds it."""
        if not self.varies:
            return camera
        return camera.model_copy(
            update={
                "psf_fwhm": camera.psf_fwhm * rng.uniform(*self.psf_fwhm),
                "exposure_time": camera.exposure_time * rng.uniform(*self.exposure_time),
                "sky_brightness": camera.sky_brightness + rng.uniform(*self.sky_brightness),
            }
        )


NONE = Variation()
"""Every exposure the same."""
