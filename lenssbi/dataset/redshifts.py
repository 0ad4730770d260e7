"""Redshifts of a lens and its source, from options, the columns of a table or the header of an image.

A cell that is empty or not a number means that the redshift is not known. A number that no redshift can be is a
mistake: it is reported and the stamp is refused, so that no mass is computed from it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypedDict

from lenssbi.dataset.header import number
from lenssbi.dataset.stamp import Stamp
from lenssbi.status import InputError, ItemError, Status

LENS, SOURCE, COSMOLOGY = "z_lens", "z_source", "cosmology"
REDSHIFTS = (LENS, SOURCE)
KEYWORDS = {LENS: ("ZLENS", "Z_LENS"), SOURCE: ("ZSOURCE", "Z_SOURCE")}
UNKNOWN = ("", "nan", "none", "null", "--")
LARGEST = 20.0
Redshift = float | str | None


class RedshiftOptions(TypedDict, total=False):
    """Redshifts of lens and source, and the cosmology that turns them into distances: a name of astropy's, or ``H0=70,Om0=0.3``."""

    z_lens: float | None
    z_source: float | None
    cosmology: str | None


def known(info: Mapping[str, Any]) -> dict[str, Any]:
    """The redshifts and the cosmology that are known, from a stamp's `info` or from what a posterior stores of it."""
    given = {name: info[name] for name in (*REDSHIFTS, COSMOLOGY) if info.get(name) is not None}
    return {name: value for name, value in given.items() if value == value}  # NaN stands for none in a set


def in_header(header: Mapping[str, Any]) -> dict[str, str]:
    """The redshifts that a header states, as text."""
    given = {name: next((header[key] for key in keys if key in header), None) for name, keys in KEYWORDS.items()}
    return {name: str(value) for name, value in given.items() if value is not None}


def in_cell(value: Redshift) -> Redshift:
    """The redshift in a cell, unchanged; None for a text that stands for an unknown redshift."""
    return None if value is None or str(value).strip().lower() in UNKNOWN else value


def with_redshifts(
    stamp: Stamp, z_lens: Redshift = None, z_source: Redshift = None, cosmology: str | None = None
) -> Stamp:
    """The stamp with redshifts in its `info`; a redshift that is not given leaves the one that is there.

    Raises
    ------
    ItemError
        BAD_REDSHIFT for what cannot be one, or a source that is not behind the lens.
    """
    found = {name: stamp.info.get(name) for name in REDSHIFTS}
    for name, value in zip(REDSHIFTS, (z_lens, z_source), strict=True):
        if (given := in_cell(value)) is not None:
            found[name] = _redshift(stamp.name, name, given)
    lens, source = (found[name] for name in REDSHIFTS)
    if lens is not None and source is not None and not source > lens:
        raise ItemError(Status.BAD_REDSHIFT, stamp.name, f"z_lens is {lens:g} and z_source {source:g}")
    rest = {name: value for name, value in stamp.info.items() if name not in REDSHIFTS}
    new = {name: value for name, value in found.items() if value is not None}
    return replace(stamp, info=rest | new | ({} if cosmology is None else {COSMOLOGY: cosmology}))


def refuse_wrong(z_lens: float | None, z_source: float | None) -> None:
    """Make sure that two redshifts, given for all stamps, can be those of a lens and its source.

    Raises
    ------
    InputError
        They cannot, or one of them is missing.
    """
    if (z_lens is None) != (z_source is None):
        given, missing = ("--z-lens", "--z-source") if z_source is None else ("--z-source", "--z-lens")
        raise InputError(
            f"{given} alone gives no mass: give {missing} too, or the columns z_lens and z_source of a table"
        )
    for option, value in (("--z-lens", z_lens), ("--z-source", z_source)):
        if value is not None and not _possible(value):
            raise InputError(f"{option} {value:g}: give a redshift above 0 and below {LARGEST:g}")
    if z_lens is not None and z_source is not None and not z_source > z_lens:
        raise InputError(
            f"--z-source {z_source:g} is not behind --z-lens {z_lens:g}: give a larger redshift of the source"
        )


def _redshift(stamp: str, name: str, given: float | str) -> float:
    value = number(given)
    if value is None or not _possible(value):
        raise ItemError(Status.BAD_REDSHIFT, stamp, f"{name} is {given}")
    return value


def _possible(z: float) -> bool:
    return math.isfinite(z) and 0 < z < LARGEST
