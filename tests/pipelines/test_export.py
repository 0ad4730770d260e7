"""`lenssbi export`: posterior files and catalogues in, files of other programs out."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from lenssbi.pipelines.catalogue.folder import CatalogueFolder
from lenssbi.pipelines.export import run
from lenssbi.posteriors import Samples
from lenssbi.status import InputError

from .made_up_catalogue import made_up, posterior_of_q, write_training

FORMATS = [("coolest", ".json"), ("arviz", ".nc"), ("ecsv", "_draws.ecsv"), ("parquet", "_draws.parquet")]


@pytest.fixture(autouse=True)
def _packages():
    pytest.importorskip("coolest")
    pytest.importorskip("arviz")


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """Makes a made-up catalogue the one that is opened, whatever the folder."""

    def serve(catalogue):
        monkeypatch.setattr(CatalogueFolder, "open", staticmethod(lambda path: catalogue))
        (tmp_path / "catalogue").mkdir()
        return tmp_path / "catalogue"

    return serve


@pytest.fixture
def posterior(tmp_path):
    path = tmp_path / "J1.h5"
    posterior_of_q(np.random.default_rng(1), 0.7, draws=200).save(path)
    return path


def galaxy(path):
    return json.loads(path.read_text())["lensing_entities"][0]["mass_model"][0]["parameters"]


@pytest.mark.parametrize(("to", "suffix"), FORMATS)
def test_a_posterior_file(posterior, tmp_path, to, suffix):
    result = run([posterior], to=to, out=tmp_path / "out")
    assert result.paths == (tmp_path / "out" / f"J1{suffix}",)
    assert result.paths[0].is_file()


@pytest.mark.parametrize(("to", "suffix"), FORMATS)
def test_all_of_a_catalogue(folder, tmp_path, to, suffix):
    seen = []
    result = run([folder(made_up(lenses=3))], to=to, out=tmp_path / "out", progress=lambda *told: seen.append(told))
    names = ["lens-0", "lens-1", "lens-2", "flagged-1", "flagged-2"]
    assert [path.name for path in result.paths] == [name + suffix for name in names]
    assert [done for done, _, _ in seen] == [1, 2, 3, 4, 5]


def test_only_the_lenses_that_are_named(folder, tmp_path):
    catalogue = made_up(lenses=3)
    path = folder(catalogue)
    (only,) = run([path], to="coolest", out=tmp_path / "out", names=["lens-1", "lens-1"]).paths
    wanted = catalogue.posteriors["lens-1"].derived().summary()["q"].median
    assert galaxy(only)["q"]["posterior_stats"]["median"] == pytest.approx(wanted)
    with pytest.raises(InputError, match="no lens lens-7"):
        run([path], to="coolest", out=tmp_path / "out", names=["lens-7"])


def test_the_stamp_goes_with_it_where_it_is_still_there(folder, tmp_path):
    catalogue = made_up(lenses=2)
    catalogue.rows[0] |= {"input": f"{write_training(tmp_path / 'set.h5', count=3)}:1", "ra": 10.5, "dec": -20.25}
    first, second, *_ = run([folder(catalogue)], to="coolest", out=tmp_path / "out").paths
    here, gone = (json.loads(path.read_text()) for path in (first, second))
    assert here["instrument"]["pixel_size"] == 0.1
    assert here["observation"]["pixels"]["fits_file"]["path"] == "lens-0.fits"
    assert (tmp_path / "out" / "lens-0.fits").is_file()
    assert here["coordinates_origin"]["dec"] == "-20d15m00s"
    assert "placeholder" in " ".join(gone["meta"]["notes"])


def test_names_stay_in_the_folder_and_apart(folder, tmp_path):
    catalogue = made_up(lenses=0)
    names = ["../../out", "a/b", "a_b", "A_B", "..", "x" * 300, "ä<script>"]
    catalogue.rows = [{"name": name, "status": "done", "method": "network"} for name in names]
    catalogue.posteriors = {name: posterior_of_q(np.random.default_rng(0), 0.7, draws=20) for name in names}
    result = run([folder(catalogue)], to="arviz", out=tmp_path / "out")
    assert {path.parent for path in result.paths} == {tmp_path / "out"}
    assert len({path.name.lower() for path in result.paths}) == len(names)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["catalogue", "out"]


def test_mistakes_are_told_before_anything_is_written(folder, posterior, tmp_path):
    with pytest.raises(InputError, match="no such posterior file"):
        run([posterior, tmp_path / "none.h5"], to="arviz", out=tmp_path / "out")
    with pytest.raises(InputError, match="--name is for catalogues"):
        run([posterior], to="arviz", out=tmp_path / "out", names=["J1"])
    other = tmp_path / "other.h5"
    Samples(np.ones((4, 1)), ("slope",), ("",)).save(other)
    with pytest.raises(InputError, match="no einstein_radius, e1, e2"):
        run([posterior, other], to="coolest", out=tmp_path / "out")
    empty = made_up(lenses=0)
    empty.posteriors = {}
    with pytest.raises(InputError, match="no posterior to export"):
        run([folder(empty)], to="arviz", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


class TestCommand:
    @pytest.fixture(autouse=True)
    def _main(self):
        self.app = pytest.importorskip("lenssbi_cli.main").app

    def run(self, *arguments):
        return CliRunner().invoke(self.app, ["export", *map(str, arguments)])

    def test_it_prints_one_object(self, posterior, tmp_path):
        result = self.run(posterior, "--to", "coolest", "--out", tmp_path / "out", "--json")
        assert result.exit_code == 0
        assert json.loads(result.stdout)["paths"] == [str(tmp_path / "out" / "J1.json")]

    def test_a_file_that_is_no_posterior_is_refused(self, tmp_path):
        (tmp_path / "a.h5").write_text("no")
        result = self.run(tmp_path / "a.h5", "--to", "arviz", "--out", tmp_path / "out")
        assert result.exit_code == 2
        assert "not an HDF5 file" in result.stderr
