"""`lenssbi population`: the distribution of a parameter over the lenses of a catalogue.

Each posterior is divided by its own prior, which depends on the method (`lenssbi.population_inference.training`).
Lenses that need a human are left out unless they are requested, because objects that are not lenses give no information about lenses.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import lenssbi
from lenssbi.files import atomic
from lenssbi.parameters.conventions import convention
from lenssbi.pipelines.results import Progress, silent
from lenssbi.population_inference import (
    BinnedPosteriors,
    InterimPrior,
    PopulationPosterior,
    Quantity,
    bin_posteriors,
    cautions,
    common_support,
    infer,
    quantity,
)
from lenssbi.population_inference.training import interims, other_training
from lenssbi.posteriors import Samples, Summary
from lenssbi.status import InputError, Status

if TYPE_CHECKING:
    from lenssbi.pipelines.catalogue.folder import CatalogueFolder

FORMATS = (".ecsv", ".json")
FIT_RANGES = {"q": "axis_ratio", "slope": "slope", "einstein_radius": "einstein_radius"}
"""Limits of the broad prior of a fit, by parameter (`refinement.config.PriorConfig`)."""
DRAWS = 4000  # number of draws of mean and scatter in the table


@dataclass(frozen=True)
class PopulationResult:
    """A population.

    Parameters
    ----------
    quantity
        Parameter that is distributed.
    posterior
        Posterior of mean and scatter.
    beliefs
        Posteriors of the lenses that were used.
    left_out
        Number of lenses that were not used, by reason.
    prior
        Description of the prior that was divided out, by method.
    notes
        Notes for the user.
    seconds
        Wall-clock time [s].
    path, figure
        Files written; None if there is none.
    """

    quantity: Quantity
    posterior: PopulationPosterior
    beliefs: BinnedPosteriors
    left_out: Mapping[str, int]
    prior: Mapping[str, str]
    notes: tuple[str, ...]
    seconds: float
    path: str | None = None
    figure: str | None = None

    @property
    def params(self) -> dict[str, Summary]:
        """Summary of "mean" and "scatter"."""
        return self.posterior.summary()

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        quality = self.posterior.quality
        return {
            "parameter": self.quantity.parameter,
            "quantity": self.quantity.name,
            "unit": self.quantity.unit,
            "convention": convention(self.quantity.parameter),
            "limits": list(self.posterior.limits),
            "params": {name: summary.as_json() for name, summary in self.params.items()},
            "lenses": len(self.beliefs),
            "left_out": dict(self.left_out),
            "prior": dict(self.prior),
            "draws": {"least": float(quality.draws.min()), "median": float(np.median(quality.draws))},
            "few_draws": list(quality.few),
            "log_likelihood_variance": quality.variance,
            "errors_by_draws": dict(quality.errors),
            "outside_the_prior": float(self.beliefs.lost.mean()),
            "notes": list(self.notes),
            "seconds": round(self.seconds, 3),
            "path": self.path,
            "figure": self.figure,
        }


def run(
    folder: Path,
    parameter: str,
    *,
    prior: Sequence[Path] = (),
    out: Path | None = None,
    everything: bool = False,
    progress: Progress = silent,
) -> PopulationResult:
    """Infer a population from a catalogue.

    Parameters
    ----------
    folder
        Folder of the catalogue.
    parameter
        Parameter: q, slope or einstein_radius.
    prior
        Sets of stamps like the network's training.
    out
        File to write, .ecsv (draws of mean and scatter) or .json; a figure of the same name is written next to it. None writes nothing.
    everything
        Whether to use lenses that need a human.
    progress
        Function that is called with (lenses read, lenses in all, text).

    Raises
    ------
    InputError
        If there is no catalogue, no lens to use, no prior for the network's posteriors, or a file cannot be written.
    """
    from lenssbi.pipelines.catalogue.folder import CatalogueFolder

    start = time.perf_counter()
    inferred = quantity(parameter)
    if out is not None and out.suffix.lower() not in FORMATS:
        raise InputError(f"{out}: a population ends in {' or '.join(FORMATS)}: choose one of them")
    catalogue = CatalogueFolder.open(folder)
    methods, left_out = _chosen(catalogue, folder, everything)
    priors, words = interims(
        set(methods.values()), inferred, prior, ranges=_ranges(catalogue), estimator=catalogue.config.estimator
    )
    beliefs = bin_posteriors(
        _posteriors(catalogue, methods, priors, progress), inferred, common_support(priors.values(), inferred)
    )
    left_out |= {"outside the prior": len(beliefs.left_out)} if beliefs.left_out else {}
    posterior = infer(beliefs)
    notes = (*cautions(posterior), *(other_training(catalogue.config.estimator, prior) if "network" in priors else ()))
    result = PopulationResult(inferred, posterior, beliefs, left_out, words, notes, time.perf_counter() - start)
    return result if out is None else _write(result, out, priors)


def _ranges(catalogue: CatalogueFolder) -> dict[str, tuple[float, float]]:
    """Limits of the broad prior of the catalogue's fits, by parameter."""
    return {name: getattr(catalogue.config.fit.prior, key) for name, key in FIT_RANGES.items()}


def _chosen(catalogue: CatalogueFolder, folder: Path, everything: bool) -> tuple[dict[str, str], dict[str, int]]:
    """Method of each lens that is used, by name, and number of the others, by reason."""
    methods, left_out = {}, {"failed": 0, "flagged": 0}
    for row in catalogue.table():
        if str(row["status"]) != Status.DONE.value:
            left_out["failed"] += 1
        elif bool(row["needs_human"]) and not everything:
            left_out["flagged"] += 1
        else:
            methods[str(row["name"])] = str(row["method"])
    if not methods:
        remedy = "use them with --everything" if left_out["flagged"] else "make the catalogue again"
        raise InputError(
            f"{folder}: no lens to use ({left_out['failed']} failed, {left_out['flagged']} flagged): {remedy}"
        )
    return methods, left_out


def _posteriors(
    catalogue: CatalogueFolder, methods: Mapping[str, str], priors: Mapping[str, InterimPrior], progress: Progress
) -> Iterator[tuple[str, Samples, InterimPrior]]:
    done = 0
    for name, samples in catalogue.all_samples():
        if name in methods:
            yield name, samples, priors[methods[name]]
            done += 1
            progress(done, len(methods), "reading the posteriors")


def _write(result: PopulationResult, out: Path, priors: Mapping[str, InterimPrior]) -> PopulationResult:
    from lenssbi.plots.population_inference import population_figure
    from lenssbi.plots.style import save

    one = next(iter(priors.values())) if len(priors) == 1 else None
    figure = save(population_figure(result.posterior, result.beliefs, one), out.with_suffix(".png"))
    result = replace(result, path=str(out), figure=str(figure))
    found = {"lenssbi_version": lenssbi.__version__, **result.as_json()}
    with atomic(out) as temporary:
        if out.suffix.lower() == ".json":
            temporary.write_text(json.dumps(found, indent=1) + "\n")
        else:
            from astropy.table import Column, Table

            draws = result.posterior.sample(DRAWS, np.random.default_rng(0))
            unit = result.quantity.unit or None
            columns = [Column(draws.column(name), name=name, unit=unit) for name in draws.names]
            Table(columns, meta=found).write(temporary, format="ascii.ecsv")
    return result
