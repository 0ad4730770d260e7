"""Which prior the posteriors of a catalogue carry, by the way that they were made.

network    the truths of its training after selection: those of a set simulated with the training's own configuration. The ranges in
           an estimator's card are those before selection, so they are not used.
refined    the fit's broad prior: uniform in einstein_radius, in the axis ratio and in the slope; a learned prior is divided out of
           such a posterior already
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.parameters import Uniform
from lenssbi.population_inference import Interim, Quantity, density_of_truths, on_scale
from lenssbi.posteriors import derive_ellipse
from lenssbi.status import InputError

if TYPE_CHECKING:
    from lenssbi.pipelines.catalogue.folder import CatalogueFolder

FIT_RANGES = {"q": "axis_ratio", "slope": "slope", "einstein_radius": "einstein_radius"}
"""Of the broad prior, by parameter (`refinement.config.PriorConfig`)."""


def interims(
    catalogue: CatalogueFolder, methods: set[str], asked: Quantity, sets: Sequence[Path]
) -> tuple[dict[str, Interim], dict[str, str]]:
    """Prior of each method, and what it is in words."""
    found: dict[str, Interim] = {}
    words: dict[str, str] = {}
    if "network" in methods:
        if not sets:
            raise InputError(
                f"the network's posteriors carry the {asked.parameter} of its training's stamps as their prior: give such stamps with "
                f"--prior set.h5 (lenssbi simulate CONFIG --count 5000 --out set.h5{_training_of(catalogue)})"
            )
        truths = np.concatenate([_truths(path, asked) for path in sets])
        found["network"] = density_of_truths(truths, asked)
        words["network"] = (
            f"density of {len(truths):,} truths after selection ({', '.join(path.name for path in sets)})"
        )
    if "refined" in methods:
        low, high = getattr(catalogue.config.fit.prior, FIT_RANGES[asked.parameter])
        found["refined"] = on_scale(Uniform(low, high), asked)
        words["refined"] = f"uniform in {asked.parameter} between {low:g} and {high:g}"
    return found, words


def _truths(path: Path, asked: Quantity) -> FloatArray:
    """True values of the parameter of the stamps in a set, shape (stamp,)."""
    from lenssbi.dataset import StampSet

    with StampSet(path) as stamps:
        params = stamps.params
    if {"e1", "e2"} <= set(params):
        params |= derive_ellipse(params["e1"], params["e2"])
    if asked.parameter not in params:
        raise InputError(f"{path}: the set has no {asked.parameter}: give one of the network's training")
    return np.asarray(params[asked.parameter], dtype=float)


def _suites(catalogue: CatalogueFolder) -> set[str]:
    """Names of the populations that the catalogue's network was trained on; none where it cannot be found."""
    from lenssbi.estimators.checkpoint import read_card
    from lenssbi.estimators.load import DEFAULT, find_estimator

    try:
        card = read_card(find_estimator(catalogue.config.estimator or DEFAULT))
    except InputError:
        return set()
    seen = (*card.training.get("sets", ()), *card.training.get("populations", ()))
    return {_suite(entry.get("config", "")) for entry in seen} - {""}


def _suite(config: str) -> str:
    """Name of the population in the configuration of a set."""
    import yaml

    try:
        return str(yaml.safe_load(config)["population"]["suite"])
    except (yaml.YAMLError, KeyError, TypeError):
        return ""


def _training_of(catalogue: CatalogueFolder) -> str:
    suites = sorted(_suites(catalogue))
    return f"; it was trained on {' and '.join(suites)}" if suites else ""


def other_training(catalogue: CatalogueFolder, sets: Sequence[Path]) -> Iterator[str]:
    """A sentence for each set of another population than the network's training."""
    from lenssbi.dataset import StampSet

    suites = _suites(catalogue)
    for path in sets:
        with StampSet(path) as stamps:
            suite = _suite(str(stamps.attributes["config"]))
        if suites and suite not in suites:
            yield f"{path.name} is of {suite or 'an unknown population'}, the network was trained on {' and '.join(sorted(suites))}"
