"""The demo puts the fit beside the truth; at full size it is run by `make demo`."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from lenssbi.estimators.checkpoint import read_card
from lenssbi.estimators.load import SHIPPED, shipped_estimators
from lenssbi.pipelines import demo
from lenssbi.pipelines.results import ItemResult, RunResult
from lenssbi.posteriors import Summary
from lenssbi_cli.main import app

TRUTH = {"einstein_radius": 1.2, "e1": 0.1, "e2": 0.0, "slope": 2.0}


@pytest.fixture
def steps(monkeypatch):
    """Each step answers at once; what it was asked is kept."""
    asked = []

    def item(median):
        summary = Summary(median, median - 0.1, median + 0.1, median, 0.1, "arcsec")
        params = {"einstein_radius": summary}
        return ItemResult("lens.h5:0", "done", params, params, TRUTH, figure="lens.png", posterior="lens-posterior.h5")

    def simulate(config, out, count, **options):
        assert config.composition.lens_galaxies is not None  # as the default network was trained on
        fields = [read_card(SHIPPED / name).field for name in shipped_estimators()]
        assert np.all(config.instrument.shape >= np.array(fields)), "a network cannot see the stamp"
        asked.append(("simulate", out, count, options["seed"]))

    def predict(inputs, **options):
        asked.append(("predict", inputs))
        return RunResult((item(1.3),), 0.1, {})

    def refine(inputs, *, config, out, estimator, progress):
        progress(0, 1, "half way")
        asked.append(("refine", config.prior.mode))
        return RunResult((item(1.21),), 0.1, {"estimator": "toy"})

    monkeypatch.setattr(demo.simulate, "run", simulate)
    monkeypatch.setattr(demo.predict, "run", predict)
    monkeypatch.setattr(demo.refine, "run", refine)
    return asked


def test_the_lens_is_simulated_from_any_folder(steps, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert demo.run(tmp_path).refined.status == "done"


def test_one_lens_goes_through_all_steps(steps, tmp_path):
    result = demo.run(tmp_path, seed=5)
    lens = tmp_path / "lens-5.h5"
    assert steps == [("simulate", lens, 1, 5), ("predict", [str(lens)]), ("refine", "auto")]
    assert result.truth["q"] == pytest.approx(((1 - 0.1) / (1 + 0.1)) ** 0.5)
    assert result.truth["phi"] == pytest.approx(0.0)
    assert [summaries["einstein_radius"].median for summaries in result.columns.values()] == [1.3, 1.21, 1.21]


def test_the_table_and_the_figures_name(steps, tmp_path):
    shown = CliRunner().invoke(app, ["demo", "--out", str(tmp_path)])
    assert shown.exit_code == 0
    for text in (
        "truth",
        "network",
        "refined",
        "1.200",
        "1.300 +0.100 -0.100",
        "1.210 +0.100 -0.100",
        "figure: lens.png",
    ):
        assert text in shown.stdout


def test_one_object_for_programs(steps, tmp_path):
    found = json.loads(CliRunner().invoke(app, ["demo", "--out", str(tmp_path), "--json"]).stdout)
    assert set(found) == {"items", "seconds", "config", "prediction"}
    assert found["items"][0]["truth"]["einstein_radius"] == 1.2
