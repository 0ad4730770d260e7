"""Positions from the command line and from tables in every format."""

import math

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, QTable, Table

from lenssbi.dataset.cutouts.targets import name_of_position, read_targets
from lenssbi.status import InputError, Status

IDS, RA, DEC = ["007", "b", "1e5"], [57.41, 0.5, 359.9], [-51.2, 0.25, 89.5]


@pytest.mark.parametrize(
    "text",
    [
        "57.41 -51.2",
        "57.41,-51.2",
        " 57.41 , -51.2 ",
        "03:49:38.4 -51:12:00",
        "3 49 38.4 -51 12 00",
        "3h49m38.4s -51d12m00s",
        "57.41d -51d12m",
        "-302.59 -51.2",
    ],
)
def test_one_position(text):
    (target,) = read_targets(text)
    assert (target.ra, target.dec) == (pytest.approx(57.41, abs=1e-9), pytest.approx(-51.2, abs=1e-9))
    assert target.name == "J034938.40-511200.0"


@pytest.mark.parametrize("text", ["", "57.41", "57.41 91", "a b", "400 0", "1 2 3", "nan 0", "57.41 -51.2 10 10"])
def test_what_is_no_position(text):
    with pytest.raises(InputError, match="neither a table of positions nor a position"):
        read_targets(text)


@pytest.mark.parametrize("name", ["t.csv", "t.ecsv", "t.fits", "t.parquet"])
def test_every_format_of_tables(name, tmp_path):
    table = Table({"id": IDS, "RA": RA, "Dec": DEC})
    path = tmp_path / name
    if name == "t.parquet":
        import pyarrow
        from pyarrow import parquet

        parquet.write_table(pyarrow.table({"id": IDS, "RA": RA, "Dec": DEC}), path)
    else:
        table.write(path)
    found = read_targets(str(path))
    assert [target.name for target in found] == IDS
    np.testing.assert_allclose([(target.ra, target.dec) for target in found], np.transpose([RA, DEC]), rtol=1e-14)
    assert all(target.status is None for target in found)


@pytest.mark.parametrize(
    ("ra", "dec"), [("RIGHT_ASCENSION", "DECLINATION"), ("RAJ2000", "DEJ2000"), ("ra_deg", "dec_deg")]
)
def test_names_of_columns(ra, dec, tmp_path):
    Table({"OBJECT_ID": [5], ra: [1.0], dec: [2.0]}).write(tmp_path / "t.fits")
    (target,) = read_targets(str(tmp_path / "t.fits"))
    assert (target.name, target.ra, target.dec) == ("5", 1.0, 2.0)


@pytest.mark.parametrize("name", ["t.ecsv", "t.fits"])
def test_units_of_columns(name, tmp_path):
    QTable({"coord_ra": np.radians(RA) * units.rad, "coord_dec": np.radians(DEC) * units.rad}).write(tmp_path / name)
    found = read_targets(str(tmp_path / name))
    np.testing.assert_allclose([(target.ra, target.dec) for target in found], np.transpose([RA, DEC]), rtol=1e-12)
    QTable({"ra": RA * units.m, "dec": DEC * units.deg}).write(tmp_path / f"length-{name}")
    with pytest.raises(InputError, match="unit m: give them in degrees"):
        read_targets(str(tmp_path / f"length-{name}"))


def test_rows_that_cannot_be_used_say_so(tmp_path):
    lines = ["id,ra,dec", "a,1,2", "b,,2", "c,1,95", "d,one,2", "a,3,4", "e,01:00:00,-00:30:00", ",1,2", ",1,2"]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    found = read_targets(str(tmp_path / "t.csv"))
    bad, twice = Status.BAD_POSITION, Status.DUPLICATE
    assert [target.status for target in found] == [None, bad, bad, bad, twice, None, None, twice]
    assert [target.name for target in found[-3:]] == ["e", "J000400.00+020000.0", "J000400.00+020000.0"]
    assert found[3].detail == "t.csv, row 4: ra one, dec 2"
    assert (found[5].ra, found[5].dec) == (pytest.approx(15), pytest.approx(-0.5))
    assert math.isnan(found[1].ra)


def test_cells_without_a_value(tmp_path):
    column = MaskedColumn([1.0, 2.0], mask=[False, True])
    Table({"id": [1, 2], "ra": column, "dec": [1.0, 2.0]}).write(tmp_path / "t.ecsv")
    assert [target.status for target in read_targets(str(tmp_path / "t.ecsv"))] == [None, Status.BAD_POSITION]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("id,x\n1,2\n", r"no columns ra and dec \(it has id, x\)"), ("ra,dec\n", "no rows"), ("", "not a table")],
)
def test_tables_that_cannot_be_used(text, sentence, tmp_path):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match=sentence):
        read_targets(str(tmp_path / "t.csv"))


def test_a_table_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="there is no such file"):
        read_targets(str(tmp_path / "t.csv"))


def test_names_are_cut_off_and_not_rounded():
    rng = np.random.default_rng(1)
    for ra, dec in zip(rng.uniform(0, 360, 50), rng.uniform(-90, 90, 50), strict=True):
        place = SkyCoord(ra, dec, unit="deg")
        east = place.ra.to_string(units.hourangle, sep="", precision=5, pad=True)[:9]
        north = place.dec.to_string(units.deg, sep="", precision=5, pad=True, alwayssign=True)[:9]
        assert name_of_position(ra, dec) == f"J{east}{north}"
