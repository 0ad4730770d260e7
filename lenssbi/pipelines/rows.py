"""Rows of the catalogue from results."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from lenssbi.catalogue import COVARIANCE
from lenssbi.dataset.observed import describe
from lenssbi.dataset.redshifts import REDSHIFTS
from lenssbi.dataset.stamp import Stamp
from lenssbi.pipelines.results import ItemResult
from lenssbi.posteriors import Samples, derive_ellipse


def row_of(name: str, item: ItemResult, samples: Samples | None, method: str) -> dict[str, Any]:
    """The row of one stamp.

    Parameters
    ----------
    name
        Name of the stamp.
    item
        Result of the stamp.
    samples
        Posterior, for the covariance; None if there is none.
    method
        Method: "network" or "refined".
    """
    truth = _with_ellipse(item.truth)
    row = item.as_json() | {"name": name, "method": method, "truth": truth}
    if samples is None:
        return row | {"covariance": {}, "ranks": {}}
    return row | {"covariance": _covariance(samples), "ranks": _ranks(samples, truth or {})}


def about(stamp: Stamp, arcs: Stamp | None) -> dict[str, Any]:
    """Columns about the stamp itself for its row: position, S/N, redshifts, and the description that a posterior stores.

    Parameters
    ----------
    stamp
        Stamp that was read.
    arcs
        Stamp without the lens light, with the noise of single pixels; None if the light was not subtracted.
    """
    from lenssbi.refinement.signal import source_signal_to_noise

    known = {name: stamp.info[name] for name in ("ra", "dec", "snr", *REDSHIFTS) if name in stamp.info}
    if "snr" not in known and arcs is not None:
        known["snr"] = source_signal_to_noise(arcs)
    return known | {"observation": describe(stamp)}


def _with_ellipse(truth: Mapping[str, float] | None) -> dict[str, float] | None:
    """True values, with q and phi [deg] if e1 and e2 are known."""
    if truth is None or not {"e1", "e2"} <= truth.keys():
        return None if truth is None else dict(truth)
    derived = derive_ellipse(np.array(truth["e1"]), np.array(truth["e2"]))
    return {**truth, **{name: float(value) for name, value in derived.items()}}


def _ranks(samples: Samples, truth: Mapping[str, float]) -> dict[str, float]:
    """Share of the posterior below the true value.

    It must be uniform over lenses with right posteriors, so the circle of an angle is cut at a place that depends on the posterior only.
    If it were cut opposite to the truth, the share would be 1/2 for every unknown orientation, and every interval would contain the truth.
    """
    draws = samples.derived()
    return {name: draws.share_below(name, truth[name]) for name in truth.keys() & set(draws.names)}


def _covariance(samples: Samples) -> dict[str, float]:
    names = tuple(name for name in COVARIANCE if name in samples.names)
    matrix = samples.select(names).covariance()
    pairs = combinations_with_replacement(range(len(names)), 2)
    return {f"{names[i]}_{names[j]}": float(matrix[i, j]) for i, j in pairs}
