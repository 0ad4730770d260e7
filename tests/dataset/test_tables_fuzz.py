"""Random tables: whatever the format, its layout and the text in it, the same stamps; whatever the damage, one sentence."""

import csv
import io
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
from astropy.io import fits
from astropy.table import Table
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from lenssbi import catalogue
from lenssbi.dataset.inputs import expand_inputs
from lenssbi.dataset.tables import read_table, read_texts
from lenssbi.status import InputError

QUIET = settings(max_examples=10, deadline=None, database=None, derandomize=True)
WORDS = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=12).map(str.strip)
NUMBERS = st.sampled_from(
    ["007", "7", "1e5", "1E5", "0x1f", "+3", "-0", "1_000", "nan", "inf", "True", "null", "None", "--", "#1"]
)
IDS = st.one_of(WORDS, NUMBERS).filter(bool)
SUFFIXES = (".csv", ".ecsv", ".fits", ".parquet")


@st.composite
def layouts(draw):
    """A list of stamps, and how its table is laid out."""
    ids = draw(st.lists(IDS, min_size=1, max_size=6, unique=True))
    files = draw(
        st.lists(WORDS.map(lambda text: text.replace("/", "_") + ".fits"), min_size=len(ids), max_size=len(ids))
    )
    missing = draw(st.lists(st.booleans(), min_size=len(ids), max_size=len(ids)))
    return {
        "id": ids,
        "path": ["" if gone else file for gone, file in zip(missing, files, strict=True)],
        "names": draw(
            st.tuples(st.sampled_from(["id", "ID", "Name", "object_id"]), st.sampled_from(["path", "Path", "FILE"]))
        ),
        "paths_first": draw(st.booleans()),
        "more": draw(st.sampled_from([None, "float", "int", "bool"])),
        "before": draw(st.sampled_from(["", "\ufeff", "# a comment, with a comma\n", "\ufeff#\n\n"])),
        "newline": draw(st.sampled_from(["\n", "\r\n"])),
        "quoted": draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
        "categories": draw(st.booleans()),
        "second": draw(st.booleans()),
    }


def columns_of(layout):
    name, path = layout["names"]
    found = {name: layout["id"], path: layout["path"]}
    found = dict(reversed(found.items())) if layout["paths_first"] else found
    count = len(layout["id"])
    more = {"float": np.linspace(0, 1, count), "int": np.arange(count), "bool": np.arange(count) % 2 == 0}
    return found if layout["more"] is None else {"more": more[layout["more"]].tolist(), **found}


def written(layout, path):
    columns = columns_of(layout)
    if path.suffix == ".csv":
        text = io.StringIO(newline="")
        text.write(layout["before"].replace("\n", layout["newline"]))
        lines = csv.writer(text, lineterminator=layout["newline"], quoting=layout["quoted"])
        lines.writerows([list(columns), *zip(*columns.values(), strict=True)])
        path.write_bytes(text.getvalue().encode())
    elif path.suffix == ".ecsv":
        delimiter = "," if layout["quoted"] == csv.QUOTE_ALL else " "
        Table(columns).write(path, format="ascii.ecsv", delimiter=delimiter)
    elif path.suffix == ".fits":
        encoded = {n: [v.encode() for v in c] if isinstance(c[0], str) else c for n, c in columns.items()}
        units = [fits.BinTableHDU(Table(encoded))]
        other = [fits.BinTableHDU(Table({"x": [1.0]}))] if layout["second"] else []
        fits.HDUList([fits.PrimaryHDU(), *other, *units]).writeto(path)
    else:
        arrays = {n: pa.array([v if v != "" else None for v in c]) for n, c in columns.items()}
        if layout["categories"]:
            arrays = {n: a.dictionary_encode() if pa.types.is_string(a.type) else a for n, a in arrays.items()}
        parquet.write_table(pa.table(arrays), path)
    return path


@given(layouts())
@QUIET
def test_every_format_and_layout_lists_the_same_stamps(layout):
    with tempfile.TemporaryDirectory() as folder:
        for suffix in SUFFIXES:
            path = written(layout, Path(folder) / f"list{suffix}")
            sources = expand_inputs([str(path)])
            assert [source.name for source in sources] == layout["id"], suffix
            expected = [str(path.parent / file) if file else str(path) for file in layout["path"]]
            assert [source.path for source in sources] == expected, suffix
            assert [source.status is None for source in sources] == [bool(file) for file in layout["path"]], suffix


@given(st.lists(st.tuples(IDS, WORDS, WORDS), max_size=5))
@example([("a\nb", "c\td", "ä"), ("\\x41", "\\", "e\\n"), ("#1", " ", "#"), (" a ", "", "\u2028")])
@QUIET
def test_a_catalogue_keeps_every_text(rows):
    names, files, reasons = ([row[i] for row in rows] for i in range(3))
    told = [{"name": n, "input": f"/{f}", "look_because": r, "status": "done"} for n, f, r in rows]
    with tempfile.TemporaryDirectory() as folder:
        for suffix in catalogue.FORMATS:
            again = catalogue.read(catalogue.write(catalogue.build(told), Path(folder) / f"table{suffix}"))
            assert again["name"].tolist() == names, suffix
            assert again["input"].tolist() == [f"/{file}" for file in files], suffix
            assert again["look_because"].tolist() == reasons, suffix


@given(
    st.sampled_from(SUFFIXES),
    layouts(),
    st.floats(0, 1),
    st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=6),
)
@QUIET
def test_any_damage_is_a_sentence_or_a_list(suffix, layout, keep, changes):
    with tempfile.TemporaryDirectory() as folder:
        path = written(layout, Path(folder) / f"list{suffix}")
        content = bytearray(path.read_bytes())
        for place, value in changes:
            content[int(place * len(content))] = value
        path.write_bytes(content[: round(keep * len(content))])
        readers = (read_texts, read_table, catalogue.read, lambda one: expand_inputs([str(one)]))
        for said in filter(None, [refusal(reader, path) for reader in readers]):
            assert path.name in said
            assert "\n" not in said


def refusal(reader, path):
    """What a reader says against a file, None if it reads it."""
    try:
        reader(path)
    except InputError as error:
        return str(error)
    return None
