"""Errors of fluxes, magnification and size of the source: the same numbers of models drawn from the posterior.

Every drawn lens model has a source of its own, the most probable one. What is spread out is therefore how the numbers depend on the mass
and on the strength of the regularisation; the noise of a source behind a given mass is not part of it. Lens light that was taken off
before the fit is the same for all draws, and has no error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.dataset.redshifts import known
from lenssbi.dataset.stamp import Stamp
from lenssbi.posteriors import Samples, Summary
from lenssbi.posteriors.cosmology import DEFAULT, kpc_per_arcsec
from lenssbi.posteriors.quantities import quantities
from lenssbi.posteriors.samples import systematic
from lenssbi.refinement.likelihood import VectorLikelihood
from lenssbi.refinement.photometry import SIZE, SIZE_KPC, UNITS, Photometry, photometry
from lenssbi.refinement.result import LensModel

COUNT = 32  # models: 16th and 84th percentiles are known to a quarter of sigma
SEED = 32


def drawn_photometry(
    samples: Samples, likelihood: VectorLikelihood, apart: Callable[[LensModel], tuple[Stamp, FloatArray | None]]
) -> dict[str, list[float]]:
    """The fields of `Photometry` of `COUNT` models, in the order of the draws.

    Parameters
    ----------
    samples
        Posterior; its columns are those of the likelihood.
    likelihood
        Likelihood of the stamp.
    apart
        Function that returns, for a model, the stamp without the lens light, and that light.
    """
    rows = samples.values[systematic(samples.weights, COUNT, SEED)]
    rows = rows[:, [samples.names.index(name) for name in likelihood.params(rows[0])]]
    models = map(likelihood.model, rows)
    found = [photometry(stamp, model, light) for model in models for stamp, light in [apart(model)]]
    return {name: [getattr(one, name) for one in found] for name in Photometry._fields}


def light_quantities(drawn: Mapping[str, Sequence[float]], facts: Mapping[str, Any]) -> dict[str, Summary]:
    """Median, 16th and 84th percentile of what was measured of drawn models; of the size also in kpc, if `z_source` is known.

    Parameters
    ----------
    drawn
        Result of :func:`drawn_photometry`.
    facts
        Mapping with ``z_source`` and ``cosmology``, if they are known.
    """
    columns = {name: np.asarray(values, dtype=float) for name, values in drawn.items()}
    if SIZE in columns and facts.get("z_source") is not None:
        columns[SIZE_KPC] = columns[SIZE] * kpc_per_arcsec(facts["z_source"], facts.get("cosmology") or DEFAULT)
    found = {name: _summary(name, column[np.isfinite(column)]) for name, column in columns.items()}
    return {name: summary for name, summary in found.items() if summary is not None}


def fit_quantities(samples: Samples, stamp: Stamp) -> dict[str, Summary]:
    """All that follows from a fit: quantities of the mass, and those of light and source.

    Parameters
    ----------
    samples
        Posterior of the fit.
    stamp
        Stamp, for redshifts and cosmology.
    """
    facts = known(stamp.info)
    best = {
        name: [value] for name, value in samples.info.get("photometry", {}).items()
    }  # of a fit without drawn models
    return quantities(samples, facts) | light_quantities(samples.info.get("drawn_photometry", best), facts)


def _summary(name: str, values: FloatArray) -> Summary | None:
    """Of finite values, shape (n,); None for none, and limits that are NaN if nothing varies."""
    if not len(values):
        return None
    found = Samples(values[:, None], (name,), (UNITS[name],)).summary()[name]
    return found if np.ptp(values) > 0 else found._replace(lower=float("nan"), upper=float("nan"), sigma=float("nan"))
