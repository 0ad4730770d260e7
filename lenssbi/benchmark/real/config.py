"""The configuration of a benchmark on real stamps."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from lenssbi.config import Config, top_keys
from lenssbi.refinement.config import RefineConfig
from lenssbi.status import InputError

Method: TypeAlias = Literal["network", "fit"]


class RealConfig(Config):
    """Real stamps, and a table of published values for them.

    Both paths are relative to the folder of the configuration's file or, if they do not exist there, to the working directory.
    """

    stamps: Path = Field(description="folder of FITS stamps, each named after its id in the table")
    published: Path = Field(description="table of published values")
    methods: tuple[Method, ...] = Field(
        default=("network", "fit"), min_length=1, description="methods to compare; without `fit` nothing is fitted"
    )
    estimator: str | None = Field(
        default=None, description="name of shipped weights or folder of a run; None: the shipped ones"
    )
    fit: RefineConfig = RefineConfig()
    count: PositiveInt | None = Field(default=None, description="number of stamps, the first of the table; None: all")
    outlier: PositiveFloat = Field(default=0.15, description="relative difference from which a radius is an outlier")
    draws: PositiveInt = Field(default=200, description="draws of a posterior for which critical curves are traced")
    resamples: PositiveInt = Field(default=2000, description="bootstrap samples of the stamps")
    seed: NonNegativeInt = Field(default=0, description="seed of the network's draws and of the bootstrap")


def is_real(path: Path) -> bool:
    """Whether a configuration of `lenssbi benchmark` is for real stamps, that is, names a table of published values.

    Raises
    ------
    ConfigError
        If the file cannot be read.
    """
    return "published" in top_keys(path)


def find(path: Path, base: Path) -> Path:
    """The file or folder `path`, relative to `base` or to the working directory.

    Raises
    ------
    InputError
        If there is none.
    """
    for root in (base, Path()):
        if (root / path).exists():
            return root / path
    raise InputError(
        f"{path}: there is no such file or folder, seen from {base} or from the working directory: correct the configuration"
    )
