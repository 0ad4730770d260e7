"""The methods of a benchmark that fit a suite lens by lens: our fits and those of PyAutoLens."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias, TypeVar

from lenssbi.benchmark.config import BenchmarkConfig
from lenssbi.benchmark.methods import AutolensMethod, FitMethod
from lenssbi.benchmark.runners.fits import Fits, card_of
from lenssbi.benchmark.runners.peers import PeerFits, find_peer
from lenssbi.config import load_config
from lenssbi.refinement.config import RefineConfig

Sampled: TypeAlias = Fits | PeerFits
M = TypeVar("M", FitMethod, AutolensMethod)


def sampled_methods(config: BenchmarkConfig, base: Path) -> dict[str, Sampled]:
    """The methods that are applied lens by lens.

    Raises
    ------
    InputError, ConfigError
        If an estimator or a configuration cannot be read.
    """
    found: dict[str, Sampled] = {}
    for name, method in config.methods.items():
        if isinstance(method, FitMethod):
            found[name] = Fits(_anywhere(method), method.refinement(base))
        elif isinstance(method, AutolensMethod):
            load_config(None, RefineConfig, method.overrides)  # mistakes raise before any work is done
            found[name] = PeerFits(_anywhere(method), find_peer(config.autolens_python))
        if isinstance(method, FitMethod | AutolensMethod) and method.estimator is not None:
            card_of(method.estimator)
    return found


def _anywhere(method: M) -> M:
    """The method with the absolute path of its estimator, for workers in other folders."""
    from lenssbi.estimators.load import find_estimator

    if method.estimator is None:
        return method
    return method.model_copy(update={"estimator": str(find_estimator(method.estimator).absolute())})
