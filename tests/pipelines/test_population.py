"""`lenssbi population`: from a catalogue's folder to a population, a table and a figure."""

import json

import numpy as np
import pytest
from astropy.table import Table
from PIL import Image
from typer.testing import CliRunner

from lenssbi.pipelines.catalogue.config import CatalogueConfig
from lenssbi.pipelines.catalogue.folder import CatalogueFolder
from lenssbi.pipelines.population import run
from lenssbi.posteriors import Samples
from lenssbi.status import InputError

from .made_up_catalogue import made_up, write_training

TRUTH = {"mean": 0.72, "scatter": 0.06}


@pytest.fixture(scope="module")
def training(tmp_path_factory):
    return write_training(tmp_path_factory.mktemp("training") / "training.h5")


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """Makes a made-up catalogue the one that is opened, whatever the folder."""

    def serve(catalogue):
        monkeypatch.setattr(CatalogueFolder, "open", staticmethod(lambda path: catalogue))
        return tmp_path

    return serve


def check(result):
    for name, truth in TRUTH.items():
        found = result.params[name]
        assert abs(found.mean - truth) < 3 * found.sigma
        assert found.sigma < 0.02


def test_a_population_is_recovered_from_the_network(folder, training, tmp_path):
    result = run(folder(made_up()), "q", prior=[training], out=tmp_path / "q.ecsv")
    check(result)
    assert len(result.beliefs) == 80
    assert dict(result.left_out) == {"failed": 1, "flagged": 2}
    assert result.notes == ()
    assert "3,000 truths after selection (training.h5)" in result.prior["network"]
    draws = Table.read(tmp_path / "q.ecsv")
    assert draws["mean"].mean() == pytest.approx(result.params["mean"].mean, abs=0.001)
    assert draws.meta["params"]["scatter"]["median"] == pytest.approx(result.params["scatter"].median)
    assert draws.meta["convention"] == "axis ratio of the convergence, minor over major axis"
    with Image.open(tmp_path / "q.png") as image:
        assert image.width > 600


def test_fits_are_divided_by_their_broad_prior(folder):
    catalogue = made_up(methods=("refined",))
    catalogue.rows = catalogue.rows[:-1]  # the broken one is the network's
    result = run(folder(catalogue), "q")
    check(result)
    assert dict(result.prior) == {"refined": "uniform in q between 0.2 and 1"}
    catalogue.config = CatalogueConfig.model_validate({"fit": {"prior": {"axis_ratio": [0.3, 0.9]}}})
    assert run(folder(catalogue), "q").prior["refined"] == "uniform in q between 0.3 and 0.9"


def test_each_method_has_its_own_prior(folder, training, tmp_path):
    result = run(folder(made_up(methods=("network", "refined"))), "q", prior=[training], out=tmp_path / "q.json")
    check(result)
    assert set(result.prior) == {"network", "refined"}
    assert json.loads((tmp_path / "q.json").read_text())["lenses"] == 80


def test_flagged_lenses_count_where_they_are_asked_for(folder, training):
    result = run(folder(made_up()), "q", prior=[training], everything=True)
    assert len(result.beliefs) == 82
    assert result.left_out["flagged"] == 0
    assert result.params["scatter"].mean > run(folder(made_up()), "q", prior=[training]).params["scatter"].mean


def test_a_network_needs_its_training(folder):
    with pytest.raises(InputError, match=r"--prior set\.h5 .*trained on euclid_observed") as error:
        run(folder(made_up()), "q")
    assert "\n" not in str(error.value)


def test_another_training_is_told(folder, tmp_path):
    other = write_training(tmp_path / "other.h5", suite="sie_parametric")
    (note,) = run(folder(made_up()), "q", prior=[other]).notes
    assert "other.h5 is of sie_parametric, the network was trained on euclid_observed" in note


def test_mistakes_are_told_in_a_sentence(folder, training, tmp_path):
    catalogue = made_up(lenses=5)
    for name, change, words in (
        ("q", {"out": tmp_path / "q.csv"}, r"ends in \.ecsv or \.json"),
        ("e1", {}, "choose one of them"),
        ("slope", {}, "the set has no slope"),
        ("q", {"prior": [tmp_path / "none.h5"]}, "no such set"),
    ):
        with pytest.raises(InputError, match=words):
            run(folder(catalogue), name, **({"prior": [training]} | change))
    flat = write_training(tmp_path / "flat.h5", slope=np.full(3000, 2.0))
    with pytest.raises(InputError, match="slope is 2 in all"):
        run(folder(catalogue), "slope", prior=[flat])
    catalogue.rows = catalogue.rows[5:]
    with pytest.raises(InputError, match=r"1 failed, 2 flagged\): use them with --everything"):
        run(folder(catalogue), "q", prior=[training])


def test_posteriors_without_the_parameter_are_named(folder, tmp_path):
    catalogue = made_up(lenses=3, methods=("refined",))
    catalogue.posteriors["lens-1"] = Samples(np.ones((5, 1)), ("einstein_radius",), ("arcsec",))
    with pytest.raises(InputError, match="lens-1: the posterior has no q"):
        run(folder(catalogue), "q")


class TestCommand:
    @pytest.fixture(autouse=True)
    def _main(self):
        self.app = pytest.importorskip("lenssbi_cli.main").app

    def run(self, *arguments):
        return CliRunner().invoke(self.app, ["population", *map(str, arguments)])

    def test_it_prints_one_object(self, folder, training):
        result = self.run(folder(made_up()), "--parameter", "q", "--prior", training, "--json", "--quiet")
        assert result.exit_code == 0
        found = json.loads(result.stdout)
        assert found["params"]["mean"]["lower"] < 0.74
        assert found["params"]["mean"]["upper"] > 0.70
        assert found["left_out"] == {"failed": 1, "flagged": 2}
        assert found["few_draws"] == []

    def test_a_folder_that_is_no_catalogue_is_refused(self, tmp_path):
        result = self.run(tmp_path, "--parameter", "q")
        assert result.exit_code == 2
        assert "not the folder of a catalogue" in result.stderr
