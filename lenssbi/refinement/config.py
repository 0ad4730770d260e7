"""The choices of a fit."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, field_validator, model_validator

from lenssbi.config import Config
from lenssbi.parameters.conventions import MOST_COMPANIONS

PriorMode = Literal["broad", "blind", "cnn-uniform", "cnn-gaussian", "cnn-joint"]
LEARNED_MODES = ("cnn-uniform", "cnn-gaussian", "cnn-joint")
NoiseChoice = Literal["extended", "measured", "claimed"]
SourceKind = Literal["pixels", "gaussians", "sersic"]
LensLightChoice = Literal["auto", "joint", "subtract", "none"]
Range = tuple[float, float]
OF_MASS = ("einstein_radius", "e1", "e2", "slope", "centre_x", "centre_y", "shear1", "shear2")
PINNED = 1e-3  # [arcsec, or no unit] sigma of a parameter that is held: a hundredth of a pixel of Euclid VIS
MAX_ELLIPTICITY, MAX_SHEAR = 0.95, 0.3


class PriorConfig(Config):
    """What is believed before the fit.

    The broad prior is uniform in einstein_radius [arcsec], axis ratio and position angle. A
    blind fit narrows einstein_radius to ``radius_window`` [arcsec] about the circle estimate; the learned priors narrow
    the mass parameters about the network's answer, by the paper's half-widths, by its own sigmas times ``widen``, or by all of
    its posterior. ``auto`` is broad for the importance sampler, which the network then only tells where to look; for Nautilus it is
    cnn-gaussian where a network applies and blind elsewhere. ``noise_factor`` is the range of a factor on the noise that is sampled with
    the other parameters; None leaves the noise as it is.

    ``centre_sigma`` [arcsec] is about the centre of the lens light, or the middle of the stamp if no light was seen. ``gaussian`` is
    what the user knows: mean and standard deviation of a parameter by name, in the place of its prior above, of its range in a blind fit
    and of what a network says of it. A sigma of zero, in either, holds the parameter, by a Gaussian of `PINNED`.
    """

    mode: PriorMode | Literal["auto"] = "auto"
    einstein_radius: Range = (0.2, 3.2)
    axis_ratio: Range = (0.2, 1.0)
    slope: Range = (1.5, 2.5)
    centre_sigma: NonNegativeFloat = 0.1
    shear_sigma: PositiveFloat = 0.1
    gaussian: dict[str, Range] = Field(default_factory=dict)
    radius_window: PositiveFloat | Literal["auto"] = "auto"
    log10_strength: Range = (-3.0, 4.0)
    noise_factor: Range | None = None
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
        if self.noise_factor is not None and not 0 < self.noise_factor[0] < self.noise_factor[1]:
            raise ValueError(f"noise_factor needs 0 < low < high, got {list(self.noise_factor)}")
        if not 0 < self.axis_ratio[0] < self.axis_ratio[1] <= 1:
            raise ValueError(f"axis_ratio lies between 0 and 1, got {list(self.axis_ratio)}")
        return self

    @field_validator("gaussian")
    @classmethod
    def _known(cls, value: dict[str, Range]) -> dict[str, Range]:
        for name, (_, sigma) in value.items():
            if name not in OF_MASS:
                raise ValueError(f"a prior cannot be given for {name}, only for {', '.join(OF_MASS)}")
            if sigma < 0:
                raise ValueError(f"the standard deviation of {name} cannot be negative, got {sigma:g}")
        if ("e1" in value) != ("e2" in value):
            raise ValueError("e1 and e2 have one prior together: give both or neither")
        return value

    @model_validator(mode="after")
    def _within_range(self) -> PriorConfig:
        for name, (mean, _) in self.gaussian.items():
            low, high = self.limits(name)
            if not low <= mean <= high:
                raise ValueError(f"{name} lies between {low:g} and {high:g} before the fit, got {mean:g}")
        if math.hypot(*(self.gaussian.get(name, (0.0, 0.0))[0] for name in ("e1", "e2"))) > MAX_ELLIPTICITY:
            raise ValueError(f"e1 and e2 are of an ellipse that is flatter than {MAX_ELLIPTICITY:g}")
        return self

    def limits(self, name: str) -> Range:
        """Smallest and largest value of a parameter that the user knows; the mass is in the middle of the stamp to an Einstein radius."""
        if name in ("centre_x", "centre_y"):
            return -self.einstein_radius[1], self.einstein_radius[1]
        largest = MAX_SHEAR if name.startswith("shear") else MAX_ELLIPTICITY
        return {"einstein_radius": self.einstein_radius, "slope": self.slope}.get(name, (-largest, largest))


class MassConfig(Config):
    """The deflector; ``shear: auto`` fits an external shear unless the stamp is a simulation without one.

    ``companions`` are places of further lens galaxies [arcsec from the middle of the stamp, to the right and up]; each adds the
    parameters companionN_einstein_radius, companionN_x and companionN_y (:mod:`lenssbi.refinement.companions`).
    """

    model: Literal["sie", "power_law"] = "sie"
    shear: bool | Literal["auto"] = "auto"
    companions: tuple[Range, ...] = Field(default=(), max_length=MOST_COMPANIONS)

    @field_validator("model", mode="before")
    @classmethod
    def _as_everywhere(cls, value: object) -> object:
        return "power_law" if value == "power-law" else value  # files of version 0.1 have the hyphen


class MeshConfig(Config):
    """The source's mesh: its cells, about how many source pixels, sub-pixels along the side of an image pixel, and how far the
    PSF reaches [arcsec]. ``brightness`` is the share of the mesh that follows the source's light instead of the
    magnification alone; ``regularisation`` how it is kept smooth, and ``solver`` whether it may be negative. ``smooth`` puts the
    Gaussians of the search under the pixels, which then are departures from them (not with the positive solver, and only after a search);
    the ``auto`` solver is linear then, and positive for pixels alone beside the lens light.
    ``fine`` doubles sub-grid and PSF sampling where the image is bright (on simulated lenses it changed no answer).
    """

    cells: Literal["rectangular", "delaunay", "voronoi"] = "rectangular"
    regularisation: Literal["constant", "gradient", "curvature", "adaptive"] = "adaptive"
    solver: Literal["auto", "linear", "positive"] = "auto"
    smooth: bool = True
    pixels: int = Field(400, ge=16, le=4000)
    brightness: float = Field(0.8, ge=0, le=1)
    subgrid: int = Field(2, ge=1, le=8)
    fine: bool = False
    psf_radius: PositiveFloat | Literal["auto"] = "auto"


class MaskConfig(Config):
    """The annulus that is fitted [arcsec]; None is found from the data."""

    inner: float | None = Field(None, ge=0)
    outer: PositiveFloat | None = None


class StartConfig(Config):
    """Where the sampler begins.

    ``search`` is a first fit whose source is a few Gaussians, from ``candidates`` draws of the prior and of the network's answer: its
    modes are where importance sampling begins, and its source is what the mesh follows. ``network`` begins from the network's answer
    alone, ``prior`` from draws of the prior. A fit that is recognised as wrong begins anew up to ``restarts`` times.
    """

    place: Literal["search", "network", "prior"] = "search"
    candidates: PositiveInt = 512
    restarts: int = Field(1, ge=0, le=9)


class SamplerConfig(Config):
    """Importance sampling or Nautilus; ``auto`` is importance sampling, and Nautilus where that does not converge and no search was made.

    ``auto`` live points of Nautilus are 250 for a wide prior and 150 under a learned one; ``n_eff`` is the effective sample size to reach,
    for importance sampling ``importance_n_eff``. ``max_minutes`` are of the processor and for all of a fit, of which a sampler may take
    a quarter at least, however long light and search took; ``auto`` is 1.5, and 60 where Nautilus is asked for.
    """

    method: Literal["auto", "importance", "nautilus"] = "auto"
    n_live: PositiveInt | Literal["auto"] = "auto"
    n_networks: int = Field(1, ge=0, le=16)
    n_eff: PositiveInt = 1000
    importance_n_eff: PositiveInt = 300
    max_rounds: PositiveInt = 30
    max_evaluations: PositiveInt = 60_000
    max_minutes: PositiveFloat | Literal["auto"] = "auto"
    seed: int = Field(0, ge=0)
    threads: PositiveInt = 1

    @property
    def seconds(self) -> float:
        """Processor time that a fit may take [s]."""
        if self.max_minutes == "auto":
            return 3600.0 if self.method == "nautilus" else 90.0
        return 60.0 * self.max_minutes


class ModelErrorConfig(Config):
    """Typical departures of the mass from the model that fits best (:mod:`lenssbi.refinement.model_error`).

    ``einstein_radius`` is a share of it, ``ellipticity`` is of e1 and of e2, ``degrees`` are those of freedom of Student's t. Numbers of
    simulated lenses are in ``configs/refinement``.
    """

    einstein_radius: float = Field(0.0, ge=0, lt=1)
    ellipticity: float = Field(0.0, ge=0, lt=1)
    slope: float = Field(0.0, ge=0, lt=1)
    degrees: PositiveFloat = 4.0

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return max(self.einstein_radius, self.ellipticity, self.slope) > 0


NO_MODEL_ERROR = ModelErrorConfig()


class RefineConfig(Config):
    """A fit of mass, source and lens light.

    ``error_factor`` widens the error bars by what simulated lenses ask for (:mod:`lenssbi.refinement.tempering`); "auto" knows a factor
    with and one without a lens galaxy in the fit. ``model_error`` adds
    what no smooth model can know.
    """

    prior: PriorConfig = PriorConfig()
    mass: MassConfig = MassConfig()
    source: SourceKind = "pixels"
    mesh: MeshConfig = MeshConfig()
    mask: MaskConfig = MaskConfig()
    start: StartConfig = StartConfig()
    sampler: SamplerConfig = SamplerConfig()
    noise_scale: NoiseChoice | PositiveFloat = "extended"
    error_factor: Literal["auto"] | Annotated[float, Field(ge=1, le=5)] = "auto"
    model_error: ModelErrorConfig = NO_MODEL_ERROR
    lens_light: LensLightChoice = "auto"

    @model_validator(mode="after")
    def _fitted(self) -> RefineConfig:
        said = self.prior.gaussian
        if "slope" in said and self.mass.model != "power_law":
            raise ValueError("a prior of the slope needs mass.model: power_law")
        if self.mass.shear is False and {"shear1", "shear2"} & said.keys():
            raise ValueError("a prior of the shear needs mass.shear: true")
        return self


def read_place(text: str) -> Range:
    """A place [arcsec] from ``X,Y``.

    Raises
    ------
    ValueError
        If the text is not one.
    """
    try:
        x, y = map(float, text.split(","))
    except ValueError:
        raise ValueError(text) from None
    if not math.isfinite(x + y):
        raise ValueError(text)
    return x, y


def read_prior(text: str) -> tuple[str, tuple[float, ...]]:
    """Name of a parameter and what is known of it, from ``NAME=MEAN,SIGMA``, or from ``NAME=VALUE`` if it is held.

    Raises
    ------
    ValueError
        If the text is neither.
    """
    name, _, said = text.partition("=")
    try:
        values = tuple(float(part) for part in said.split(","))
    except ValueError:
        raise ValueError(text) from None
    if not name.strip().isidentifier() or len(values) > 2:
        raise ValueError(text)
    return name.strip(), values
