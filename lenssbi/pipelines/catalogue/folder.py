"""Reading of a catalogue's folder: table, description of the run, and thumbnail and posterior of each lens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lenssbi import catalogue
from lenssbi.catalogue.shard import Entry, Row, read_entries, read_rows
from lenssbi.config import parse
from lenssbi.flags import Flag, about
from lenssbi.pipelines.catalogue.config import CatalogueConfig
from lenssbi.pipelines.catalogue.decide import reasons_to_fit, reasons_to_look, usable
from lenssbi.pipelines.catalogue.fit import read_row
from lenssbi.pipelines.catalogue.job import NETWORK, RUN, TABLE, digest, row_path, shard_path, without_redshifts
from lenssbi.posteriors import Samples, load_samples
from lenssbi.status import InputError, Status

if TYPE_CHECKING:
    from astropy.table import Table

SCHEMA = "lenssbi-run-1"
KNOWN = {"config", "estimator", "asked", "fitted", "shards", "counts", "finished"}  # entries of every card


@dataclass(frozen=True)
class CatalogueFolder:
    """Folder of a catalogue.

    Parameters
    ----------
    path
        Path of the folder.
    card
        Content of `run.json`: version, configuration, estimator, counts.
    """

    path: Path
    card: dict[str, Any]

    @staticmethod
    def open(path: str | Path) -> CatalogueFolder:
        """Open a folder.

        Raises
        ------
        InputError
            If it is missing, is not a catalogue, or is of another version.
        """
        path = Path(path)
        try:
            card = json.loads((path / RUN).read_text())
        except (OSError, ValueError):
            raise InputError(f"{path}: not the folder of a catalogue: make one with `lenssbi catalogue`") from None
        if not isinstance(card, dict) or card.get("schema") != SCHEMA or not card.keys() >= KNOWN:
            raise InputError(f"{path / RUN}: not a run of this version: make the catalogue again")
        return CatalogueFolder(path, card)

    def table(self) -> Table:
        """The table, one row per lens.

        Raises
        ------
        InputError
            If there is none yet.
        """
        for kind in self.config.tables:
            if (self.path / f"{TABLE}.{kind}").is_file():
                return catalogue.read(self.path / f"{TABLE}.{kind}")
        raise InputError(f"{self.path}: the catalogue has no table yet: run its command again to finish it")

    @cached_property
    def config(self) -> CatalogueConfig:
        """Configuration of the run."""
        return parse(self.card["config"], CatalogueConfig, str(self.path / RUN))

    @property
    def identity(self) -> str:
        """Identity of the catalogue in files of verdicts; it does not change if lenses are added or fitted again."""
        return str(self.card.get("catalogue") or digest(self.card["asked"], self.card["fitted"]))

    def fits(self) -> dict[str, str]:
        """Identity of the result in the row of each lens, by name: of its fit, or of the network's result."""
        return {row["name"]: row["fit"] for row in self.rows()}

    def inputs(self) -> set[str]:
        """Command-line argument of each stamp with a result."""
        shards = (read_rows(shard_path(self.path, number)) or [] for number in range(self.card["shards"]))
        return {row["input"] for rows in shards for row in rows}

    def rows(self) -> Iterator[Row]:
        """Final rows, read shard by shard; `place` is the index in the order of the inputs."""
        for number in range(self.card["shards"]):
            yield from map(self._final, read_rows(shard_path(self.path, number), self.card["asked"]) or [])

    def thumbnails(self) -> Iterator[tuple[str, bytes]]:
        """Name and WebP image of every lens that has one, the refined model if there is one."""
        for entry in self._entries():
            picture = entry.thumbnail
            if self._refined(entry.row) is not None:
                path = row_path(self.path, entry.row["name"]).with_suffix(".webp")
                picture = path.read_bytes() if path.is_file() else picture
            if picture:
                yield entry.row["name"], picture

    def all_samples(self) -> Iterator[tuple[str, Samples]]:
        """Name and posterior of every lens that has one: of the fit if it is done, otherwise of the network."""
        for entry in self._entries():
            samples = self._samples(entry)
            if samples is not None:
                yield entry.row["name"], samples

    def samples(self, name: str) -> Samples | None:
        """The posterior of a lens; None if there is none.

        Raises
        ------
        InputError
            If no lens has that name.
        """
        for number in range(self.card["shards"]):
            path = shard_path(self.path, number)
            names = [row["name"] for row in read_rows(path) or []]
            if name in names:
                return self._samples(read_entries(path)[names.index(name)])
        raise InputError(f"{self.path}: no lens is called {name}: see the column `name` of its table")

    def _entries(self) -> Iterator[Entry]:
        for number in range(self.card["shards"]):
            if shard_path(self.path, number).is_file():
                yield from read_entries(shard_path(self.path, number))

    def _samples(self, entry: Entry) -> Samples | None:
        fit = self._refined(entry.row)
        if fit is None or fit["status"] != Status.DONE.value or not fit.get("posterior"):
            return entry.samples
        return load_samples(self.path / fit["posterior"])

    def _refined(self, predicted: Row) -> Row | None:
        """Row of the fit of a lens; None if none was requested or made."""
        row = read_row(self.path, predicted["name"], predicted["key"], self.card["fitted"])
        return row if row is None or "instead" in row or reasons_to_fit(predicted, self.config) else None

    def _fit_identity(self, predicted: Row, fit: Row | None) -> str:
        """Identity of the result of a lens, which depends on its stamp, options and the progress of its fit, but not on redshifts."""
        stamp = without_redshifts(predicted["key"])
        if fit is None:
            return digest(self.card["asked"], stamp)
        return digest(str(fit.get("identity")), stamp, *(str(fit.get(name)) for name in ("status", "evaluations")))

    def _final(self, predicted: Row) -> Row:
        """Row of the fit if its numbers can be used; otherwise that of the network, with status and flags of the fit."""
        common = ("place", "key", "ra", "dec", "snr", "misspecification")
        kept: Row = {name: predicted[name] for name in common if name in predicted}
        if predicted.get("params"):
            flags = [flag for flag in predicted.get("flags") or () if flag in about("network")]
            kept["network"] = {"params": predicted["params"], "flags": flags}
        row = fit = self._refined(predicted)
        because = reasons_to_fit(predicted, self.config)
        if fit is not None and "instead" in fit:
            because = [f"a reviewer's verdict was {str(fit['instead'].get('verdict', '')).replace('_', ' ')}"]
        if row is not None and not usable(row):
            about_fit = {name: row[name] for name in ("status", "seconds", "evaluations", "figure") if name in row}
            row = (
                predicted
                | about_fit
                | {"flags": list(dict.fromkeys((*(row.get("flags") or ()), *(predicted.get("flags") or ()))))}
            )
        final = (row or predicted) | kept
        if final["method"] == "network" and final.get("params") and self.config.draws:
            final["posterior"] = f"{NETWORK}/{shard_path(self.path, predicted['shard']).name}"
        final["refined_because"] = "; ".join(because) if row is not None else ""
        final["fit"] = self._fit_identity(predicted, fit)
        if fit is not None:
            final.pop("view", None)  # the thumbnail shows the fit
        look = reasons_to_look(final, self.config)
        final["look_because"] = "; ".join(look)
        return final | {"flags": [*(final.get("flags") or ()), *([Flag.NEEDS_HUMAN] if look else [])]}
