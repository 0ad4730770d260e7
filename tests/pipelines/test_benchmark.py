"""`benchmark`: the whole command at toy size."""

import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

pytest.importorskip("galsim")
from lenssbi.benchmark import session
from lenssbi.benchmark.config import BenchmarkConfig
from lenssbi.benchmark.run import run
from lenssbi.benchmark.runners import answers as answering
from lenssbi.config import ConfigError, parse
from lenssbi.dataset import StampSet
from lenssbi.status import InputError

OVERRIDES = [
    "instrument.shape=[20, 20]",
    "instrument.pixel_scale=0.2",
    "population.mass.einstein_radius=[0.6, 1.2]",
    "rendering.oversampling=2",
]


@pytest.fixture(scope="module")
def estimator(tmp_path_factory):
    """A small network with random weights."""
    from lenssbi.estimators.checkpoint import EstimatorCard, ParameterCard, save_estimator
    from lenssbi.estimators.densities import build_density, pack
    from lenssbi.estimators.density_config import DensityConfig
    from lenssbi.estimators.network import NetworkConfig
    from lenssbi.estimators.preprocessing import ImagePreprocessing
    from lenssbi.parameters import SIE_SPACE

    torch.manual_seed(0)
    network = NetworkConfig(widths=(8,), blocks=(0,), squeeze=4, dense=16)
    density = build_density(DensityConfig(), network, (20, 20), 3, 10, 0)
    card = EstimatorCard(
        name="random",
        network=network,
        preprocessing=ImagePreprocessing(),
        parameters=tuple(ParameterCard(**p) for p in SIE_SPACE.as_json()),
        field=(20, 20),
        pixel_scale=0.2,
        band="VIS",
        passes=10,
        seed=0,
    )
    folder = tmp_path_factory.mktemp("estimator")
    save_estimator(card, pack([density.state_dict()]), folder)
    return folder


def plan(estimator, tmp_path, **changes):
    """Two suites of a dozen stamps, of which the second has slopes that the network does not know."""
    (tmp_path / "tiny.yaml").write_text(
        "network: {widths: [8], blocks: [0], squeeze: 4, dense: 16}\nbatch_size: 4\nvalidation_fraction: 0.2\npasses: 5\n"
    )
    slopes = [*OVERRIDES, "population.mass.slope=[1.5, 2.5]"]
    paper, wanted = {"einstein_radius": 9.0, "phi": 0.01, "wanted": 0.5}, {"overall": 0.9, "splits": 0.9}
    suites = {
        "sie": {"overrides": OVERRIDES, "count": 12, "seed": 5, "paper": paper, "coverage": wanted},
        "power_law": {"overrides": slopes, "count": 12, "seed": 6},
    }
    speed = {"suite": "sie", "training": ["tiny.yaml"], "minutes": 0.001, "wanted_cpu": 1e9}
    methods = {"random": {"estimator": str(estimator)}}
    return {"methods": methods, "suites": suites, "speed": speed, **changes}


def test_the_whole_command_and_what_it_keeps(estimator, tmp_path, monkeypatch):
    from lenssbi_cli.main import app

    (tmp_path / "plan.yaml").write_text(json.dumps(plan(estimator, tmp_path)))
    out = tmp_path / "out"
    arguments = ["benchmark", str(tmp_path / "plan.yaml"), "--out", str(out), "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert [item["status"].partition(":")[0] for item in found["items"]] == ["done", "does not apply"]
    (sie, _) = sorted((out / "sets").iterdir(), reverse=True)
    with StampSet(sie) as stamps:
        assert len(stamps) == 12
        truth = stamps.params["einstein_radius"]
    answers = json.loads((out / "results" / "sie--random.json").read_text())
    low, high = np.percentile(np.array(answers["mean"])[:, 0] - truth, [15.865, 84.135])
    rows = (out / "accuracy.csv").read_text().splitlines()
    assert f"sie,random,all,12,einstein_radius,arcsec,{(high - low) / 2:.5g}" in "\n".join(rows)
    assert len(answers["log_score"]) == 12
    speed = (out / "speed.csv").read_text()
    assert speed.count("\n") == 5
    assert ("not measured: this machine has no GPU" in speed) is not torch.cuda.is_available()
    assert not (out / "training").exists()
    page = (out / "table.md").read_text()
    for part in ("68 per cent error, sie", "coverage, sie", "torch", "plan.yaml", "log score"):
        assert part in page
    assert (out / "errors.png").stat().st_size > 0
    assert (out / "coverage-sie.png").stat().st_size > 0

    # the same again: nothing is simulated, asked or timed a second time
    for name in ("predict_set", "prediction_speed", "training_speed"):
        monkeypatch.setattr(session, name, lambda *_: pytest.fail("made again"))
    before = {path: path.stat().st_mtime_ns for path in (out / "sets").iterdir()}
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in (out / "sets").iterdir()} == before


def test_a_suite_that_fails_is_a_row_and_exit_code_3(estimator, tmp_path):
    from lenssbi_cli.main import app

    nowhere = "population.source={kind: galaxy, catalogue: fits_folder, path: nowhere}"
    suites = {"lost": {"overrides": [*OVERRIDES, nowhere], "count": 2}, "found": {"overrides": OVERRIDES, "count": 8}}
    (tmp_path / "plan.yaml").write_text(json.dumps(plan(estimator, tmp_path, suites=suites, speed=None)))
    out = tmp_path / "out"
    result = CliRunner().invoke(app, ["benchmark", str(tmp_path / "plan.yaml"), "--out", str(out)])
    assert result.exit_code == 3, result.stderr
    assert "lost, random: " in result.stdout
    assert "nowhere" in (out / "table.md").read_text()
    assert "found,random,all,8" in (out / "accuracy.csv").read_text()


def test_stamps_of_the_training_are_not_judged(estimator, tmp_path):
    config = parse(plan(estimator, tmp_path, speed=None), BenchmarkConfig, "test")
    result = run(config, tmp_path / "out")
    assert result.failed == 0
    (path,) = (tmp_path / "out" / "sets").glob("sie-*.h5")
    with StampSet(path) as stamps:
        own = {"config": str(stamps.attributes["config"]), "seed": int(stamps.attributes["seed"]), "stamps": 2}
        from lenssbi.estimators.load import load_estimator

        found = load_estimator(estimator)
        card = found.card.model_copy(update={"training": {"set": own, "trained_on": 2}})
        trained = type(found)(found.densities, card)
        with pytest.raises(InputError, match="another seed"):
            answering.predict_set(trained, stamps, lambda *_: None)


def test_mistakes_are_found_before_anything_is_made(estimator, tmp_path):
    good = plan(estimator, tmp_path)
    for changes, word in (
        ({"methods": {"none": {"estimator": str(tmp_path / "none")}}}, "none"),
        ({"suites": {"sie": {"population": str(tmp_path / "no.yaml")}}}, "no.yaml"),
        ({"speed": {"suite": "sie", "training": [str(tmp_path / "no.yaml")]}}, "no.yaml"),
    ):
        with pytest.raises((InputError, ConfigError), match=word):
            run(parse({**good, **changes}, BenchmarkConfig, "test"), tmp_path / "out")
    for changes in ({"speed": {"suite": "pl"}}, {"methods": {"a/b": {"estimator": "x"}}}, {"suites": {}}):
        with pytest.raises(ConfigError):
            parse({**good, **changes}, BenchmarkConfig, "test")
    assert not (tmp_path / "out").exists()
