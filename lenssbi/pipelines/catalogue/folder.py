"""A catalogue's folder read back: its table, its run, and every lens' thumbnail and posterior."""

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
KNOWN = {"config", "estimator", "asked", "fitted", "shards", "counts", "finished"}  # what every card says


@dataclass(frozen=True)
class CatalogueFolder:
    """What `lenssbi catalogue` leaves.

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
        """The choices of the run."""
        return parse(self.card["config"], CatalogueConfig, str(self.path / RUN))

    @property
    def identity(self) -> str:
        """What verdicts on this catalogue name it by; it stays when the catalogue grows or lenses are fitted again."""
        return str(self.card.get("catalogue") or digest(self.card["asked"], self.card["fitted"]))

    def fits(self) -> dict[str, str]:
        """Name of every lens -> identity of the result that stands in its row: of its fit, or of the network's answer."""
        return {row["name"]: row["fit"] for row in self.rows()}

    def inputs(self) -> set[str]:
        """What a user would type for each stamp that has an answer."""
        shards = (read_rows(shard_path(self.path, number)) or [] for number in range(self.card["shards"]))
        return {row["input"] for rows in shards for row in rows}

    def rows(self) -> Iterator[Row]:
        """The finished rows, shard by shard, from their files; each knows its `place` in the order of the inputs."""
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
        """Name and posterior of every lens that has one: the fit's if there is one that is done, else the network's."""
        for entry in self._entries():
            samples = self._samples(entry)
            if samples is not None:
                yield entry.row["name"], samples

    def samples(self, name: str) -> Samples | None:
        """The posterior of a lens, None if there is none.

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
        raise InputError(f"{self.path}: no lens is called {name}: look into the column `name` of its table")

    def _entries(self) -> Iterator[Entry]:
        for number in range(self.card["shards"]):
            if shard_path(self.path, number).is_file():
                yield from read_entries(shard_path(self.path, number))

    def _samples(self, entry: Entry) -> Samples | None:
        fit = self._refined(entry.row)
        if fit is None or fit["status"] != Status.DONE.value or not fit.get("posterior"):
            return entry.samples
        return load_samples(self.path / fit["posterior"])

    def _refined(self, asked: Row) -> Row | None:
        """The row of a lens' fit, None if none was asked for or made."""
        row = read_row(self.path, asked["name"], asked["key"], self.card["fitted"])
        return row if row is None or "instead" in row or reasons_to_fit(asked, self.config) else None

    def _fit_identity(self, asked: Row, fit: Row | None) -> str:
        """Changes whenever the model of a lens does: with its stamp, its options, and a fit that goes on, but not with redshifts."""
        stamp = without_redshifts(asked["key"])
        if fit is None:
            return digest(self.card["asked"], stamp)
        return digest(str(fit.get("identity")), stamp, *(str(fit.get(name)) for name in ("status", "evaluations")))

    def _final(self, asked: Row) -> Row:
        """The fit's row if its numbers can be used; otherwise the network's answer, with what the fit said of itself."""
        told = ("place", "key", "ra", "dec", "snr", "misspecification")
        kept: Row = {name: asked[name] for name in told if name in asked}
        if asked.get("params"):
            flags = [flag for flag in asked.get("flags") or () if flag in about("network")]
            kept["network"] = {"params": asked["params"], "flags": flags}
        row = fit = self._refined(asked)
        because = reasons_to_fit(asked, self.config)
        if fit is not None and "instead" in fit:
            because = [f"a reviewer's verdict was {str(fit['instead'].get('verdict', '')).replace('_', ' ')}"]
        if row is not None and not usable(row):
            said = {name: row[name] for name in ("status", "seconds", "evaluations", "figure") if name in row}
            row = (
                asked | said | {"flags": list(dict.fromkeys((*(row.get("flags") or ()), *(asked.get("flags") or ()))))}
            )
        final = (row or asked) | kept
        if final["method"] == "network" and final.get("params") and self.config.draws:
            final["posterior"] = f"{NETWORK}/{shard_path(self.path, asked['shard']).name}"
        final["refined_because"] = "; ".join(because) if row is not None else ""
        final["fit"] = self._fit_identity(asked, fit)
        if fit is not None:
            final.pop("view", None)  # the thumbnail is the fit's
        look = reasons_to_look(final, self.config)
        final["look_because"] = "; ".join(look)
        return final | {"flags": [*(final.get("flags") or ()), *([Flag.NEEDS_HUMAN] if look else [])]}
