"""Targets of fits, one class for each kind; each becomes a line of the table.

A target names its value: an evaluation by mesh, solver and columns, the others by method and suite. `peer` names the method
of the value in the second column.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, PositiveFloat

from lenssbi.config import Config


class EvaluationTarget(Config):
    """Milliseconds of one evaluation on one core, or of one in a batch on a GPU."""

    of: Literal["evaluation"]
    mesh: str = "rectangular"
    solver: Literal["linear", "positive"] = "linear"
    columns: bool = Field(default=False, description="with lens light")
    batched: bool = Field(default=False, description="in a batch on a GPU")
    ms: PositiveFloat


class TimeTarget(Config):
    """Median seconds of a fit."""

    of: Literal["time"]
    method: str
    suite: str
    peer: str | None = None
    seconds: PositiveFloat


class SameTarget(Config):
    """The same posterior as the peer's: medians within some sigma, widths within some share."""

    of: Literal["same"]
    method: str
    suite: str
    peer: str
    medians: PositiveFloat = Field(default=0.5, description="[sigma]")
    widths: PositiveFloat = 0.25


class MemoryTarget(Config):
    """Peak memory of a fit in a new process."""

    of: Literal["memory"]
    method: str
    peer: str | None = None
    megabytes: PositiveFloat


class WrongTarget(Config):
    """Share of the lenses with a fit in a wrong basin and without a flag."""

    of: Literal["wrong"]
    method: str
    suite: str
    peer: str | None = None
    share: PositiveFloat


class CoverageTarget(Config):
    """Largest deviation of the coverage at 68.3, 95.5 and 99.7 per cent from nominal, over the parameters."""

    of: Literal["coverage"]
    method: str
    suite: str
    peer: str | None = None
    within: PositiveFloat = 0.05


class RatioTarget(Config):
    """Errors or times of a method relative to those of another in the same run, on average over parameters and suites."""

    of: Literal["ratio"]
    what: Literal["error", "seconds"]
    method: str
    to: str
    suites: tuple[str, ...]
    ratio: PositiveFloat


FitTarget: TypeAlias = Annotated[
    EvaluationTarget | TimeTarget | SameTarget | MemoryTarget | WrongTarget | CoverageTarget | RatioTarget,
    Field(discriminator="of"),
]
