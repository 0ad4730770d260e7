"""Configuration of `lenssbi benchmark`: suites, methods and targets.

Paths of configurations are relative to the folder of the file, those of estimators to the working directory.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field, model_validator

from lenssbi.benchmark.fit_targets import EvaluationTarget, FitTarget
from lenssbi.benchmark.methods import WITH_PRIOR, Evaluation, Method, WrongBasin
from lenssbi.benchmark.plan import ComparisonPlan
from lenssbi.config import Config, load_config
from lenssbi.estimators.plan import TrainConfig
from lenssbi.rendering.simulation import SimulateConfig

JUDGED = {"einstein_radius": "arcsec", "phi": "deg", "q": "", "slope": ""}
"""Parameters with published errors, with their units."""


class Paper(Config):
    """Errors in the paper: half the 68 per cent interval of predicted minus true. A value is None if the paper does not give it."""

    einstein_radius: float | None = Field(default=None, gt=0, description="[arcsec]")
    phi: float | None = Field(default=None, gt=0, description="[deg]")
    q: float | None = Field(default=None, gt=0)
    slope: float | None = Field(default=None, gt=0)
    wanted: float = Field(default=1.0, gt=0, description="target as a share of these errors")

    @property
    def errors(self) -> dict[str, float]:
        """Parameter -> error."""
        return {name: value for name in JUDGED if (value := getattr(self, name)) is not None}


class CoverageWanted(Config):
    """Tolerated deviation of the coverage from nominal at 68.3, 95.5 and 99.7 per cent."""

    overall: float = Field(gt=0, lt=1, description="of all stamps")
    splits: float | None = Field(default=None, gt=0, lt=1, description="in any split that is large enough")


class Suite(Config):
    """Stamps to which every method is applied."""

    population: Path | None = Field(default=None, description="YAML file for `lenssbi simulate`; None for its defaults")
    overrides: tuple[str, ...] = Field(default=(), description="key.subkey=value, as --set takes them")
    engine: Literal["batched", "galsim"] = "batched"
    count: int = Field(default=1000, gt=0, description="stamps")
    seed: int = Field(default=1, ge=0, description="not that of a training")
    paper: Paper | None = None
    coverage: CoverageWanted | None = None
    misspecified: bool = Field(
        default=False, description="whether a network should flag the stamps as unlike its training"
    )

    def simulation(self, base: Path) -> SimulateConfig:
        """Configuration of the simulation; `base` is the folder to which the file is relative.

        Raises
        ------
        ConfigError
            If the file cannot be read or a key in it is wrong.
        """
        file = None if self.population is None else base / self.population
        return load_config(file, SimulateConfig, (f"rendering.engine={self.engine}", *self.overrides))


class Training(NamedTuple):
    """A plan, and the folder to which its files are relative."""

    config: TrainConfig
    base: Path


class Speed(Config):
    """Configuration of the timing."""

    suite: str = Field(description="suite of stamps for prediction and training")
    training: tuple[Path, ...] = Field(default=(), description="YAML files for `lenssbi train`, each run for a while")
    minutes: float = Field(default=0.5, gt=0, description="of training that each is timed for")
    wanted_cpu: float | None = Field(default=None, gt=0, description="predictions of the network [stamps/s]")
    wanted_gpu: float | None = Field(default=None, gt=0, description="the same on a GPU")
    wanted_training: float | None = Field(
        default=None, gt=0, description="minutes for the paper's 15 million stamp passes on a GPU"
    )

    def trainings(self, base: Path) -> dict[str, Training]:
        """Name -> one network, trained from the start for `minutes`; `base` is the folder to which the files are relative.

        Raises
        ------
        ConfigError
            If a file cannot be read or a key in it is wrong.
        """
        short = (f"max_minutes={self.minutes}", "start_from=null", "freeze=false", "ensemble=1")
        files = [base / file for file in self.training]
        return {file.stem: Training(load_config(file, TrainConfig, short), file.parent) for file in files}


class BenchmarkConfig(Config):
    """Methods, suites, and measurements in addition to errors and coverage."""

    methods: dict[str, Method] = Field(min_length=1, description="a network if `kind` is left out")
    suites: dict[str, Suite] = Field(min_length=1)
    count: int | None = Field(default=None, gt=0, description="largest number of stamps of each suite")
    references: tuple[str, ...] = Field(
        default=(), description="suites of stamps like those of a training, where flags are false alarms"
    )
    flagged: float = Field(
        default=0.9,
        gt=0,
        le=1,
        description="target of the share of flags among errors of misspecified suites above 3 sigma",
    )
    speed: Speed | None = None
    wrong: WrongBasin = WrongBasin()
    evaluation: Evaluation | None = None
    autolens_python: str | None = Field(default=None, description="interpreter that has PyAutoLens")
    wanted: tuple[FitTarget, ...] = Field(default=(), description="of fits; each is a line of the table")
    comparison: ComparisonPlan | None = Field(default=None, description="the paper's, which has a page of its own")

    @model_validator(mode="before")
    @classmethod
    def _networks(cls, data: Any) -> Any:
        methods = data.get("methods") if isinstance(data, dict) else None
        if not isinstance(methods, dict):
            return data
        with_kinds = {name: {"kind": "network", **m} if isinstance(m, dict) else m for name, m in methods.items()}
        return {**data, "methods": with_kinds}

    @model_validator(mode="after")
    def _check(self) -> BenchmarkConfig:
        for name in (*self.methods, *self.suites):
            if not re.fullmatch(r"[\w.+-]+", name) or name.startswith("."):
                raise ValueError(f"{name!r} becomes part of file names: use letters, digits, - and _")
        self._known("suites", [*self.references, *(part.suite for part in (self.speed, self.evaluation) if part)])
        self._known("suites", [suite for m in self.methods.values() for suite in getattr(m, "suites", None) or ()])
        for target in self.wanted:
            if not isinstance(target, EvaluationTarget):
                chosen = [getattr(target, key, None) for key in ("method", "to", "peer")]
                self._known("methods", [name.removesuffix(WITH_PRIOR) for name in chosen if name is not None])
                self._known("suites", [*getattr(target, "suites", ()), *filter(None, [getattr(target, "suite", None)])])
        self._known("methods", [] if self.evaluation is None else list(self.evaluation.memory))
        for what, names in ({} if self.comparison is None else self.comparison.named()).items():
            self._known(what, names)
        return self

    def _known(self, what: Literal["suites", "methods"], names: Sequence[str]) -> None:
        known = getattr(self, what)
        for name in names:
            if name not in known:
                raise ValueError(f"{name!r} is none of the {what} {', '.join(known)}")
