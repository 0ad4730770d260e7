"""Positions on the sky: one that is typed, or a table of them.

Right ascension and declination are ICRS. Numbers are degrees unless the table's column has another unit; sexagesimal text is hours for the
right ascension and degrees for the declination, as everywhere in astronomy. A row without a position becomes a target with a status, which
is the status of its row.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from lenssbi.dataset.header import number
from lenssbi.dataset.kinds import RA_COLUMNS, TABLE_SUFFIXES
from lenssbi.dataset.listed import LIGHT_COLUMN, NAME_COLUMNS, PRIOR_COLUMN
from lenssbi.dataset.redshifts import REDSHIFTS
from lenssbi.dataset.tables import FITS_SUFFIXES, TextTable, read_table, read_texts
from lenssbi.status import InputError, Status

DEC_COLUMNS = (
    "dec",
    "declination",
    "dec_deg",
    "dej2000",
    "decj2000",
    "_dej2000",
    "de_icrs",
    "delta_j2000",
    "coord_dec",
)
HOURS = 15.0  # [deg]
CARRIED = (
    LIGHT_COLUMN,
    PRIOR_COLUMN,
    *REDSHIFTS,
)  # columns that describe the lens and not the mosaic: the table of the stamps has them too
Axis = Literal["ra", "dec"]


@dataclass(frozen=True)
class CutoutTarget:
    """A place to cut a stamp from.

    Parameters
    ----------
    name
        Name of the target; unique unless `status` marks it as a duplicate.
    ra, dec
        ICRS position [deg]; NaN if it could not be read.
    status, detail
        What is wrong with the row; None and empty if nothing is.
    carried
        Cells of the columns `CARRIED` that the table has, as text, by name.
    """

    name: str
    ra: float
    dec: float
    status: Status | None = None
    detail: str = ""
    carried: Mapping[str, str] = field(default_factory=dict)


def read_targets(text: str) -> list[CutoutTarget]:
    """The targets that a user names.

    Parameters
    ----------
    text
        A table (.csv, .ecsv, .fits, .parquet) with columns for right ascension and declination and, if the targets have names, `id` or
        `name`; or one position, such as "57.41 -51.2", "57.41,-51.2" or "03:49:38.4 -51:12:00".

    Raises
    ------
    InputError
        It is neither, or the table cannot be read, has no such columns or no rows.
    """
    if text.lower().endswith((*TABLE_SUFFIXES, *FITS_SUFFIXES)) or Path(text).is_file():
        return list(_from_table(Path(text)))
    ra, dec = _typed(text)
    return [CutoutTarget(name_of_position(ra, dec), ra, dec)]


def name_of_position(ra: float, dec: float) -> str:
    """A name in the manner of the IAU, cut off and not rounded.

    Examples
    --------
    >>> name_of_position(57.41, -51.2)
    'J034938.40-511200.0'
    """
    seconds = math.floor(round(ra % 360 / HOURS * 3600 * 100, 3))  # the inner round keeps 38.4 s from being 38.39
    arcsec = math.floor(round(abs(dec) * 3600 * 10, 3))
    east = f"{seconds // 360000:02}{seconds // 6000 % 60:02}{seconds // 100 % 60:02}.{seconds % 100:02}"
    north = f"{arcsec // 36000:02}{arcsec // 600 % 60:02}{arcsec // 10 % 60:02}.{arcsec % 10}"
    return f"J{east}{'-' if dec < 0 else '+'}{north}"


def _typed(text: str) -> tuple[float, float]:
    parts = [part for part in re.split(r"[,\s]+", text.strip()) if part]
    if len(parts) == 6:
        parts = [":".join(parts[:3]), ":".join(parts[3:])]
    ra, dec = (_degrees(parts[0], "ra"), _degrees(parts[1], "dec")) if len(parts) == 2 else (math.nan, math.nan)
    if not _on_the_sky(ra, dec):
        raise InputError(
            f"{text}: neither a table of positions nor a position: give a .csv, .ecsv, .fits or .parquet file, or "
            'right ascension and declination in degrees, "57.41 -51.2"'
        )
    return ra % 360, dec


def _from_table(path: Path) -> Iterator[CutoutTarget]:
    table = _with_positions(path)
    columns = {axis: table.column(*names) for axis, names in (("ra", RA_COLUMNS), ("dec", DEC_COLUMNS))}
    ras, decs = columns["ra"] or (), columns["dec"] or ()
    names: Sequence[str] = table.column(*NAME_COLUMNS) or [""] * len(table)
    if len(table) == 0:
        raise InputError(f"{path}: the table has no rows: list a position in each")
    factors = _factor(path, RA_COLUMNS), _factor(path, DEC_COLUMNS)
    more = {name: cells for name in CARRIED if (cells := table.column(name)) is not None}
    given: set[str] = set()
    for row, (name, ra_text, dec_text) in enumerate(zip(names, ras, decs, strict=True), start=1):
        carried = {column: cells[row - 1] for column, cells in more.items()}
        ra, dec = _degrees(ra_text, "ra", factors[0]), _degrees(dec_text, "dec", factors[1])
        place = f"{path.name}, row {row}"
        if not _on_the_sky(ra, dec):
            detail = f"{place}: ra {ra_text or 'empty'}, dec {dec_text or 'empty'}"
            yield CutoutTarget(
                name or f"{path.stem}-row-{row}", math.nan, math.nan, Status.BAD_POSITION, detail, carried
            )
            continue
        found = CutoutTarget(name or name_of_position(ra, dec), ra % 360, dec, carried=carried)
        if found.name in given:
            found = replace(found, status=Status.DUPLICATE, detail=f"{place}: {found.name}")
        given.add(found.name)
        yield found


def _with_positions(path: Path) -> TextTable:
    """The first table of a file that has positions."""
    tables = read_texts(path)
    for table in tables:
        if table.column(*RA_COLUMNS) is not None and table.column(*DEC_COLUMNS) is not None:
            return table
    names = ", ".join(name for one in tables for name in one.names) or "none"
    raise InputError(f"{path}: the table has no columns ra and dec (it has {names}): add them, in degrees")


def _factor(path: Path, names: Sequence[str]) -> float:
    """Degrees per unit of a column; text has no unit and is in degrees.

    Raises
    ------
    InputError
        The unit is not that of an angle.
    """
    from astropy import units

    if path.suffix.lower() == ".csv":
        return 1.0
    table = read_table(path)
    lower = {name.lower(): name for name in reversed(table.colnames)}
    column = table[next(lower[name] for name in names if name in lower)] if set(names) & set(lower) else None
    unit = getattr(column, "unit", None)
    if unit is None:
        return 1.0
    try:
        return float(units.Unit(unit).to(units.deg))
    except (ValueError, TypeError):
        raise InputError(f"{path}: its positions have the unit {unit}: give them in degrees") from None


def _degrees(text: str, axis: Axis, factor: float = 1.0) -> float:
    """The angle in a cell [deg], NaN if it holds none."""
    plain = number(text)
    if plain is not None:
        return plain * factor
    if not re.search(r"\d", text):
        return math.nan
    from astropy import units
    from astropy.coordinates import Angle

    try:
        return float(Angle(text, unit=units.hourangle if axis == "ra" else units.deg).deg)
    except (ValueError, TypeError):
        return math.nan


def _on_the_sky(ra: float, dec: float) -> bool:
    return math.isfinite(ra) and -360 <= ra <= 360 and abs(dec) <= 90
