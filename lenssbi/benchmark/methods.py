"""Methods that can be applied to the lenses of a suite: a network, our fit, PyAutoLens's fit.

A network processes all stamps at once (`answers.py`). The others take seconds to minutes per lens, so they are run lens by lens and
each result is stored (`records.py`); they may be limited to some suites and to the first lenses of each.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from lenssbi.config import Config, load_config
from lenssbi.refinement.config import ModelErrorConfig, RefineConfig

WITH_PRIOR = "+prior"
"""Suffix of the name of a fit under a learned prior, if that prior is not divided out."""
KEYS = {"prior": "prior.mode", "sampler": "sampler.method", "start": "start.place"}
"""Keys of a method -> the corresponding ones of `lenssbi refine`."""

WRONG_STARTS = {"under": 0.55, "over": 1.5}
"""Wrong starts -> their Einstein radius over that of the circle through the arcs."""


class NetworkMethod(Config):
    """An estimator with its posterior."""

    kind: Literal["network"] = "network"
    estimator: str = Field(description="name of shipped weights, or folder of a training run")
    config: Path | None = Field(default=None, description="YAML file for `lenssbi refine`, whose model_error is added")
    suites: tuple[str, ...] | None = Field(default=None, description="only these; None for all that it applies to")

    def model_error(self, base: Path) -> ModelErrorConfig:
        """Error that is added to its posterior; `base` is the folder to which the file is relative.

        Raises
        ------
        ConfigError
            If the file cannot be read or a key in it is wrong.
        """
        return load_config(None if self.config is None else base / self.config, RefineConfig).model_error


class FitMethod(Config):
    """A pixelised-source fit of each lens, as `lenssbi refine` does it. A key that is None is left to the configuration of the fit."""

    kind: Literal["fit"]
    prior: str | None = Field(default=None, description="blind, cnn-uniform, cnn-gaussian, cnn-joint or auto")
    sampler: str | None = Field(default=None, description="nautilus, importance or auto")
    start: str | None = Field(
        default=None, description="start.place, or under or over: a lens of too little or too much mass"
    )
    estimator: str | None = Field(default=None, description="name of shipped weights, or folder of a training run")
    config: Path | None = Field(default=None, description="YAML file for `lenssbi refine`; None for its defaults")
    overrides: tuple[str, ...] = Field(default=(), description="key.subkey=value, as --set takes them")
    suites: tuple[str, ...] | None = Field(
        default=None, description="only these; None for all that the model applies to"
    )
    count: PositiveInt | None = Field(default=None, description="largest number of lenses of each suite")
    divided: Literal["both", "divided", "with-prior"] = Field(
        default="both",
        description="posterior under a learned prior that is evaluated: with it divided out, with it, or both",
    )

    @property
    def wrong_start(self) -> float | None:
        """Einstein radius at the start of the first run over that of the circle through the arcs, for a wrong start."""
        return WRONG_STARTS.get(self.start or "")

    def refinement(self, base: Path) -> RefineConfig:
        """Configuration of the fit; `base` is the folder to which the file is relative.

        Raises
        ------
        ConfigError
            If the file cannot be read or a key in it is wrong.
        """
        settings = [f"{key}={value}" for name, key in KEYS.items() if (value := getattr(self, name)) is not None]
        settings = [
            "start.place=prior" if self.wrong_start and one.startswith("start.place=") else one for one in settings
        ]
        return load_config(
            None if self.config is None else base / self.config, RefineConfig, (*settings, *self.overrides)
        )


class AutolensMethod(Config):
    """PyAutoLens's Nautilus fit of each lens: an isothermal ellipsoid without shear, the same stamp, mask and sub-grid as ours.

    Priors are ours as far as its parameters allow: `blind` is uniform in einstein_radius about the circle estimate and in both
    components of the ellipticity, `cnn-gaussian` has Gaussians with the moments of the estimator's posterior in its parameters.
    """

    kind: Literal["autolens"]
    prior: Literal["blind", "cnn-gaussian"] = "blind"
    estimator: str | None = Field(default=None, description="for cnn-gaussian")
    mesh: Literal["delaunay", "rectangular"] = "delaunay"
    solver: Literal["linear", "positive"] = "linear"
    pixels: PositiveInt = Field(default=680, description="of the source")
    n_live: PositiveInt = 150
    n_eff: PositiveInt = 500
    minutes: PositiveFloat = Field(
        default=30.0, description="for a lens; it is then stopped, which is noted in its row"
    )
    overrides: tuple[str, ...] = Field(default=(), description="of our fit, for its mask, sub-grid and PSF")
    suites: tuple[str, ...] | None = None
    count: PositiveInt | None = None


def not_its_suite(method: NetworkMethod | FitMethod | AutolensMethod, suite: str) -> str | None:
    """Why a method is not applied to a suite, if it names others; otherwise None."""
    if method.suites is None or suite in method.suites:
        return None
    return "it is not among the method's suites"


Method: TypeAlias = Annotated[NetworkMethod | FitMethod | AutolensMethod, Field(discriminator="kind")]


class WrongBasin(Config):
    """Limits of catastrophic fits: the error of the median einstein_radius exceeds all of these."""

    arcsec: NonNegativeFloat = 0.1
    sigma: NonNegativeFloat = Field(default=5.0, description="standard deviations of its posterior")
    share: NonNegativeFloat = Field(default=0.0, description="of the true radius")


class Evaluation(Config):
    """One evaluation of the likelihood, timed on one stamp for each mesh."""

    suite: str = Field(description="suite of the stamp")
    index: int = Field(default=0, ge=0, description="index of the stamp")
    overrides: tuple[str, ...] = Field(default=(), description="of the fit: mask, sub-grid, number of source pixels")
    meshes: tuple[str, ...] = ("rectangular", "delaunay", "voronoi")
    columns: PositiveInt = Field(default=40, description="of lens light, solved for with the source")
    strength: PositiveFloat = Field(default=1.0, description="of the regularisation")
    repeats: int = Field(default=40, ge=3, description="evaluations timed for each row")
    batch: PositiveInt = Field(default=64, description="evaluations at a time of the batched path")
    memory: tuple[str, ...] = Field(
        default=(), description="methods for which the memory of a fit of this stamp is measured"
    )
