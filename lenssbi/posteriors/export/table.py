"""Draws of a posterior as a table of astropy, for ECSV and Parquet files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lenssbi.posteriors.samples import Samples

if TYPE_CHECKING:
    from astropy.table import Table


def draws_table(samples: Samples, seed: int = 0, about: Mapping[str, Any] | None = None) -> Table:
    """Draws of equal weight: a column with its unit for each parameter, q and phi [deg] among them.

    Parameters
    ----------
    samples
        Posterior.
    seed
        Seed of the resampling of weighted draws.
    about
        Metadata of the table; must be serialisable as JSON.
    """
    from astropy.table import Column, Table

    draws = samples.equal_weights(seed).derived()
    columns = zip(draws.names, draws.units, draws.values.T, strict=True)
    table = Table([Column(values, name=name, unit=unit or None) for name, unit, values in columns])
    table.meta = {"resampled": samples.log_weights is not None, "seed": seed, **(about or {})}
    return table
