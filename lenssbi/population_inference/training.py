"""The prior that is contained in the posteriors of a catalogue, by their method.

network    the truths of its training after selection: those of a set simulated with the training's own configuration. The ranges in
           an estimator's card are those before selection, so they are not used.
refined    the fit's broad prior: uniform in einstein_radius, in the axis ratio and in the slope; a learned prior is divided out of
           such a posterior already
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.parameters import Uniform
from lenssbi.population_inference.interim import InterimPrior, density_of_truths, on_scale
from lenssbi.population_inference.quantities import Quantity
from lenssbi.posteriors import derive_ellipse
from lenssbi.status import InputError


def interims(
    methods: set[str],
    quantity: Quantity,
    sets: Sequence[Path],
    *,
    ranges: Mapping[str, tuple[float, float]],
    estimator: str | None,
) -> tuple[dict[str, InterimPrior], dict[str, str]]:
    """Prior of each method, and its description.

    Parameters
    ----------
    methods
        "network" and "refined", or one of them.
    quantity
        Parameter whose distribution is inferred.
    sets
        Sets of stamps that the network was trained on, or of the same population.
    ranges
        Limits of the fits' broad prior by parameter, q, slope and einstein_radius [arcsec].
    estimator
        Network of the catalogue; None for the shipped one.

    Raises
    ------
    InputError
        If no set is given for the network's posteriors, or one lacks the parameter.
    """
    found: dict[str, InterimPrior] = {}
    descriptions: dict[str, str] = {}
    if "network" in methods:
        if not sets:
            raise InputError(
                f"the network's posteriors carry the {quantity.parameter} of its training's stamps as their prior: give such stamps with "
                f"--prior set.h5 (lenssbi simulate CONFIG --count 5000 --out set.h5{_training_of(estimator)})"
            )
        truths = np.concatenate([_truths(path, quantity) for path in sets])
        found["network"] = density_of_truths(truths, quantity)
        descriptions["network"] = (
            f"density of {len(truths):,} truths after selection ({', '.join(path.name for path in sets)})"
        )
    if "refined" in methods:
        low, high = ranges[quantity.parameter]
        found["refined"] = on_scale(Uniform(low, high), quantity)
        descriptions["refined"] = f"uniform in {quantity.parameter} between {low:g} and {high:g}"
    return found, descriptions


def _truths(path: Path, quantity: Quantity) -> FloatArray:
    """True values of the parameter of the stamps in a set, shape (stamp,)."""
    from lenssbi.dataset import StampSet

    with StampSet(path) as stamps:
        params = stamps.params
    if {"e1", "e2"} <= set(params):
        params |= derive_ellipse(params["e1"], params["e2"])
    if quantity.parameter not in params:
        raise InputError(f"{path}: the set has no {quantity.parameter}: give one of the network's training")
    return np.asarray(params[quantity.parameter], dtype=float)


def _suites(estimator: str | None) -> set[str]:
    """Names of the populations that the catalogue's network was trained on; none if it cannot be found."""
    from lenssbi.estimators.checkpoint import read_card
    from lenssbi.estimators.load import DEFAULT, find_estimator

    try:
        card = read_card(find_estimator(estimator or DEFAULT))
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


def _training_of(estimator: str | None) -> str:
    suites = sorted(_suites(estimator))
    return f"; it was trained on {' and '.join(suites)}" if suites else ""


def other_training(estimator: str | None, sets: Sequence[Path]) -> Iterator[str]:
    """A sentence for each set of another population than the network's training."""
    from lenssbi.dataset import StampSet

    suites = _suites(estimator)
    for path in sets:
        with StampSet(path) as stamps:
            suite = _suite(str(stamps.attributes["config"]))
        if suites and suite not in suites:
            yield f"{path.name} is of {suite or 'an unknown population'}, the network was trained on {' and '.join(sorted(suites))}"
