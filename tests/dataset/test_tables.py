"""Tables of every format: what was text stays text, what was not there is nothing, and pandas is not needed."""

import subprocess
import sys
import textwrap

import numpy as np
import pyarrow as pa
import pytest
from astropy.io import fits
from astropy.table import MaskedColumn, Table
from pyarrow import parquet

from lenssbi import catalogue
from lenssbi.dataset.inputs import expand_inputs
from lenssbi.dataset.tables import read_table, read_texts
from lenssbi.status import InputError, ItemError, Status

SUFFIXES = (".csv", ".ecsv", ".fits", ".parquet")
IDS = ["007", "7", "00123", "1e5", "1.50", "nan", "None", "ä b"]


def write(path, columns):
    """A table of text, as a user's program would write it."""
    if path.suffix == ".parquet":
        parquet.write_table(pa.table(columns), path)
    elif path.suffix == ".fits":
        encoded = {name: [value.encode() for value in values] for name, values in columns.items()}
        Table(encoded).write(path)
    else:
        Table(columns).write(path, format={".csv": "ascii.csv", ".ecsv": "ascii.ecsv"}[path.suffix])
    return path


def statuses(path):
    found = []
    for source in expand_inputs([str(path)]):
        with pytest.raises(ItemError) as caught:
            source.load()
        found.append(caught.value.status)
    return found


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_identifiers_and_paths_are_text(tmp_path, suffix):
    path = write(tmp_path / f"list{suffix}", {"path": [f"{i:03d}" for i in range(len(IDS))], "id": IDS})
    sources = expand_inputs([str(path)])
    assert [source.name for source in sources] == IDS
    assert [source.path for source in sources] == [f"{tmp_path}/{i:03d}" for i in range(len(IDS))]
    assert {source.status for source in sources} == {None}, "no two are the same"


@pytest.mark.parametrize("suffix", catalogue.FORMATS)
def test_a_catalogue_keeps_its_names(tmp_path, suffix):
    names = [*IDS, "", "a\nb", "back\\slash", 'q"uote, and comma', "--"]
    rows = [{"name": name, "input": f"/größe/{name}", "status": "done"} for name in names]
    table = catalogue.build(rows, {"estimator": "größe", "command": "two\nlines"})
    again = catalogue.read(catalogue.write(table, tmp_path / f"table{suffix}"))
    assert again["name"].tolist() == names
    assert again["input"].tolist() == [f"/größe/{name}" for name in names]
    assert again["look_because"].tolist() == [""] * len(names)


@pytest.mark.parametrize("column", ["ID", "Name", "OBJECT_ID", "id"])
@pytest.mark.parametrize("path", ["PATH", "File", "filename"])
def test_names_of_columns_have_no_case(tmp_path, path, column):
    for suffix in SUFFIXES:
        file = write(tmp_path / f"list{suffix}", {path: ["a.fits"], column: ["007"], "INDEX": [""]})
        (source,) = expand_inputs([str(file)])
        assert (source.name, source.path) == ("007", f"{tmp_path}/a.fits")


def test_an_exact_name_goes_before_another_case(tmp_path):
    (tmp_path / "list.csv").write_text("PATH,path,id\nwrong.fits,right.fits,a\n")
    (source,) = expand_inputs([f"{tmp_path}/list.csv"])
    assert source.path == f"{tmp_path}/right.fits"


def test_all_tables_of_a_fits_file_are_looked_at(tmp_path):
    other = fits.BinTableHDU(Table({"x": [1.0, 2.0]}), name="OTHER")
    listing = fits.BinTableHDU(Table({"Path": ["a.fits", "b.fits"], "id": [7, 8]}), name="LIST")
    fits.HDUList([fits.PrimaryHDU(), other, listing]).writeto(tmp_path / "list.fits.gz")
    assert [source.name for source in expand_inputs([f"{tmp_path}/list.fits.gz"])] == ["7", "8"]


@pytest.mark.parametrize("before", ["\ufeff", "# made by hand\n# 7, x\n", "\n\n", "\ufeff# made by hand\n\n"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_what_stands_before_the_header_of_a_csv(tmp_path, before, newline):
    text = before + 'path,id\n"a, b.fits",007\n\nc.fits,"two\nlines"\nd.fits\n'
    (tmp_path / "list.csv").write_bytes(text.replace("\n", newline).encode())
    sources = expand_inputs([f"{tmp_path}/list.csv"])
    assert [source.name for source in sources] == ["007", "two\nlines", "d"]
    assert sources[0].path == f"{tmp_path}/a, b.fits"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"path,id\na,b.fits,1\n", "line 2 has 3 cells"),
        (b"# only a comment\n", "no header"),
        (b"", "no header"),
        ("path\nä.fits\n".encode("latin-1"), "utf-8"),
        (b'path\n"a.fits\n', "not a table"),
        (b"path\n" + b"x" * 200_000 + b"\n", "field larger"),
    ],
)
def test_a_csv_that_is_none(tmp_path, content, says):
    (tmp_path / "list.csv").write_bytes(content)
    with pytest.raises(InputError, match=says) as caught:
        expand_inputs([f"{tmp_path}/list.csv"])
    assert "list.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dictionary", [False, True])
def test_parquet_with_categories_nulls_and_nullable_integers(tmp_path, dictionary):
    paths = pa.array(["a.fits", None, "set.h5", "c.fits"])
    columns = {
        "path": paths.dictionary_encode() if dictionary else paths,
        "id": pa.array([7, 8, None, 10], pa.int64()),
        "index": pa.array([None, None, 3.0, None], pa.float64()),
    }
    parquet.write_table(pa.table(columns), tmp_path / "list.parquet")
    first, second, third, fourth = expand_inputs([f"{tmp_path}/list.parquet"])
    assert [one.name for one in (first, second, third, fourth)] == ["7", "8", "set.h5:3", "10"]
    assert statuses(tmp_path / "list.parquet") == [
        Status.NOT_FOUND,
        Status.NO_PATH,
        Status.NO_STAMP,
        Status.NOT_FOUND,
    ]
    assert third.path == f"{tmp_path}/set.h5:3", "the index that had a missing neighbour is no 3.0"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_row_without_a_path_is_that_rows_status(tmp_path, suffix):
    path = write(tmp_path / f"list{suffix}", {"path": ["a.fits", "", "b.fits"], "id": ["1", "2", "3"]})
    assert statuses(path) == [Status.NOT_FOUND, Status.NO_PATH, Status.NOT_FOUND]


def test_masked_cells_of_fits_are_nothing(tmp_path):
    table = Table({"path": ["a.fits", "set.h5"], "index": MaskedColumn([0, 4], mask=[True, False])})
    table.write(tmp_path / "list.fits")
    (text,) = read_texts(tmp_path / "list.fits")
    assert text.column("index") == ["", "4"]


def test_a_parquet_table_comes_back_with_units_nulls_and_metadata(tmp_path):
    table = catalogue.build([{"name": "a", "params": {"phi": {"median": 3.0, "lower": 2.0, "upper": 4.0}}}], {"k": 1})
    again = read_table(catalogue.write(table, tmp_path / "ours.parquet"))
    assert [again[name].dtype.kind for name in again.colnames] == [table[name].dtype.kind for name in table.colnames]
    assert [again[name].unit for name in again.colnames] == [table[name].unit for name in table.colnames]
    assert again.meta["k"] == 1
    foreign = {"i": pa.array([1, None]), "b": pa.array([None, True]), "x": [0.5, None], "l": [[1], [2, 3]]}
    parquet.write_table(pa.table(foreign), tmp_path / "foreign.parquet")
    found = read_table(tmp_path / "foreign.parquet")
    assert found["i"].tolist() == [1, None]
    assert found["b"].tolist() == [None, True]
    assert np.isnan(found["x"][1])
    assert found["l"].tolist() == [[1], [2, 3]]


def test_astropy_reads_our_parquet(tmp_path):
    pytest.importorskip("pandas")
    table = catalogue.build([{"name": "007", "status": "done"}])
    again = Table.read(catalogue.write(table, tmp_path / "table.parquet"), format="parquet")
    assert again["name"].tolist() == ["007"]
    assert str(again["phi"].unit) == "deg"


HIDDEN = """
    import importlib.machinery, sys
    find = importlib.machinery.PathFinder.find_spec
    def without(name, path=None, target=None):
        return None if name.partition(".")[0] == "pandas" else find(name, path, target)
    importlib.machinery.PathFinder.find_spec = staticmethod(without)
    try:
        import pandas
    except ModuleNotFoundError:
        pass
    else:
        raise SystemExit("pandas is not hidden")
"""


def without_pandas(code, *arguments):
    """Run a program where pandas is not installed, as after `pip install lenssbi`."""
    program = textwrap.dedent(HIDDEN) + textwrap.dedent(code)
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_every_format_goes_out_and_in_without_pandas(tmp_path):
    for suffix in SUFFIXES:
        write(tmp_path / f"list{suffix}", {"path": ["a.fits", "b.fits"], "id": ["007", "7"]})
    code = """
        from pathlib import Path
        from lenssbi import catalogue
        from lenssbi.dataset.inputs import expand_inputs
        from lenssbi.pipelines import check
        folder = Path(sys.argv[1])
        for suffix in (".csv", ".ecsv", ".fits", ".parquet"):
            assert [source.name for source in expand_inputs([f"{folder}/list{suffix}"])] == ["007", "7"], suffix
        rows = [{"name": name, "status": "done"} for name in ("007", "7")]
        for suffix in catalogue.FORMATS:
            path = catalogue.write(catalogue.build(rows), folder / f"table{suffix}")
            assert catalogue.read(path)["name"].tolist() == ["007", "7"], suffix
            assert check.run(path).details["lenses"] == 2, suffix
        assert "pandas" not in sys.modules
    """
    done = without_pandas(code, tmp_path)
    assert done.returncode == 0, done.stderr
