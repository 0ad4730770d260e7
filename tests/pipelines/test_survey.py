"""The lines of docs/guides/survey.md on a mosaic with 30 simulated lenses: cut out, predict, report, review, fit, export."""

import json
import shlex
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from astropy import constants
from astropy.cosmology import Planck18
from astropy.io import fits
from astropy.table import Table
from typer.testing import CliRunner

from lenssbi.catalogue.verdicts import SCHEMA
from lenssbi.pipelines.catalogue.folder import CatalogueFolder
from lenssbi_cli.main import app

from ..dataset.made_up_survey import COMMON, SCALE, survey
from ..quick_fits import quick_fits

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "survey.md"
LEFT_OUT = "stamps/lens-07.fits"  # one fit is enough here
QUICK = ("mesh.pixels=49", "start.candidates=24", "sampler.importance_n_eff=30", "sampler.max_evaluations=1000")
QUICK = (*QUICK, "mass.shear=false", "lens_light=subtract")


def commands():
    """The guide's lines, in their order."""
    return [line for line in GUIDE.read_text().splitlines() if line.startswith("lenssbi ")]


def arguments(line):
    """Those of a line, with one and a smaller fit; the model images of the network are left out."""
    _, verb, *rest = (word for word in shlex.split(line) if word != LEFT_OUT)
    if verb != "catalogue":
        return [verb, *rest]
    fitted = "all" in rest
    said = [f"fit.{key}" for key in QUICK] if fitted else ["images=false"]
    return [verb, *rest, *(word for key in said for word in ("--set", key))]


def right(row, truth):
    """Whether the radius of a row is that of the lens: what a reviewer who knows the truth looks at."""
    return abs(row["einstein_radius"] - truth["einstein_radius"]) < 0.02


def save_verdicts(truth, path):
    """The file of a reviewer who knows the truth."""
    found = CatalogueFolder.open("survey")
    fits_of, entries = found.fits(), []
    for row in found.table():
        said = (
            {"verdict": "success"} if right(row, truth[row["name"]]) else {"verdict": "failure", "failed_step": "basin"}
        )
        entries.append(said | {"lens": row["name"], "time": "2026-01-01T12:00:00Z", "fit": fits_of[row["name"]]})
    card = {"schema": SCHEMA, "catalogue": found.identity, "reviewer": "Ada", "verdicts": entries}
    path.write_text(json.dumps(card))


def mass(truth):
    """c^2 / (4 G) D_l D_s / D_ls theta^2 [solar masses] of a true radius and true redshifts (Schneider, Ehlers & Falco 1992, eq. 5.4)."""
    z_lens, z_source = truth["z_lens"], truth["z_source"]
    to_lens, to_source = Planck18.angular_diameter_distance(z_lens), Planck18.angular_diameter_distance(z_source)
    between = (Planck18.comoving_distance(z_source) - Planck18.comoving_distance(z_lens)) / (1 + z_source)
    ratio = to_lens * to_source / between
    theta = np.radians(truth["einstein_radius"] / 3600)
    return (constants.c**2 / (4 * constants.G) * ratio * theta**2).to_value("Msun")


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    """The folder after all lines, the truth by name, and the tables of network and fits."""
    folder = tmp_path_factory.mktemp("survey")
    truth = survey(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        quick_fits(patch)
        for line in commands():
            if "review" in line:
                save_verdicts(truth, folder / "verdicts-Ada.json")
            done = CliRunner().invoke(app, arguments(line))
            ends = (0, 3) if "--refine all" in line else (0,)  # so small a fit may stop at its limit
            assert done.exit_code in ends, f"{line}\n{done.output[-2000:]}\n{done.exception!r}"
    tables = {name: Table.read(folder / name / "catalogue.ecsv") for name in ("survey", "fitted")}
    return SimpleNamespace(folder=folder, truth=truth, **tables)


def test_the_guide_has_every_step():
    assert [line.split()[1] for line in commands()] == [
        *("cutout", "check", "catalogue", "report", "review", "catalogue", "export")
    ]


@pytest.mark.slow
def test_cut_outs_are_where_the_lenses_are(walk):
    rows = Table.read(walk.folder / "stamps" / "cutouts.ecsv")
    mosaic = fits.getdata(walk.folder / "mosaic.fits")
    assert rows["id"].tolist() == list(walk.truth)
    for row in rows:
        truth = walk.truth[row["id"]]
        assert (row["x"], row["y"]) == (
            pytest.approx(truth["x"] + 1, abs=0.01),
            pytest.approx(truth["y"] + 1, abs=0.01),
        )
        stamp = fits.getdata(walk.folder / "stamps" / row["path"], "SCI")
        first = [round(truth[axis] - (side - 1) / 2) for axis, side in zip("yx", stamp.shape, strict=True)]
        theirs = mosaic[first[0] : first[0] + stamp.shape[0], first[1] : first[1] + stamp.shape[1]]
        np.testing.assert_array_equal(stamp, theirs)


@pytest.mark.slow
def test_the_table_has_a_row_for_each_lens_at_its_place(walk):
    rows = walk.survey
    assert rows["name"].tolist() == list(walk.truth)
    assert (rows["status"] == "done").all()
    ra, dec = (np.array([truth[name] for truth in walk.truth.values()]) for name in ("ra", "dec"))
    off = np.hypot((rows["ra"] - ra) * np.cos(np.radians(dec)), rows["dec"] - dec) * 3600
    assert off.max() < 0.5 * np.sqrt(2) * SCALE  # a cut-out has whole pixels
    assert np.isnan(rows["magnification"]).all()


@pytest.mark.slow
def test_the_network_finds_the_einstein_radii(walk):
    true = np.array([truth["einstein_radius"] for truth in walk.truth.values()])
    error = np.abs(walk.survey["einstein_radius"] - true)
    sigma = (walk.survey["einstein_radius_upper"] - walk.survey["einstein_radius_lower"]) / 2
    assert np.median(error) < 0.03
    assert np.corrcoef(true, walk.survey["einstein_radius"])[0, 1] > 0.99
    assert (error < 3 * sigma).sum() >= 28


@pytest.mark.slow
def test_masses_are_those_of_the_true_radii_and_redshifts(walk):
    rows, truths = walk.survey, list(walk.truth.values())
    for name in ("z_lens", "z_source"):
        np.testing.assert_array_equal(rows[name], [truth[name] for truth in truths])
    assert 0 < sum((truth["z_lens"], truth["z_source"]) != COMMON for truth in truths) < len(truths)
    true = np.array([mass(truth) for truth in truths])
    error = np.abs(rows["einstein_mass"] - true)
    sigma = (rows["einstein_mass_upper"] - rows["einstein_mass_lower"]) / 2
    assert np.median(error / true) < 0.06  # twice that of the radius
    assert (error < 3 * sigma).sum() >= 28
    (fitted,) = walk.fitted
    assert fitted["einstein_mass"] == pytest.approx(mass(walk.truth[fitted["name"]]), rel=0.1)


@pytest.mark.slow
def test_verdicts_are_in_the_table(walk):
    rows = walk.survey
    true = [right(row, walk.truth[row["name"]]) for row in rows]
    assert rows["verdict"].tolist() == ["success" if one else "failure" for one in true]
    assert [str(step) for step in rows["failed_step"].filled("")] == ["" if one else "basin" for one in true]
    assert 0 < sum(true) < len(true), "verdicts of both kinds"
    assert (rows["reviewers"] == 1).all()


@pytest.mark.slow
def test_the_report_shows_every_lens(walk):
    page = (walk.folder / "survey" / "report.html").read_text()
    assert all(name in page for name in walk.truth)


@pytest.mark.slow
def test_fits_have_magnification_and_magnitudes(walk):
    assert walk.fitted["name"].tolist() == ["lens-12"]
    for row in walk.fitted:
        truth = walk.truth[row["name"]]
        assert row["einstein_radius"] == pytest.approx(truth["einstein_radius"], rel=0.05)
        assert row["magnification"] == pytest.approx(truth["magnification"], rel=0.25)
        for name in ("mag_lens_light", "mag_lensed_source", "mag_source"):
            assert row[name] == pytest.approx(truth[name], abs=0.3), name
        with fits.open(next((walk.folder / "products").glob(f"*{row['name']}*.fits"))) as units:
            assert {"DATA", "MODEL", "RESIDUAL", "SOURCE"} <= {unit.name for unit in units}
