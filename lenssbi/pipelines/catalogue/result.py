"""Results of `lenssbi catalogue`, read from its folder on access, so that tens of thousands of rows need no memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

from lenssbi.pipelines.catalogue.folder import CatalogueFolder
from lenssbi.pipelines.catalogue.job import TABLE
from lenssbi.pipelines.results import ItemResult, NetworkAnswer
from lenssbi.posteriors import Summary

SHOWN = 20


@dataclass(frozen=True)
class CatalogueResult:
    """A finished catalogue.

    Parameters
    ----------
    folder
        Folder of the catalogue.
    seconds
        Wall-clock time of the run [s].
    """

    folder: CatalogueFolder
    seconds: float

    @property
    def count(self) -> int:
        """Number of stamps."""
        return int(self.folder.card["counts"]["stamps"])

    @property
    def failed(self) -> int:
        """Number of stamps that are not done."""
        return int(self.folder.card["counts"]["failed"])

    @property
    def config(self) -> Mapping[str, Any]:
        """The resolved configuration."""
        return self.folder.card["config"]

    @property
    def path(self) -> str:
        """Path of the table, in the first of its formats."""
        return str(self.folder.path / f"{TABLE}.{self.folder.config.tables[0]}") if self.folder.config.tables else ""

    @cached_property
    def items(self) -> tuple[ItemResult, ...]:
        """The first few stamps."""
        return tuple(islice(self._all(), SHOWN))

    def as_json(self) -> dict[str, Any]:
        """The object that ``--json`` prints, all stamps in the order of the inputs."""
        rows = sorted(self.folder.rows(), key=lambda row: row["place"])
        return {
            "items": [_item(row).as_json() for row in rows],
            "seconds": round(self.seconds, 3),
            "config": dict(self.config),
        }

    def _all(self) -> Iterator[ItemResult]:
        return map(_item, self.folder.rows())


def _item(row: Mapping[str, Any]) -> ItemResult:
    names = ("truth", "log_evidence", "misspecification", "evaluations", "posterior", "figure")
    return ItemResult(
        row["input"],
        row["status"],
        params=_summaries(row.get("params")) or {},
        params_with_prior=_summaries(row.get("params_with_prior")),
        derived=_summaries(row.get("derived")) or {},
        network=_network(row.get("network")),
        flags=tuple(row["flags"]),
        seconds=row.get("seconds") or 0.0,
        **{name: row.get(name) for name in names},
    )


def _network(answer: Mapping[str, Any] | None) -> NetworkAnswer | None:
    return None if answer is None else NetworkAnswer(_summaries(answer["params"]) or {}, tuple(answer["flags"]))


def _summaries(params: Mapping[str, Mapping[str, Any]] | None) -> dict[str, Summary] | None:
    """Summaries from a row, which contains neither mean nor sigma."""
    if params is None:
        return None
    nan = float("nan")
    return {n: Summary(p["median"], p["lower"], p["upper"], nan, nan, p["unit"]) for n, p in params.items()}
