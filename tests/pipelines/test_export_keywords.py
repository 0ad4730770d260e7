"""`lenssbi export --to lenstronomy` and `--to hierarc`, from posterior files and catalogues to JSON files."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from lenssbi.dataset.tables import read_table
from lenssbi.pipelines.catalogue.folder import CatalogueFolder
from lenssbi.pipelines.export import run
from lenssbi.posteriors import Samples
from lenssbi.refinement.restored import restored_fit
from lenssbi.status import InputError

from .made_up_catalogue import made_up
from .test_export_fits import posterior, stamp_file, write_posterior, write_stamp  # noqa: F401

RUNNER = CliRunner()


def read(path):
    return json.loads(path.read_text())


def test_a_fit_goes_out_with_its_source(posterior, tmp_path):  # noqa: F811
    (path,) = run([posterior], to="lenstronomy", out=tmp_path / "out").paths
    assert path.name == "fit_lenstronomy.json"
    found, fit = read(path), restored_fit(posterior)
    assert found["point"] == "model of the highest likelihood"
    (source,) = found["kwargs_source"]
    np.testing.assert_array_equal(source["image"], np.nan_to_num(fit.best.source.image))
    assert found["kwargs_lens"][0]["theta_E"] == fit.best.params["einstein_radius"]
    assert found["kwargs_pixel_grid"]["nx"] == 50


def test_a_fit_whose_stamp_has_gone_goes_out_without(posterior, stamp_file, tmp_path):  # noqa: F811
    stamp_file.unlink()
    (path,) = run([posterior], to="lenstronomy", out=tmp_path / "out").paths
    found = read(path)
    assert found["point"] == "medians of the posterior"
    assert found["kwargs_source"] == []
    assert "source and lens light are not part of this file: " in found["notes"][-1]
    assert "its stamp cannot be read any more" in found["notes"][-1]


def test_coolest_has_the_source_of_a_fit(posterior, tmp_path):  # noqa: F811
    pytest.importorskip("coolest")
    (path,) = run([posterior], to="coolest", out=tmp_path / "out").paths
    names = [entity["name"] for entity in read(path)["lensing_entities"]]
    assert names == ["fit", "source"]
    assert (tmp_path / "out" / "fit_source.fits").is_file()
    assert read(path)["meta"]["point_estimate"] == "model of the highest likelihood"


def test_hierarc_takes_lenses_with_redshifts(monkeypatch, tmp_path):
    catalogue = made_up(lenses=2)
    catalogue.rows[0] |= {"z_lens": 0.5, "z_source": 1.5}
    monkeypatch.setattr(CatalogueFolder, "open", staticmethod(lambda path: catalogue))
    result = run([tmp_path], to="hierarc", out=tmp_path / "out")
    assert [path.name for path in result.paths] == ["lens-0_hierarc.json"]
    found = read(result.paths[0])["kwargs_lens_posterior"]
    assert (found["z_lens"], found["z_source"]) == (0.5, 1.5)
    assert found["theta_E"] == catalogue.posteriors["lens-0"].summary()["einstein_radius"].median
    assert result.failed == 3
    assert all("hierArc needs the redshifts" in told for told in result.left_out)
    with pytest.raises(InputError, match="lens-1: hierArc needs the redshifts"):
        run([tmp_path], to="hierarc", out=tmp_path / "none", names=["lens-1"])
    assert not (tmp_path / "none").exists()


def test_the_command_says_what_is_missing(posterior, tmp_path):  # noqa: F811
    app = pytest.importorskip("lenssbi_cli.main").app
    done = RUNNER.invoke(app, ["export", str(posterior), "--to", "hierarc", "--out", str(tmp_path / "out"), "--quiet"])
    assert done.exit_code == 2
    (line,) = done.stderr.strip().splitlines()
    assert "--z-lens and --z-source" in line


@pytest.mark.parametrize("kind", ["ecsv", "parquet"])
def test_draws_as_a_table_are_those_of_the_posterior(kind, tmp_path):
    values = np.random.default_rng(2).normal([1.2, 0.1, -0.2], [0.03, 0.05, 0.05], (3000, 3))
    samples = Samples(values, ("einstein_radius", "e1", "e2"), ("arcsec", "", ""), np.log(values[:, 0]))
    samples.save(tmp_path / "J1.h5")
    (path,) = run([tmp_path / "J1.h5"], to=kind, out=tmp_path / "out", seed=3).paths
    table, summary = read_table(path), samples.derived().summary()
    assert path.name == f"J1_draws.{kind}"
    assert table.colnames[:3] == ["einstein_radius", "e1", "e2"]
    assert (str(table["einstein_radius"].unit), str(table["phi"].unit)) == ("arcsec", "deg")
    assert len(table) == round(samples.n_eff)
    for name in ("einstein_radius", "e1", "q"):
        assert np.median(table[name]) == pytest.approx(summary[name].median, abs=0.1 * summary[name].sigma)
    assert table.meta["lens"] == "J1"


def test_files_of_one_lens_galaxy_refuse_companions(tmp_path):
    names = ("einstein_radius", "e1", "e2", "companion1_einstein_radius", "companion1_x", "companion1_y")
    values = np.tile([1.0, 0.1, 0.0, 0.4, 1.0, 0.0], (20, 1))
    path = tmp_path / "group.h5"
    Samples(values, names, ("",) * 6).save(path)
    for to in ("coolest", "lenstronomy"):
        with pytest.raises(InputError, match="further lens galaxies"):
            run([path], to=to, out=tmp_path / "out")
    assert [one.name for one in run([path], to="ecsv", out=tmp_path / "out").paths] == ["group_draws.ecsv"]
