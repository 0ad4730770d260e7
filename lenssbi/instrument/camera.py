"""Parameters of a camera, and the noise that follows from them.

Variance per pixel of an exposure, in electrons: the source's and the sky's light, dark current and read-out noise,

    sigma^2 = (signal + sky + dark) + n_exposures * read_noise^2,

with light in electrons collected in `exposure_time`, `zero_point` the AB magnitude of one electron per second.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from lenssbi.arrays import Array, array_namespace
from lenssbi.config import Config
from lenssbi.instrument.presets import preset


class Camera(Config):
    """Parameters of a camera. The defaults are those of the paper's Euclid VIS.

    Sources: pixel 0.1 arcsec, Racca et al. 2016; PSF, read noise and dark current, Pearson et al. 2021 section 2 (the dark
    current's 2 e-/px/s, from Radeka et al. 2009, is far above what the instrument in orbit has); zero point, sky and exposure,
    Collett 2015, table 1.

    The key `preset` names one of `configs/instrument/` to start from; other keys take precedence over its numbers.
    """

    name: str = "euclid-vis-paper"
    band: str = "VIS"
    pixel_scale: float = Field(0.1, gt=0, description="side of a pixel [arcsec]")
    shape: tuple[int, int] = Field((100, 100), description="pixels (ny, nx)")
    psf_fwhm: float = Field(0.17, gt=0, description="FWHM of the optical Gaussian PSF [arcsec]")
    psf_file: str | None = Field(None, description="FITS image of a PSF to use instead of the Gaussian")
    psf_pixel_scale: float | None = Field(
        None, gt=0, description="pixels of that image [arcsec]; by default the camera's"
    )
    psf_kind: Literal["effective", "optical"] = Field("effective", description="whether that image includes the pixel")
    zero_point: float = Field(25.5, description="AB magnitude of 1 electron/s")
    exposure_time: float = Field(1610.0, gt=0, description="total exposure [s]")
    sky_brightness: float = Field(22.2, description="sky [AB mag/arcsec^2]")
    n_exposures: int = Field(1, ge=1, description="read-outs")
    read_noise: float = Field(5.0, ge=0, description="read-out noise [electrons]")
    dark_current: float = Field(2.0, ge=0, description="dark current [electrons/px/s]")

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, data: Any) -> Any:
        if not isinstance(data, Mapping) or "preset" not in data:
            return data
        return {**preset(str(data["preset"])), **{key: value for key, value in data.items() if key != "preset"}}

    @classmethod
    def of_preset(cls, name: str) -> Camera:
        """The camera of a preset, such as "hst_acs_f814w"; see :func:`lenssbi.instrument.presets.preset_names`."""
        return cls.model_validate({"preset": name})

    def electrons(self, magnitude: Array) -> Array:
        """Electrons collected from a source of AB `magnitude`, any shape."""
        return self.exposure_time * 10 ** (-0.4 * (magnitude - self.zero_point))

    @property
    def sky_electrons(self) -> float:
        """Electrons of sky per pixel."""
        return float(self.electrons(self.sky_brightness)) * self.pixel_scale**2

    @property
    def background(self) -> float:
        """Electrons of sky and dark current per pixel."""
        return self.sky_electrons + self.dark_current * self.exposure_time

    @property
    def total_read_noise(self) -> float:
        """One sigma [electrons] of all read-outs together."""
        return float(self.read_noise * math.sqrt(self.n_exposures))

    @property
    def background_variance(self) -> float:
        """Variance [electrons^2] of a pixel without a source."""
        return self.background + self.n_exposures * self.read_noise**2

    def noise_map(self, signal: Array) -> Array:
        """One sigma [electrons] of pixels that expect `signal` electrons of lens and source, any shape."""
        xp = array_namespace(signal)
        return xp.sqrt(xp.clip(signal, 0, None) + self.background_variance)


EUCLID_VIS = Camera()
"""Euclid VIS with the paper's numbers."""
