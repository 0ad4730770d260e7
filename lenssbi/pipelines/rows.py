"""A result as a row of the catalogue."""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import Any

from lenssbi.catalogue import COVARIANCE
from lenssbi.pipelines.results import ItemResult
from lenssbi.posteriors import Samples


def row_of(name: str, item: ItemResult, samples: Samples | None, method: str) -> dict[str, Any]:
    """The row of one stamp.

    Parameters
    ----------
    name
        Name of the stamp.
    item
        Its result.
    samples
        Its posterior, for the covariance; None where there is none.
    method
        "network" or "refined".
    """
    row = item.as_json() | {"name": name, "method": method}
    return row | {"covariance": {} if samples is None else _covariance(samples)}


def _covariance(samples: Samples) -> dict[str, float]:
    names = tuple(name for name in COVARIANCE if name in samples.names)
    matrix = samples.select(names).covariance()
    pairs = combinations_with_replacement(range(len(names)), 2)
    return {f"{names[i]}_{names[j]}": float(matrix[i, j]) for i, j in pairs}
