"""A catalogue says the same after a trip through any of its formats, and refuses what is not one."""

import math

import numpy as np
import pytest

from lenssbi import catalogue
from lenssbi.status import InputError, Status

LENS = {
    "name": "lens-1",
    "input": "a.fits",
    "method": "refined",
    "status": "done",
    "params": {
        "einstein_radius": {"median": 1.2, "lower": 1.1, "upper": 1.3, "unit": "arcsec"},
        "slope": {"median": 2.1, "lower": 2.0, "upper": 2.2, "unit": ""},
    },
    "covariance": {"einstein_radius_e1": -0.01},
    "flags": ["needs_human", "lens_light"],
    "log_evidence": -12.5,
    "evaluations": 4000,
}
BROKEN = {"name": "lens-2", "input": "b.fits", "status": Status.NO_PSF.value}


@pytest.fixture
def table():
    return catalogue.build([LENS, BROKEN], {"config": {"refine": "auto"}})


def test_the_network_has_columns_of_its_own():
    told = {"params": {"q": {"median": 0.5, "lower": 0.4, "upper": 0.6, "unit": ""}}, "flags": ["misspecified"]}
    strange = {"params": {"slope": {"median": 2.1, "lower": 2.0, "upper": 2.2, "unit": ""}}, "flags": []}
    table = catalogue.build([LENS | {"network": told}, LENS | {"network": None}, {"name": "b", "network": strange}])
    np.testing.assert_array_equal(table["network_q"], [0.5, np.nan, np.nan])
    np.testing.assert_array_equal(table["network_q_upper"], [0.6, np.nan, np.nan])
    np.testing.assert_array_equal(table["network_slope_lower"], [np.nan, np.nan, 2.0])
    assert table["network_flags"].tolist() == ["misspecified", "", ""]
    assert {f"network_{name}" for name in catalogue.PARAMETERS} <= set(table.colnames), "always there"
    assert table["network_einstein_radius"].unit == "arcsec"
    assert "network_shear1" not in table.colnames, "no network has one"


def test_what_follows_from_a_posterior_has_errors():
    """What a row does not know is NaN, and what needs redshifts is a column only if a lens has them."""
    units = {"magnification": "", "mag_source": "mag", "effective_einstein_radius": "arcsec", "einstein_mass": "Msun"}
    told = {name: {"median": 9.5, "lower": 9.0, "upper": None, "unit": unit} for name, unit in units.items()}
    table = catalogue.build([LENS | {"derived": told, "z_lens": 0.5}, BROKEN])
    for name, unit in units.items():
        np.testing.assert_array_equal(table[name], [9.5, np.nan])
        np.testing.assert_array_equal(table[f"{name}_lower"], [9.0, np.nan])
        np.testing.assert_array_equal(table[f"{name}_upper"], [np.nan, np.nan])
        assert table[name].unit == (unit or None)
        assert table[name].description
    np.testing.assert_array_equal(table["z_lens"], [0.5, np.nan])
    bare = catalogue.build([LENS, BROKEN]).colnames
    assert set(catalogue.DERIVED) <= set(bare)
    assert not {"z_lens", "z_source", *catalogue.PHYSICAL} & set(bare)


def test_rows_keep_their_order_and_columns(table):
    assert table["name"].tolist() == ["lens-1", "lens-2"]
    assert table["einstein_radius_upper"].tolist()[0] == 1.3
    assert table["einstein_radius"].unit == "arcsec"
    assert table["cov_einstein_radius_e1"][0] == -0.01
    assert table["needs_human"].tolist() == [True, False]
    assert table["flags"].tolist() == ["lens_light", ""]
    assert table["slope"][0] == 2.1


def test_models_with_more_parameters_have_more_columns():
    plain = catalogue.build([{"name": "sie", "params": {"e1": {"median": 0.1, "lower": 0.0, "upper": 0.2}}}])
    assert not {"slope", "shear1", "cov_e1_shear1"} & set(plain.colnames)
    params = {name: {"median": 0.1, "lower": 0.0, "upper": 0.2} for name in catalogue.OPTIONAL}
    full = catalogue.build([LENS, {"name": "full", "params": params, "covariance": {"einstein_radius_shear2": 2e-4}}])
    assert math.isnan(full["shear1"][0])
    assert full["shear1"][1] == 0.1
    assert full["cov_einstein_radius_shear2"].tolist()[1] == 2e-4
    assert full["cov_einstein_radius_shear2"].unit == "arcsec"
    assert full["cov_slope_slope"].unit is None
    assert full["centre_x"].unit == "arcsec"
    assert all(full[name].description for name in catalogue.OPTIONAL)


@pytest.mark.parametrize("suffix", catalogue.FORMATS)
def test_the_table_says_how_an_angle_is_wrapped(table, tmp_path, suffix):
    again = catalogue.read(catalogue.write(table, tmp_path / f"table{suffix}"))
    for column in ("phi_lower", "phi_upper"):
        assert "below 0 or above 180" in again[column].description
    assert "0 to 180" in again["phi"].description
    assert again["q_lower"].description == "16%"


def test_what_a_row_lacks_is_nan(table):
    assert math.isnan(table["q"][1])
    assert math.isnan(table["slope"][1])
    assert math.isnan(table["ra"][0])


@pytest.mark.parametrize("suffix", catalogue.FORMATS)
def test_round_trip(table, tmp_path, suffix):
    again = catalogue.read(catalogue.write(table, tmp_path / f"table{suffix}"))
    assert again.colnames == table.colnames
    assert [str(value) for value in again["status"]] == table["status"].tolist()
    assert again["einstein_radius"].tolist()[0] == 1.2
    assert str(again["phi"].unit) == "deg"
    assert again["q"].description == table["q"].description
    assert again.meta["config"] == '{"refine": "auto"}'
    assert again["needs_human"].tolist() == [True, False]


def test_a_catalogue_of_nothing(tmp_path):
    empty = catalogue.build([])
    assert len(catalogue.read(catalogue.write(empty, tmp_path / "empty.ecsv"))) == 0


def test_unknown_suffix(table, tmp_path):
    with pytest.raises(InputError, match=r"\.ecsv"):
        catalogue.write(table, tmp_path / "table.csv")


def test_reading_what_is_no_catalogue(tmp_path):
    (tmp_path / "other.ecsv").write_text("a b\n1 2\n")
    (tmp_path / "broken.fits").write_bytes(b"SIMPLE  = nonsense")
    for name, match in (("missing.ecsv", "no such file"), ("other.ecsv", "write it again"), ("broken.fits", "broken")):
        with pytest.raises(InputError, match=match):
            catalogue.read(tmp_path / name)


def test_truths_have_columns_where_one_is_known(table):
    assert not any(name.startswith(("truth_", "rank_")) for name in table.colnames)
    known = LENS | {"truth": {"einstein_radius": 1.25, "shear1": 0.1}, "ranks": {"einstein_radius": 0.6}}
    found = catalogue.build([BROKEN, known])
    assert found["truth_einstein_radius"].tolist()[1] == 1.25
    assert found["truth_einstein_radius"].unit == "arcsec"
    assert math.isnan(found["rank_einstein_radius"][0])
    assert found["rank_einstein_radius"][1] == 0.6
    assert "truth_shear1" not in found.colnames, "a parameter that is not inferred"
    assert "truth_slope" not in found.colnames


def test_rows_are_drawn_one_at_a_time():
    rows = ({"name": str(i), "params": LENS["params"]} if i > 2 else BROKEN for i in range(6))
    assert catalogue.build(rows)["slope"].tolist()[3:] == [2.1] * 3
