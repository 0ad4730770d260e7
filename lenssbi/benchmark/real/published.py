"""The table of published values, read into lenssbi's parameters.

It is a CSV file (lines that begin with # are comments) with a row for each stamp:

    id          name of the stamp's file without its suffix
    kind        sie_shear (an isothermal ellipsoid with shear), effective_only (theta_E_eff alone) or none
    galaxies    deflectors as text: "1", "1 and companions", "2"
    theta_E_eff, theta_E, ell_0, ell_1, gamma_1, gamma_2   medians, each with its limits <name>_lo1 and <name>_hi1
    note        text; "limits are 3 sigma" marks limits of 3 sigma, otherwise they are those of 1 sigma

The values are in the convention of PyAutoLens (:mod:`lenssbi.parameters.conversions`; ell_0 and ell_1 are its `ell_comps`),
and errors are propagated to first order, as if they were independent. theta_E_eff is the radius of the circle with the area of the
tangential critical curve, which is independent of conventions: `effective_radius`.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from lenssbi.parameters import conversions
from lenssbi.status import InputError

ONE, COMPANIONS, SEVERAL, NONE = "one lens galaxy", "companions", "several lens galaxies", "no published fit"
KINDS = (ONE, COMPANIONS, SEVERAL, NONE)
"""Kinds of stamps, which have separate tables."""
SIE = ("theta_E", "ell_0", "ell_1", "gamma_1", "gamma_2")
AUTOLENS = {
    "theta_E": "einstein_radius",
    "ell_0": "ell_comps_0",
    "ell_1": "ell_comps_1",
    "gamma_1": "gamma_1",
    "gamma_2": "gamma_2",
}
"""Name in the table to PyAutoLens's own."""
EFFECTIVE = "theta_E_eff"
NEEDED = {"sie_shear": SIE, "effective_only": (EFFECTIVE,), "none": ()}
"""Kind of a row -> values that it must have."""
COLUMNS = ("id", "kind", "galaxies", *(f"{name}{end}" for name in (EFFECTIVE, *SIE) for end in ("", "_lo1", "_hi1")))
LIMITS = re.compile(r"limits are (\d+) sigma")


class Value(NamedTuple):
    """A number and its 1-sigma error."""

    value: float
    sigma: float


@dataclass(frozen=True)
class Published:
    """Published values of one stamp.

    Parameters
    ----------
    id
        Name of the stamp.
    kind
        One of `KINDS`.
    values
        einstein_radius and effective_radius [arcsec], e1, e2, shear1, shear2: those that were published.
    """

    id: str
    kind: str
    values: Mapping[str, Value]


def read_published(path: Path) -> list[Published]:
    """Read a table.

    Raises
    ------
    InputError
        If the file cannot be read, has another format, or has a cell that is not a value.
    """
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: cannot be read ({getattr(error, 'strerror', None) or 'not text'}): give a CSV file"
        ) from None
    reader = csv.DictReader(lines)
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise InputError(
            f"{path}: not a table of published values, which has a column {missing[0]}: write it as docs/guides/benchmarks.md says"
        )
    rows = [_published(row, path) for row in reader]
    if not rows:
        raise InputError(f"{path}: the table has no rows: list a stamp in each")
    seen = set[str]()
    for row in rows:
        if row.id in seen:
            raise InputError(f"{path}: two rows have the id {row.id}: give every stamp its own")
        seen.add(row.id)
    return rows


def from_autolens(theirs: Mapping[str, Value]) -> dict[str, Value]:
    """The parameters `SIE` in lenssbi's convention.

    Raises
    ------
    ValueError
        If the ellipticity is not that of an ellipse.
    """
    ours = conversions.from_autolens({AUTOLENS[name]: theirs[name].value for name in SIE})
    radius, y, x = (theirs[name] for name in ("theta_E", "ell_0", "ell_1"))
    square = x.value**2 + y.value**2
    shrink = math.sqrt(1 - square)
    slopes = (shrink, radius.value * y.value / shrink, radius.value * x.value / shrink)
    scale = 2 / (1 + square)
    along, across = (scale * (1 - scale * one.value**2) for one in (x, y))  # de1/dell_1 and de2/dell_0
    mixed = scale**2 * x.value * y.value
    sigmas = {
        "einstein_radius": _total(*(s * one.sigma for s, one in zip(slopes, (radius, y, x), strict=True))),
        "e1": _total(along * x.sigma, mixed * y.sigma),
        "e2": _total(across * y.sigma, mixed * x.sigma),
        "shear1": theirs["gamma_1"].sigma,
        "shear2": theirs["gamma_2"].sigma,
    }
    return {name: Value(float(ours[name]), sigma) for name, sigma in sigmas.items()}


def _total(*errors: float) -> float:
    return math.hypot(*errors)


def _published(row: Mapping[str, str | None], path: Path) -> Published:
    where = f"{path}, row {row['id']}"
    kind = row["kind"] or ""
    if kind not in NEEDED:
        raise InputError(f"{where}: kind {kind!r} is none of {', '.join(NEEDED)}: correct it")
    factor = LIMITS.search(row.get("note") or "")
    theirs = dict(_values(row, where, int(factor[1]) if factor else 1))
    missing = [name for name in NEEDED[kind] if name not in theirs]
    if missing:
        raise InputError(f"{where}: a row of kind {kind} needs {missing[0]}: fill it in")
    values = {} if EFFECTIVE not in theirs else {"effective_radius": theirs[EFFECTIVE]}
    if kind == "sie_shear":
        try:
            values |= from_autolens(theirs)
        except ValueError as error:
            raise InputError(f"{where}: {error}: correct ell_0 and ell_1") from None
    return Published(row["id"] or "", _kind(row["galaxies"] or "", kind), {} if kind == "none" else values)


def _values(row: Mapping[str, str | None], where: str, factor: int) -> Iterator[tuple[str, Value]]:
    """The values that a row has; its limits are those of `factor` sigma."""
    for name in (EFFECTIVE, *SIE):
        texts = [row[name + end] or "" for end in ("", "_lo1", "_hi1")]
        if not any(texts):
            continue
        try:
            middle, low, high = map(float, texts)
        except ValueError:
            raise InputError(
                f"{where}: {name} and its limits are {', '.join(map(repr, texts))}: give three numbers"
            ) from None
        if not low <= middle <= high or not low < high:
            raise InputError(f"{where}: {name} {middle:g} is not between its limits {low:g} and {high:g}: correct them")
        yield name, Value(middle, (high - low) / 2 / factor)


def _kind(galaxies: str, kind: str) -> str:
    """The kind of a stamp, from what bends its light and what was published."""
    if kind == "none":
        return NONE
    count = re.match(r"\s*(\d+)", galaxies)
    if count and int(count[1]) > 1:
        return SEVERAL
    return COMPANIONS if "companion" in galaxies else ONE
