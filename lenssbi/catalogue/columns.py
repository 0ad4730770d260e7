"""The table of many rows, and its columns while rows are added: arrays of numbers, so that a million lenses take a few hundred MB.

A column that first appears in a late row is NaN in the rows before.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Any

import numpy as np

from lenssbi import __version__
from lenssbi.catalogue.table import COVARIANCE, DERIVED, FLAGS, OPTIONAL, PARAMETERS, PHYSICAL, ROW, SCHEMA

if TYPE_CHECKING:
    from astropy.table import Table

FIRST = ("name", "input", "method", "status", "ra", "dec")
REDSHIFTS = ("z_lens", "z_source")
MIDDLE = ("log_evidence", "snr", "misspecification", "chi2_per_pixel")
LAST = ("refined_because", "look_because", "seconds", "evaluations", "posterior", "figure")
NAN = float("nan")
SUMMARY = {"median": "", "lower": "_lower", "upper": "_upper"}
MEANING = {"lower": "16%", "upper": "84%"}
WRAPPED = {"phi": ", on its side of the median: may lie below 0 or above 180, where 180 is the same as 0"}


def build(rows: Iterable[Mapping[str, Any]], meta: Mapping[str, Any] | None = None) -> Table:
    """Make the table of `rows`, in their order; they are drawn one at a time, and only numbers and names are kept of them.

    Parameters
    ----------
    rows
        Mappings with any of the keys of `ROW`, and `params` (name -> {"median", "lower", "upper", "unit"}), `covariance`
        ("<p>_<r>" -> number), `derived` (as `params`), `network` ({"params", "flags"}), `truth` and `ranks` (name -> number) and
        `flags` (a list; flags without a column of their own are joined in the column `flags`).
    meta
        Metadata of the table; must be serialisable as JSON. Version and schema are added.

    Examples
    --------
    >>> lens = {"name": "a", "status": "done", "params": {"q": {"median": 0.8, "lower": 0.7, "upper": 0.9}}}
    >>> table = build([lens, {"name": "b", "status": "truncated"}])
    >>> table["q"].tolist(), table["needs_human"].tolist()
    ([0.8, nan], [False, False])
    """
    columns = Columns(PARAMETERS | OPTIONAL | DERIVED | PHYSICAL)
    for row in rows:
        columns.add(row)
    table = columns.table(list(PARAMETERS))
    table.meta = {"schema": SCHEMA, "version": __version__, **(meta or {})}
    return table


class Columns:
    """Columns to which rows are appended.

    Parameters
    ----------
    known
        Mapping of parameter to (unit, description); other parameters have the unit that their rows give.
    """

    def __init__(self, known: Mapping[str, tuple[str, str]]) -> None:
        self._known = dict(known)
        self._seen: dict[str, str] = {}  # parameter -> unit
        self._of_network: dict[str, str] = {}  # the same for the network's results
        self._derived: dict[str, str] = {}  # the same for quantities derived from the posterior
        self._numbers: dict[str, array[float]] = {}
        self._words: dict[str, list[str]] = {"flags": [], "network_flags": []}
        self._count = 0

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a row."""
        for name, (missing, _, _) in ROW.items():
            value = missing if row.get(name) is None else row[name]
            if isinstance(missing, str):
                self._words.setdefault(name, []).append(str(value))
            else:
                self._put(name, value)
        for name, summary in (row.get("params") or {}).items():
            self._seen.setdefault(name, summary.get("unit", ""))
            self._put_summary(name, summary)
            self._put(f"truth_{name}", (row.get("truth") or {}).get(name))
            self._put(f"rank_{name}", (row.get("ranks") or {}).get(name))
        for name, summary in (row.get("derived") or {}).items():
            self._derived.setdefault(name, summary.get("unit", ""))
            self._put_summary(name, summary)
        for pair, value in (row.get("covariance") or {}).items():
            self._put(f"cov_{pair}", value)
        network = row.get("network") or {}
        for name, summary in (network.get("params") or {}).items():
            self._of_network.setdefault(name, summary.get("unit", ""))
            self._put_summary(f"network_{name}", summary)
        self._words["network_flags"].append(" ".join(network.get("flags") or ()))
        flags = row.get("flags") or ()
        for flag in FLAGS:
            self._put(flag, flag in flags)
        self._words["flags"].append(" ".join(flag for flag in flags if flag not in FLAGS))
        self._count += 1

    def table(self, always: Iterable[str]) -> Table:
        """The table.

        Parameters
        ----------
        always
            Parameters that have columns even if no row has them.
        """
        from astropy.table import Table

        table = Table()
        always = list(always)
        names = [*always, *(name for name in self._seen if name not in always)]
        for name in FIRST:
            self._plain(table, name)
        for name in names:
            self._parameter(table, name, self._seen)
        for name in [*always, *(name for name in self._of_network if name not in always)]:
            self._parameter(table, name, self._of_network, "network_")
        self._write(table, "network_flags", str, "", "flags of the network's answer")
        self._of_pairs_and_truths(table, names)
        for name in MIDDLE:
            self._plain(table, name)
        for name in (name for name in REDSHIFTS if np.isfinite(self._values(name)).any()):
            self._plain(table, name)
        for name in [*DERIVED, *(name for name in PHYSICAL if name in self._derived)]:
            self._parameter(table, name, self._derived)
        for flag in FLAGS:
            self._write(table, flag, bool, "", flag.sentence)
        self._write(table, "flags", str, "", "flags that have no column of their own")
        for name in LAST:
            self._plain(table, name)
        return table

    def _of_pairs_and_truths(self, table: Table, names: list[str]) -> None:
        """Covariances, and true values and ranks if there are any."""
        for first, second in combinations_with_replacement([name for name in COVARIANCE if name in names], 2):
            unit = {0: "", 1: "arcsec", 2: "arcsec2"}[(first, second).count("einstein_radius")]
            self._write(table, f"cov_{first}_{second}", float, unit, f"covariance of {first} and {second}")
        for prefix, text in (("truth", "true value"), ("rank", "share of the posterior below the true value")):
            for name in names:
                if np.isfinite(self._values(f"{prefix}_{name}")).any():
                    unit = self._unit(name, self._seen) if prefix == "truth" else ""
                    self._write(table, f"{prefix}_{name}", float, unit, f"{text} of {name}")

    def _put_summary(self, name: str, summary: Mapping[str, Any]) -> None:
        for key, suffix in SUMMARY.items():
            self._put(name + suffix, summary.get(key))

    def _put(self, name: str, value: Any) -> None:
        column = self._numbers.setdefault(name, array("d"))
        column.extend([NAN] * (self._count - len(column)))
        column.append(NAN if value is None else float(value))

    def _values(self, name: str) -> np.ndarray:
        column = self._numbers.get(name, array("d"))
        return np.concatenate([np.frombuffer(column, float), np.full(self._count - len(column), NAN)])

    def _unit(self, name: str, seen: Mapping[str, str]) -> str:
        return self._known[name][0] if name in self._known else seen.get(name, "")

    def _plain(self, table: Table, name: str) -> None:
        missing, unit, text = ROW[name]
        self._write(table, name, type(missing), unit, text)

    def _parameter(self, table: Table, name: str, seen: Mapping[str, str], prefix: str = "") -> None:
        text = self._known.get(name, ("", ""))[1]
        for key, suffix in SUMMARY.items():
            description = MEANING[key] + WRAPPED.get(name, "") if key in MEANING else text
            description = f"the network's {name}: {description}" if prefix else description
            self._write(table, prefix + name + suffix, float, self._unit(name, seen), description)

    def _write(self, table: Table, name: str, kind: type, unit: str, text: str) -> None:
        from astropy.table import Column

        values: Any = self._words.get(name, []) if kind is str else self._values(name).astype(kind)
        table[name] = Column(values, dtype=kind, unit=unit or None, description=text)
