"""Rows of the table, one for each target: its stamp, or the reason why there is none."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lenssbi import __version__
from lenssbi.dataset.cutouts.targets import CutoutTarget
from lenssbi.dataset.header import number
from lenssbi.dataset.redshifts import in_cell
from lenssbi.files import file_stem
from lenssbi.pipelines.results import sentence
from lenssbi.status import ItemError, Status

TABLE = "cutouts.ecsv"
SCHEMA = "lenssbi-cutouts-1"
DONE = Status.DONE.name.lower()
# name -> (unit, description)
COLUMNS = {
    "id": ("", "name of the target"),
    "ra": ("deg", "ICRS right ascension of the target"),
    "dec": ("deg", "ICRS declination of the target"),
    "path": ("", "file of the stamp, in the folder of this table; empty if there is none"),
    "mosaic": ("", "file that the image was cut from"),
    "x": ("pixel", "target in the mosaic, along its rows, from 1"),
    "y": ("pixel", "target in the mosaic, along its columns, from 1"),
    "psf_distance": ("arcsec", "distance of the target from the place of its PSF, 0 for one PSF for all"),
    "usable": ("", "share of the stamp's pixels that can be used"),
    "status": ("", "done, or the kind of failure"),
    "reason": ("", "reason of the failure, with the remedy"),
}
# optional columns of a table of positions
CARRIED = {
    "lens_light": "none or auto, as in the table of positions",
    "mass_prior": "prior of the mass, as in the table of positions",
    "z_lens": "redshift of the lens, as in the table of positions",
    "z_source": "redshift of the source, as in the table of positions",
}
Row = dict[str, Any]


def stamp_file(target: CutoutTarget) -> str:
    """Name of the file of a target's stamp."""
    return f"{file_stem(target.name)}.fits"


def done_row(target: CutoutTarget, header: Mapping[str, Any]) -> Row:
    """The row of a stamp from its first header."""
    return {
        "id": target.name,
        "ra": target.ra,
        "dec": target.dec,
        "path": stamp_file(target),
        "mosaic": str(header["MOSAIC"]),
        "x": float(header["MOSAIC_X"]),
        "y": float(header["MOSAIC_Y"]),
        "psf_distance": float(header["PSFDIST"]),
        "usable": float(header["USABLE"]),
        "status": DONE,
        "reason": "",
        **target.carried,
    }


def failed_row(target: CutoutTarget, status: Status, detail: str) -> Row:
    """The row of a target without a stamp."""
    nowhere = dict.fromkeys(("x", "y", "psf_distance"), math.nan)
    return {
        "id": target.name,
        "ra": target.ra,
        "dec": target.dec,
        "path": "",
        "mosaic": "",
        **nowhere,
        "usable": 0.0,
        "status": status.name.lower(),
        "reason": sentence(ItemError(status, "", detail)),
        **target.carried,
    }


def write_table(rows: Sequence[Mapping[str, Any]], folder: Path, options: Mapping[str, Any]) -> Path:
    """Write the table of a run.

    Raises
    ------
    InputError
        If the folder cannot be written or the disk is full.
    """
    from astropy.table import Column, Table

    from lenssbi import catalogue

    kinds = {name: str if isinstance(rows[0][name], str) else float for name in COLUMNS}
    columns = [
        Column([row[name] for row in rows], name=name, dtype=kinds[name], unit=unit or None, description=text)
        for name, (unit, text) in COLUMNS.items()
    ]
    columns += [
        Column(_as_numbers([row[name] for row in rows]), name=name, description=text)
        for name, text in CARRIED.items()
        if name in rows[0]
    ]
    meta = {"schema": SCHEMA, "version": __version__, "command": "cutout", "options": dict(options)}
    return catalogue.write(Table(columns, meta=meta), folder / TABLE)


def _as_numbers(cells: Sequence[str]) -> list[str] | list[float]:
    """Cells as numbers, NaN for an unknown one; as unchanged text if one of them is not a number."""
    values = [math.nan if in_cell(cell) is None else number(cell) for cell in cells]
    numbers = [value for value in values if value is not None]
    known = any(value == value for value in numbers)
    return numbers if known and len(numbers) == len(cells) else list(cells)
