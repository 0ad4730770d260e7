"""Posteriors in the format of ArviZ: `InferenceData`, and its NetCDF file.

ArviZ has no weights. Weighted draws are resampled in the systematic way (Kitagawa 1996, J. Comput. Graph. Stat. 5, 1; Douc,
Cappe & Moulines 2005): with one random number u, draw i is taken as often as the places

    (u + j) / n,   j = 0 ... n - 1

fall into its part of the cumulative weights, that is, n w_i times rounded down or up. n is the effective number of draws (Kish's), so that
ArviZ's own error estimates, which assume independent draws, are not too small. Equal weights are passed on as they are.

    posterior      one chain; e1, e2 and the derived q and phi [deg] among the variables, each with `units` and `description`
    sample_stats   `log_weight` of each draw in the original posterior

An attribute `coordinates` is reserved by the CF conventions: xarray reads it as a list of variables that are coordinates. No attribute
has that name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import lenssbi
from lenssbi.files import atomic
from lenssbi.parameters.conventions import CONVENTIONS, COORDINATES, convention
from lenssbi.posteriors.export import library
from lenssbi.posteriors.samples import PERIODS, Samples, systematic

if TYPE_CHECKING:
    from arviz import InferenceData

RESERVED = "coordinates"


def to_inference_data(samples: Samples, *, seed: int = 0, about: Mapping[str, Any] | None = None) -> InferenceData:
    """The posterior as ArviZ's own object.

    Parameters
    ----------
    samples
        The posterior.
    seed
        Seed of the one random number that resampling uses.
    about
        Further attributes, text and numbers.

    Raises
    ------
    InputError
        If arviz is not installed.
    ValueError
        If ``about`` has the reserved name ``coordinates``.
    """
    if about and RESERVED in about:
        raise ValueError(f"an attribute cannot be called {RESERVED}: xarray takes its words for names of variables")
    arviz = library("arviz")
    samples = samples.derived()
    weighted = samples.log_weights is not None and np.ptp(samples.log_weights) > 0
    rows = systematic(samples.weights, round(samples.n_eff), seed) if weighted else np.arange(len(samples))
    log_weights = np.log(samples.weights[rows])
    data = arviz.from_dict(
        posterior={name: samples.column(name)[rows][None] for name in samples.names},
        sample_stats={"log_weight": log_weights[None]},
    )
    for name in samples.names:
        attributes = {"units": samples.unit(name), "description": convention(name)}
        period = {"period": PERIODS[name]} if name in PERIODS else {}
        data.posterior[name].attrs.update(attributes | period)
    data.posterior.attrs.update(_attributes(samples, seed if weighted else None) | dict(about or {}))
    return data


def write(samples: Samples, path: str | Path, *, seed: int = 0, about: Mapping[str, Any] | None = None) -> Path:
    """Write the posterior as NetCDF, which `arviz.from_netcdf` reads; parameters and errors as `to_inference_data`, and

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    path = Path(path)
    data = to_inference_data(samples, seed=seed, about=about)
    with atomic(path) as temporary:
        data.to_netcdf(str(temporary))
    return path


def _attributes(samples: Samples, seed: int | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "lenssbi_version": lenssbi.__version__,
        "draws": len(samples),
        "n_eff": samples.n_eff,
        "resampled": "no, all draws weigh the same" if seed is None else f"systematic, seed {seed}",
        "frame": COORDINATES,
        "conventions": json.dumps({name: CONVENTIONS[name] for name in samples.names if name in CONVENTIONS}),
        "info": json.dumps(dict(samples.info)),
    }
    return found if samples.log_evidence is None else found | {"log_evidence": samples.log_evidence}
