"""Tables in files: ECSV, CSV, FITS and Parquet.

`read_table` gives numbers as numbers, units and metadata with them. `read_texts` gives every cell as the original text: an
identifier ``007`` is not 7, ``1e5`` is not 100000.0, and a file may be called ``12``. Parquet is read through pyarrow alone
(astropy's reader asks for pandas as well); astropy's own metadata in it (units, descriptions) are honoured.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lenssbi.status import InputError

if TYPE_CHECKING:
    from astropy.table import Table
    from pyarrow import ChunkedArray

FITS_SUFFIXES = (".fits", ".fit", ".fts", ".fits.gz", ".fits.fz", ".fit.gz")
TEXT_SUFFIXES = (".csv", ".ecsv")
ASTROPY_META = b"table_meta_yaml"
EXACT = 2**53  # below this limit a whole float corresponds to a single integer


@dataclass(frozen=True)
class TextTable:
    """A table of text.

    Parameters
    ----------
    names
        Names of the columns.
    cells
        Cells of each column, "" for empty ones, each of length (row,).
    """

    names: tuple[str, ...]
    cells: tuple[Sequence[str], ...]

    def __len__(self) -> int:
        return len(self.cells[0]) if self.cells else 0

    def column(self, *names: str) -> Sequence[str] | None:
        """The cells of the first of `names` that is a column, whatever the case of its letters; None if none is."""
        exact = dict(zip(self.names[::-1], self.cells[::-1], strict=True))  # the first of two columns of one name
        lower = {name.lower(): cells for name, cells in exact.items()}
        return next(
            (cells for name in names for cells in (exact.get(name), lower.get(name.lower())) if cells is not None), None
        )


def read_table(path: Path) -> Table:
    """Read a table; numbers are numbers, and cells without a value are masked.

    Raises
    ------
    InputError
        If the file is not a readable table, or its suffix is not that of a table.
    """
    from astropy.table import Table

    with _readable(path):
        if path.suffix.lower() == ".parquet":
            return _parquet(path)
        if path.suffix.lower() == ".ecsv":
            return Table.read(path, format="ascii.ecsv")
        if path.name.lower().endswith(FITS_SUFFIXES):
            table = Table.read(path, format="fits")
            table.convert_bytestring_to_unicode()
            return table
    raise InputError(f"{path}: not a table: its name must end in .ecsv, .fits or .parquet")


def read_texts(path: Path) -> list[TextTable]:
    """Read every table of a file (only FITS has several) as text.

    Raises
    ------
    InputError
        As for `read_table`; comma-separated text (.csv) is also read.
    """
    with _readable(path):
        if path.suffix.lower() == ".parquet":
            return [_parquet_texts(path)]
        if path.suffix.lower() in TEXT_SUFFIXES:
            return [_delimited(path)]
        if path.name.lower().endswith(FITS_SUFFIXES):
            return list(_fits_texts(path))
    raise InputError(f"{path}: not a table: its name must end in .csv, .ecsv, .fits or .parquet")


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn any exception of a reader (each library has its own types) into an InputError."""
    if not path.is_file():
        raise InputError(f"{path}: there is no such file: check the path")
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(f"{path}: not a table that can be read ({lines[0][:120]}): write it again") from None


def _parquet(path: Path) -> Table:
    from astropy.table import Table
    from astropy.table.meta import get_header_from_yaml

    found = _arrow(path)
    table = Table({name: _column(found[name]) for name in found.column_names})
    text = (found.schema.metadata or {}).get(ASTROPY_META)
    if text is not None:
        header = get_header_from_yaml(text.decode().split("\n"))
        table.meta = dict(header.get("meta", {}))
        for column in header["datatype"]:
            for key in ("unit", "description"):
                if key in column and column["name"] in table.colnames:
                    setattr(table[column["name"]], key, column[key])
    return table


def _column(values: ChunkedArray) -> Any:
    """A column of astropy's, masked where it has nulls."""
    from astropy.table import Column, MaskedColumn
    from pyarrow import types

    values, missing = _plain(values), values.is_null().to_numpy()
    if types.is_string(values.type) or types.is_large_string(values.type):
        data = np.array(["" if value is None else value for value in values.to_pylist()], dtype=str)
    elif types.is_floating(values.type):
        return Column(values.to_numpy())  # NaN where it is null
    elif types.is_integer(values.type) or types.is_boolean(values.type):
        data = values.fill_null(0 if types.is_integer(values.type) else False).to_numpy()
    else:
        data = np.empty(len(values), dtype=object)
        data[:] = values.to_pylist()
    return MaskedColumn(data, mask=missing) if missing.any() else Column(data)


def _arrow(path: Path) -> Any:
    from pyarrow import parquet

    return parquet.read_table(path)


def _plain(values: ChunkedArray) -> ChunkedArray:
    """Categories decoded to their values."""
    from pyarrow import types

    return values.cast(values.type.value_type) if types.is_dictionary(values.type) else values


def _parquet_texts(path: Path) -> TextTable:
    found = _arrow(path)
    names = tuple(found.column_names)
    return TextTable(names, tuple([_text(value) for value in _plain(column).to_pylist()] for column in found.columns))


def _fits_texts(path: Path) -> Iterator[TextTable]:
    from astropy.io import fits
    from astropy.table import Table

    with fits.open(path) as units:
        for number, unit in enumerate(units):
            if not isinstance(unit, (fits.BinTableHDU, fits.TableHDU)) or isinstance(unit, fits.CompImageHDU):
                continue
            table = Table.read(units, hdu=number)
            plain = [name for name in table.colnames if table[name].ndim == 1]
            yield TextTable(tuple(plain), tuple([_text(value) for value in table[name].tolist()] for name in plain))


def _delimited(path: Path) -> TextTable:
    """CSV, or the body of an ECSV: a byte-order mark, comments before the header and empty lines are passed over."""
    lines = io.StringIO(path.read_text(encoding="utf-8-sig")).readlines()
    comments = next((i for i, line in enumerate(lines) if line.strip() and not line.startswith("#")), len(lines))
    delimiter = "," if path.suffix.lower() == ".csv" else _delimiter(lines[:comments])
    rows = csv.reader(lines[comments:], delimiter=delimiter, strict=True)
    names = [name.strip() for name in next(rows, [])]
    if not names:
        raise ValueError("it has no header")
    found = []
    for row in rows:
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if len(cells) > len(names):
            line = comments + rows.line_num
            raise InputError(f"{path}: line {line} has {len(cells)} cells, the header {len(names)}: quote its commas")
        found.append(cells + [""] * (len(names) - len(cells)))
    return TextTable(tuple(names), tuple(zip(*found, strict=True)) if found else tuple(() for _ in names))


def _delimiter(header: Iterable[str]) -> str:
    """The delimiter of the cells according to the header of an ECSV."""
    found = [match[1] for line in header if (match := re.match(r"#\s*delimiter:\s*['\"]?(.)", line))]
    return found[0] if found else " "


def _text(value: Any) -> str:
    """A cell as text; nothing for one without a value. A whole float is an integer that had a missing neighbour."""
    if value is None or (isinstance(value, float) and value != value):  # NaN
        return ""
    if isinstance(value, bytes):
        return value.decode().strip()
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT:
        return str(int(value))
    return str(value).strip()
