"""The tables of a comparison for programs: ECSV, with units, descriptions and provenance.

ECSV is astropy's text table that describes itself (astropy's enhanced CSV, APE 6). Unknown values and empty texts are
masked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lenssbi.files import atomic

if TYPE_CHECKING:
    from astropy.table import MaskedColumn

Row = Mapping[str, Any]
DIGITS = 6
SCHEMA = "lenssbi-comparison-1"
OF_BASELINE = "over that of the baseline, on the same lenses"
COLUMNS: dict[str, tuple[str, str]] = {
    "table": ("", "the paper's table that the suite is in"),
    "suite": ("", "suite of lenses"),
    "suites": ("", "suites that the value is of, apart by spaces"),
    "row": ("", "row of the tables: what the paper calls a method"),
    "method": ("", "method of the configuration that speaks for the row"),
    "reason": ("", "why there is no value"),
    "parameter": ("", "phi is the position angle in deg; all: the sampled parameters together"),
    "unit": ("", "of error, paper, wanted and bias"),
    "split": ("", "which of the lenses"),
    "property": ("", "what the lenses of the split share"),
    "bin_low": ("", "from this value of the property on; masked where there is no end"),
    "bin_high": ("", "up to this value"),
    "lenses": ("", "lenses that the value is of"),
    "error": ("", "half the 68 per cent interval of predicted minus true"),
    "paper": ("", "the paper's error"),
    "of_paper": ("", "error over the paper's"),
    "wanted": ("", "value that is wanted"),
    "met": ("", "whether it is as good as wanted; masked where nothing is wanted"),
    "decided": ("", "whether the interval lies wholly on one side of what is wanted"),
    "of_baseline": ("", f"error {OF_BASELINE}"),
    "pairs": ("", "lenses that both the row and the baseline have an answer about"),
    "of_others": ("", "error of doubles over that of the other images"),
    "bias": ("", "median of predicted minus true"),
    "seconds_50": ("s", "median time per lens"),
    "seconds_16": ("s", "16th percentile"),
    "seconds_84": ("s", "84th percentile"),
    "cpu_50": ("s", "median time of the processor per lens"),
    "cpu_of_baseline": ("", f"cpu_50 {OF_BASELINE}"),
    "evaluations_of_baseline": ("", f"evaluations_50 {OF_BASELINE}"),
    "evaluations_50": ("", "median number of evaluations of the likelihood per lens"),
    "level": ("", "nominal mass of the central credible interval"),
    "share": ("", "share of the lenses"),
    "deviation": ("", "share minus level"),
    "flagged": ("", "whether a flag tells the user not to trust the answer"),
    "flags": ("", "the flags"),
    "catastrophic": ("", "lenses whose einstein_radius is wrong by more than both limits"),
    "unflagged": ("", "those of them that no flag warns of"),
    "unflagged_share": ("", "their share of the lenses"),
    "unflagged_low": ("", "lower end of the interval of unflagged_share"),
    "unflagged_high": ("", "upper end of the interval of unflagged_share"),
    "flagged_share": ("", "share of all lenses that a flag warns of"),
    "undone": ("", "lenses without a posterior"),
    "undone_why": ("", "why they have none, and how many"),
    "asked": ("", "lenses asked about"),
    "what": ("", "what is wanted"),
    "kind": ("", "kind of target"),
    "value": ("", "what was found"),
    "cells": ("", "cells of the tables that the target is about"),
    "cells_met": ("", "those of them that are as good as wanted"),
    "note": ("", "what else there is to say"),
    "lens": ("", "index of the lens in its suite"),
    "true": ("", "truth [arcsec, deg or none, as the parameter]"),
    "predicted": ("", "that of the posterior mean [as true]"),
    "sigma": ("", "standard deviation of the posterior [as true]"),
    "snr": ("", "signal to noise of the stamp"),
    "multiplicity": ("", "number of images of the source's centre"),
    "seconds": ("s", "time for this lens"),
    "cpu": ("s", "time of the processor for this lens"),
    "evaluations": ("", "evaluations of the likelihood for this lens"),
}
OF_TABLES: dict[tuple[str, str], tuple[str, str]] = {
    ("times", "of_baseline"): ("", f"seconds_50 {OF_BASELINE}"),
    ("coverage", "flagged"): ("", "share of the lenses that are said to be unlike all that the method was made for"),
    ("coverage", "unflagged_lenses"): ("", "the other lenses"),
    ("coverage", "unflagged_share"): ("", "share inside, of the other lenses"),
    ("coverage", "unflagged_deviation"): ("", "unflagged_share minus level"),
}
"""Meaning of columns in one table only."""
ENDS = {"low": "lower", "high": "upper"}


def write_tables(tables: Mapping[str, Sequence[Row]], folder: Path, meta: Mapping[str, Any]) -> list[Path]:
    """Write every table that has rows, and return the paths.

    Parameters
    ----------
    tables
        Name -> rows of equal keys; None if a value is not known.
    folder
        Folder of the files `<name>.ecsv`; a file of an older run without rows is removed.
    meta
        Provenance of the tables, written into each.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    from astropy.table import Table

    paths = []
    for name, rows in tables.items():
        path = folder / f"{name}.ecsv"
        if not rows:
            path.unlink(missing_ok=True)
            continue
        table = Table({key: _column(name, key, [row[key] for row in rows]) for key in rows[0]})
        table.meta = {"schema": SCHEMA, "table": name, **meta}
        with atomic(path) as temporary:
            table.write(temporary, format="ascii.ecsv")
        paths.append(path)
    return paths


def described(table: str, name: str) -> tuple[str, str]:
    """Unit and description of a column of a table."""
    if (table, name) in OF_TABLES or name in COLUMNS:
        return OF_TABLES.get((table, name)) or COLUMNS[name]
    of, _, end = name.rpartition("_")
    if end not in ENDS:
        return "", ""
    unit, _ = COLUMNS.get(of, ("", ""))
    return unit, f"{ENDS[end]} end of the 68.3 per cent bootstrap interval of {of or 'the value'}"


def _column(table: str, name: str, values: Sequence[Any]) -> MaskedColumn:
    """Values of one kind; None among them is masked."""
    from astropy.table import MaskedColumn

    known = np.asarray([value for value in values if value is not None])
    kind = {"b": bool, "i": int, "U": str}.get(known.dtype.kind, float)
    filled = [kind() if value is None else _short(value) if kind is float else kind(value) for value in values]
    unit, text = described(table, name)
    return MaskedColumn(filled, mask=[value is None for value in values], unit=unit or None, description=text)


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
