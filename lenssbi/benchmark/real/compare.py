"""Results of network and fit for each stamp, with the published values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lenssbi.benchmark.real.config import Method, RealConfig
from lenssbi.benchmark.real.published import Published, Value
from lenssbi.catalogue.shard import Entry, Row, read_entries
from lenssbi.flags import about
from lenssbi.pipelines.catalogue.fit import read_row
from lenssbi.pipelines.catalogue.folder import CatalogueFolder
from lenssbi.pipelines.catalogue.job import shard_path
from lenssbi.posteriors import Samples, load_samples
from lenssbi.posteriors.effective import effective_radii
from lenssbi.status import Status

RADIUS, EFFECTIVE, EINSTEIN = "radius", "effective_radius", "einstein_radius"
COMPARED = {RADIUS: "arcsec", EFFECTIVE: "arcsec", "e1": "", "e2": "", "shear1": "", "shear2": ""}
"""Compared quantities with their units. `radius` is einstein_radius if that was published, otherwise effective_radius."""
QUANTILES = (0.16, 0.5, 0.84)


@dataclass(frozen=True)
class MethodResult:
    """Result of one method for a stamp.

    Parameters
    ----------
    status
        Status: "done", or the reason of the failure.
    values
        Median and half of the 68 per cent interval, of the parameters that the method infers and of effective_radius.
    flags
        Flags of the result.
    seconds
        Time spent; that of a network includes its model image.
    """

    status: str
    values: Mapping[str, Value]
    flags: tuple[str, ...]
    seconds: float

    @property
    def flagged(self) -> bool:
        """Whether a flag warns of the result."""
        return bool(self.flags) or self.status != Status.DONE.value


@dataclass(frozen=True)
class StampComparison:
    """A stamp: its published values, and the results by method."""

    published: Published
    answers: Mapping[Method, MethodResult]

    @property
    def quantity(self) -> str:
        """The quantity of `radius`; empty if no radius was published."""
        return next((name for name in (EINSTEIN, EFFECTIVE) if name in self.published.values), "")

    def pair(self, method: Method, name: str) -> tuple[Value, Value] | None:
        """Ours and the published value of one of `COMPARED`; None if one of them is missing."""
        answer, name = self.answers.get(method), self.quantity if name == RADIUS else name
        if answer is None or name not in answer.values or name not in self.published.values:
            return None
        return answer.values[name], self.published.values[name]


def compare(folder: CatalogueFolder, published: Sequence[Published], config: RealConfig) -> list[StampComparison]:
    """Results of a finished catalogue with the published values, in the order of these."""
    found: dict[str, dict[Method, MethodResult]] = {}
    for number in range(folder.card["shards"]):
        for entry in read_entries(shard_path(folder.path, number)):
            found[entry.row["name"]] = dict(_answers(folder, entry, config))
    return [StampComparison(one, found[one.id]) for one in published]


def _answers(folder: CatalogueFolder, entry: Entry, config: RealConfig) -> Iterator[tuple[Method, MethodResult]]:
    if "network" in config.methods:
        yield "network", _answer(entry.row, entry.samples, tuple(entry.row["flags"]), config)
    row = read_row(folder.path, entry.row["name"], entry.row["key"], folder.card["fitted"])
    if "fit" not in config.methods:
        return
    if row is None:  # the stamp itself is unusable
        yield "fit", MethodResult(entry.row["status"], {}, (), 0.0)
        return
    samples = load_samples(folder.path / row["posterior"]) if row.get("posterior") else None
    flags = tuple(flag for flag in row["flags"] if flag not in about("network"))
    yield "fit", _answer(row, samples, flags, config)


def _answer(row: Row, samples: Samples | None, flags: tuple[str, ...], config: RealConfig) -> MethodResult:
    params: Mapping[str, Any] = row.get("params") or {}
    values = {name: Value(one["median"], (one["upper"] - one["lower"]) / 2) for name, one in params.items()}
    if samples is not None:
        radii = effective_radii(samples.resample(config.draws, np.random.default_rng(config.seed)))
        radii = radii[np.isfinite(radii)]
        if len(radii):
            low, middle, high = np.quantile(radii, QUANTILES)
            values[EFFECTIVE] = Value(float(middle), float(high - low) / 2)
    return MethodResult(row["status"], values, flags, float(row["seconds"] or 0.0))
