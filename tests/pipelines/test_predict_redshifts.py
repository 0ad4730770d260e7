"""Redshifts from the command line to the table: lengths, mass and dispersion of each row, and one sentence for a mistake."""

import json

import numpy as np
import pytest
from astropy.table import Table
from typer.testing import CliRunner

from lenssbi.catalogue import read
from lenssbi.posteriors.quantities import quantities
from lenssbi.status import Status

from .test_predict import _made_up_network, folder  # noqa: F401

RUNNER = CliRunner()


def predict(*arguments):
    app = pytest.importorskip("lenssbi_cli.main").app
    return RUNNER.invoke(app, ["predict", *map(str, arguments), "--quiet"])


def test_rows_with_and_without_redshifts(folder, tmp_path):  # noqa: F811
    rows = {"path": ["a.fits", "b.fits", "a.fits", "b.fits"], "id": ["both", "none", "lens", "wrong"]}
    rows |= {"z_lens": ["0.3", "", "0.4", "1.5"], "z_source": ["1.2", "nan", "", "0.5"]}
    Table(rows).write(folder / "list.csv")
    out = tmp_path / "table.ecsv"
    done = predict(folder / "list.csv", "--out", out, "--cosmology", "H0=70,Om0=0.3", "--samples", tmp_path / "draws")
    assert done.exit_code == 3, done.stderr
    table = read(out)
    known = np.isfinite(
        [table[name] for name in ("effective_einstein_radius_kpc", "einstein_mass", "velocity_dispersion")]
    )
    np.testing.assert_array_equal(known.T, [[True] * 3, [False] * 3, [True, False, False], [False] * 3])
    assert table["status"][3].startswith(Status.BAD_REDSHIFT.value)
    assert table["status"][:3].tolist() == ["done"] * 3
    np.testing.assert_array_equal(table["z_lens"], [0.3, np.nan, 0.4, np.nan])
    assert table.meta["cosmology"] == "FlatLambdaCDM(H0=70 km/s/Mpc, Om0=0.3)"
    assert (table["einstein_mass_lower"] < table["einstein_mass"])[0]
    assert table["einstein_mass"].unit == "Msun"
    assert np.isfinite(table["effective_einstein_radius"][:3]).all()
    assert np.isnan(table["magnification"]).all(), "a network has no light model"
    again = tmp_path / "again.ecsv"
    assert predict("--repeat", out, "--out", again).exit_code == 3
    np.testing.assert_array_equal(read(again)["einstein_mass"], table["einstein_mass"])


def test_the_json_has_them(folder):  # noqa: F811
    done = predict(folder / "a.fits", "--z-lens", 0.3, "--z-source", 1.2, "--json")
    (item,) = json.loads(done.stdout)["items"]
    assert set(item["derived"]) == set(quantities_of_a_sie())
    assert item["derived"]["velocity_dispersion"]["unit"] == "km/s"


def quantities_of_a_sie():
    from lenssbi.posteriors import Samples

    one = Samples(np.array([[1.0, 0.1, 0.0]]), ("einstein_radius", "e1", "e2"), ("arcsec", "", ""))
    return quantities(one, {"z_lens": 0.3, "z_source": 1.2})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--z-lens", 0.5), "--z-lens alone gives no mass: give --z-source too"),
        (("--z-lens", 0.5, "--z-source", 0.4), "--z-source 0.4 is not behind --z-lens 0.5"),
        (("--z-lens", "nan", "--z-source", 0.4), "--z-lens nan: give a redshift"),
        (("--z-lens", -1, "--z-source", 0.4), "--z-lens -1: give a redshift"),
        (("--cosmology", "Newton"), "cosmology Newton: write H0=70,Om0=0.3"),
        (("--repeat", "table.ecsv", "--z-lens", 0.5), "--repeat takes inputs and options from the table"),
    ],
)
def test_a_mistake_is_one_sentence(folder, options, words):  # noqa: F811
    done = predict(*(() if "--repeat" in options else (folder / "a.fits",)), *options)
    assert done.exit_code == 2
    (line,) = done.stderr.strip().splitlines()
    assert words in line


def test_a_single_stamp_with_wrong_keywords_is_one_sentence(folder):  # noqa: F811
    from astropy.io import fits

    for name, value in (("ZLENS", 0.9), ("ZSOURCE", 0.5)):
        fits.setval(folder / "a.fits", name, value=value, ext=1)
    done = predict(folder / "a.fits")
    assert done.exit_code == 2
    assert "correct --z-lens and --z-source" in done.stderr
