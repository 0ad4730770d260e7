"""Configuration of a catalogue."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveFloat

from lenssbi.config import Config
from lenssbi.refinement.config import RefineConfig

TableFormat = Literal["ecsv", "fits", "parquet"]


class AutoConfig(Config):
    """Conditions for a fit with `refine: auto` (:mod:`lenssbi.pipelines.catalogue.decide`); None disables a condition.

    ``max_relative_error`` is half of the 68 per cent interval of einstein_radius over its median, ``max_residual`` the mean square of
    residual over noise of the network's own model image. ``misspecified`` is for stamps that are unlike the network's training, and those
    to which it does not apply.
    """

    max_relative_error: PositiveFloat | None = 0.05
    max_residual: PositiveFloat | None = 2.0
    misspecified: bool = True


class CatalogueConfig(Config):
    """Configuration of a catalogue.

    ``images`` is whether to make the model image of each posterior of the network, for its residual and the thumbnails of the report;
    ``draws`` is the number of stored draws of each of these posteriors; ``figures`` is whether to make figures of the fits.
    """

    refine: Literal["auto", "all", "none"] = "auto"
    auto: AutoConfig = AutoConfig()
    estimator: str | None = Field(
        None, description="name of shipped weights or folder of a run; None: the shipped ones"
    )
    images: bool = True
    draws: int = Field(1000, ge=0, le=2000)
    figures: bool = True
    tables: tuple[TableFormat, ...] = ("ecsv", "parquet")
    seed: int = Field(0, ge=0, description="seed of the draws for the quantiles of the network's posteriors")
    fit: RefineConfig = RefineConfig()
