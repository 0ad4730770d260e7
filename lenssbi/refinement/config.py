"""The choices of a fit."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from lenssbi.config import Config

PriorMode = Literal["blind", "cnn-uniform", "cnn-gaussian"]
NoiseChoice = Literal["extended", "measured", "claimed"]
Range = tuple[float, float]


class PriorConfig(Config):
    """What is believed before the fit.

    The broad prior is the training population's: uniform in einstein_radius [arcsec], axis ratio and position angle. A
    blind fit narrows einstein_radius to ``radius_window`` [arcsec] about the circle estimate; the learned priors narrow
    the mass parameters about the network's answer, by the paper's half-widths or by its own sigmas times ``widen``.
    """

    mode: PriorMode | Literal["auto"] = "auto"
    einstein_radius: Range = (0.2, 3.2)
    axis_ratio: Range = (0.4, 1.0)
    slope: Range = (1.5, 2.5)
    centre_sigma: PositiveFloat = 0.1
    shear_sigma: PositiveFloat = 0.1
    radius_window: PositiveFloat | Literal["auto"] = "auto"
    log10_strength: Range = (-3.0, 4.0)
    uniform_einstein_radius: PositiveFloat = 0.2
    uniform_axis_ratio: PositiveFloat = 0.1
    uniform_angle: float = Field(40.0, gt=0, le=90)
    uniform_slope: PositiveFloat = 0.2
    uniform_shear: PositiveFloat = 0.1
    uniform_centre: PositiveFloat = 0.1
    widen: PositiveFloat = 1.0

    @model_validator(mode="after")
    def _ordered(self) -> PriorConfig:
        for name in ("einstein_radius", "axis_ratio", "slope", "log10_strength"):
            low, high = getattr(self, name)
            if not low < high:
                raise ValueError(f"{name} needs low < high, got [{low}, {high}]")
        if not 0 < self.axis_ratio[0] < self.axis_ratio[1] <= 1:
            raise ValueError(f"axis_ratio lies between 0 and 1, got {list(self.axis_ratio)}")
        return self


class MassConfig(Config):
    """The deflector; ``shear: auto`` fits an external shear unless the stamp is a simulation without one."""

    model: Literal["sie", "power-law"] = "sie"
    shear: bool | Literal["auto"] = "auto"


class MeshConfig(Config):
    """The source's mesh: its kind, about how many source pixels, sub-pixels along the side of an image pixel, and how far the
    PSF reaches [arcsec]. ``brightness`` is the share of a rectangular mesh that follows the image's light instead of the
    magnification alone.
    """

    kind: Literal["rectangular", "delaunay"] = "rectangular"
    pixels: int = Field(400, ge=16, le=4000)
    brightness: float = Field(0.8, ge=0, le=1)
    subgrid: int = Field(2, ge=1, le=8)
    psf_radius: PositiveFloat | Literal["auto"] = "auto"


class MaskConfig(Config):
    """The annulus that is fitted [arcsec]; None is found from the data."""

    inner: float | None = Field(None, ge=0)
    outer: PositiveFloat | None = None


class SamplerConfig(Config):
    """Nautilus; ``auto`` live points are 250 for a blind fit and 150 under a learned prior."""

    n_live: PositiveInt | Literal["auto"] = "auto"
    n_networks: int = Field(1, ge=0, le=16)
    n_eff: PositiveInt = 1000
    max_evaluations: PositiveInt = 60_000
    max_minutes: PositiveFloat = 60.0
    seed: int = Field(0, ge=0)
    threads: PositiveInt = 1


class RefineConfig(Config):
    """A pixelised-source fit."""

    prior: PriorConfig = PriorConfig()
    mass: MassConfig = MassConfig()
    mesh: MeshConfig = MeshConfig()
    mask: MaskConfig = MaskConfig()
    sampler: SamplerConfig = SamplerConfig()
    noise_scale: NoiseChoice | PositiveFloat = "extended"
    lens_light: Literal["auto", "subtract", "none"] = "auto"
