"""Rows of a table that lists stamps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lenssbi.dataset.kinds import PATH_COLUMNS
from lenssbi.dataset.redshifts import COSMOLOGY, REDSHIFTS
from lenssbi.dataset.tables import TextTable
from lenssbi.status import Status

INDEX_COLUMN = "index"  # of a set: the position of the stamp
NAME_COLUMNS = ("id", "name", "object_id")
COMPANIONS = ("noise", "psf", "mask")
LIGHT_COLUMN = "lens_light"
PRIOR_COLUMN = "mass_prior"
OPTIONS = ("pixel_scale", LIGHT_COLUMN, *REDSHIFTS, COSMOLOGY, PRIOR_COLUMN)  # of a stamp, in addition to its files


@dataclass(frozen=True)
class Row:
    """The cells of a row that describe a stamp, "" for an empty one."""

    name: str
    path: str
    index: str
    noise: str
    psf: str
    mask: str
    lens_light: str
    z_lens: str
    z_source: str
    mass_prior: str
    status: str
    reason: str

    def why_not(self, place: str) -> tuple[Status, str]:
        """Why the row names no file: the reason in a table of `lenssbi cutout`, or its place in the table."""
        status = Status.__members__.get(self.status.upper())
        if (
            status is None or status is Status.DONE or not self.reason.startswith(status.value)
        ):  # a status of another program
            return Status.NO_PATH, place
        return status, self.reason.removeprefix(status.value).strip().removeprefix("(").removesuffix(")")


def rows_of(table: TextTable) -> Iterator[Row]:
    """The rows of a table, with those of the columns that it has."""
    others = ((name,) for name in (*COMPANIONS, LIGHT_COLUMN, *REDSHIFTS, PRIOR_COLUMN, "status", "reason"))
    columns = [table.column(*names) for names in (NAME_COLUMNS, PATH_COLUMNS, (INDEX_COLUMN,), *others)]
    return map(Row, *(cells if cells is not None else [""] * len(table) for cells in columns))
