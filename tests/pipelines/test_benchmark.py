"""`benchmark` on made-up answers with known errors, and the whole command at toy size."""

import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

pytest.importorskip("galsim")

from lenssbi.benchmark import session
from lenssbi.benchmark.config import BenchmarkConfig, Paper
from lenssbi.benchmark.output.table import lines
from lenssbi.benchmark.run import run
from lenssbi.benchmark.runners import answers as answering
from lenssbi.benchmark.runners.answers import Answers, read_answers, write_answers
from lenssbi.benchmark.scores.network import accuracy, coverage, log_score, misspecification
from lenssbi.calibration.splits import Split
from lenssbi.config import ConfigError, parse
from lenssbi.dataset import StampSet
from lenssbi.parameters import ellipticity
from lenssbi.plots.benchmark import coverage_by_split, errors_by_snr
from lenssbi.posteriors import DiagonalMixture
from lenssbi.refinement.config import ModelErrorConfig
from lenssbi.status import InputError

NAMES = ("einstein_radius", "e1", "e2", "slope")
STAMPS = 2000
SIGMA = {"bright": 0.01, "faint": 0.04}
OVERRIDES = [
    "instrument.shape=[20, 20]",
    "instrument.pixel_scale=0.2",
    "population.mass.einstein_radius=[0.6, 1.2]",
    "rendering.oversampling=2",
]


def made_up(width=1.0):
    """Posteriors that claim `width` times their true sigma, for a faint and a bright half."""
    rng = np.random.default_rng(1)
    e = ellipticity(rng.uniform(0.5, 0.8, STAMPS), rng.uniform(0, np.pi, STAMPS))
    truth = np.stack([rng.uniform(0.5, 2, STAMPS), e.real, e.imag, rng.uniform(1.5, 2.5, STAMPS)], axis=-1)
    faint = np.arange(STAMPS) % 2 == 0
    sigma = np.where(faint, SIGMA["faint"], SIGMA["bright"])[:, None]
    pulls = rng.normal(size=truth.shape)
    from scipy.special import ndtr

    log_scores = -0.5 * (pulls**2).sum(axis=1)
    found = Answers(NAMES, truth - sigma * pulls, pulls / width, ndtr(pulls / width), log_scores, 1.0 * faint, 1.0)
    parts = [Split("all", np.ones(STAMPS, bool)), Split("S/N 20-40", faint), Split("S/N 40-80", ~faint)]
    return found, dict(zip(NAMES, truth.T, strict=True)), [*parts, Split("few", np.arange(STAMPS) < 50)]


def by(rows, **wanted):
    (row,) = [row for row in rows if all(row[key] == value for key, value in wanted.items())]
    return row


class TestJudging:
    def test_errors_are_those_that_were_put_in(self):
        found, truths, parts = made_up()
        rows = list(accuracy(found, truths, parts, Paper(einstein_radius=0.04, slope=0.1, wanted=0.5)))
        scatter = []
        for split, sigma in (("S/N 20-40", SIGMA["faint"]), ("S/N 40-80", SIGMA["bright"])):
            for name in ("einstein_radius", "slope"):
                row = by(rows, split=split, parameter=name)
                assert row["error"] == pytest.approx(sigma, rel=0.06)
                scatter.append(row["scatter"] / sigma * np.sqrt(STAMPS / 2))
        # of the half width of a Gaussian: sqrt(p (1 - 2 p) / 2) / phi(1); by the bootstrap it scatters by 13 per cent in each of four
        assert np.mean(scatter) == pytest.approx(0.962, rel=0.2)
        whole = by(rows, split="all", parameter="einstein_radius")
        assert (whole["paper"], whole["wanted"]) == (0.04, 0.02)
        assert SIGMA["bright"] < whole["error"] < SIGMA["faint"]
        assert by(rows, split="all", parameter="q")["paper"] is None
        assert {row["parameter"] for row in rows} == {"einstein_radius", "phi", "q", "slope"}

    def test_orientations_are_wrapped(self):
        found, truths, parts = made_up()
        e = ellipticity(0.5, np.deg2rad(np.where(np.arange(STAMPS) % 2, 179.0, 1.0)))
        other = ellipticity(0.5, np.deg2rad(np.where(np.arange(STAMPS) % 2, 1.0, 179.0)))
        found.mean[:, 1], found.mean[:, 2] = e.real, e.imag
        truths = {**truths, "e1": other.real, "e2": other.imag}
        assert by(accuracy(found, truths, parts, None), split="all", parameter="phi")["error"] == pytest.approx(2.0)

    @pytest.mark.parametrize(("width", "sign"), [(1.0, 0), (0.5, -1), (2.0, 1)])
    def test_exact_lands_on_narrow_below_wide_above(self, width, sign):
        found, _, parts = made_up(width)
        rows = list(coverage(found, parts))
        assert {row["split"] for row in rows} == {"all", "S/N 20-40", "S/N 40-80"}, "few stamps judge nothing"
        for row in rows:
            if sign == 0:
                assert abs(row["largest_deviation"]) < 5 * row["scatter"]
            else:
                assert sign * row["largest_deviation"] > 0.1
            for level in ("0.683", "0.955", "0.997"):  # Gaussian posteriors: both definitions are one
                assert row[f"credible_{level}"] == pytest.approx(row[f"sigma_{level}"], abs=1e-9)

    def test_log_scores_are_averaged(self):
        found, _, parts = made_up()
        row = by(log_score(found, parts), split="all")
        assert row["log_score"] == pytest.approx(-2.0, abs=4 * row["scatter"])
        assert row["scatter"] == pytest.approx(np.sqrt(2 / STAMPS), rel=0.1)
        without = Answers(NAMES, found.mean, found.pulls, found.below, np.empty(0), np.empty(0), 1.0)
        assert list(log_score(without, parts)) == []
        assert list(misspecification(without)) == []

    def test_flags_are_counted_where_errors_are_large(self):
        found, _, _ = made_up(0.5)
        (row,) = misspecification(found)
        assert row["flagged"] == 0.5
        # beyond 3 claimed, 1.5 true sigma in any of four parameters
        assert row["far"] / STAMPS == pytest.approx(1 - 0.8664**4, abs=0.05)
        assert row["flagged_of_far"] == pytest.approx(0.5, abs=0.1)

    def test_the_table_says_what_is_as_good_as_wanted(self):
        tables = {name: [] for name in session.TABLES}
        paper = Paper(einstein_radius=0.1, phi=0.001, wanted=0.5)
        for method, width in (("exact", 1.0), ("narrow", 0.5)):
            found, truths, parts = made_up(width)
            whose = {"suite": "sie", "method": method}
            tables["accuracy"] += [{**whose, **row} for row in accuracy(found, truths, parts, paper)]
            tables["coverage"] += [{**whose, **row} for row in coverage(found, parts)]
            tables["misspecification"] += [{**whose, **row} for row in misspecification(found)]
        suite = {"paper": paper.model_dump(), "misspecified": True, "coverage": {"overall": 0.03, "splits": 0.05}}
        config = parse({"methods": {"exact": {"estimator": "x"}}, "suites": {"sie": suite}}, BenchmarkConfig, "test")
        errors, overall, splits, strange, _ = lines(config, tables)
        assert (errors.paper, errors.wanted) == ("0.1, 0.001", "0.05, 0.0005")
        assert [cell.met for cell in errors.cells["exact"]] == [True, False]
        for line in (overall, splits):
            assert [line.cells[method][0].met for method in ("exact", "narrow")] == [True, False]
        assert [cell.met for cell in strange.cells["narrow"]] == [False]
        assert strange.paper == "not done"
        assert "S/N" in splits.cells["narrow"][0].text

    def test_the_figures_show_every_bin_and_method(self):
        found, truths, parts = made_up()
        whose = {"suite": "sie", "method": "cnn"}
        errors = [{**whose, **row} for row in accuracy(found, truths, parts, Paper(einstein_radius=0.1))]
        panels = errors_by_snr(errors).axes
        assert [panel.get_title().partition(":")[0] for panel in panels] == ["sie"] * 4
        assert [tick.get_text() for tick in panels[0].get_xticklabels()] == ["20-40", "40-80", "all"]
        shares = [{**whose, **row} for row in coverage(found, parts)]
        panels = coverage_by_split(shares, 0.02, 0.05).axes
        assert [tick.get_text() for tick in panels[0].get_yticklabels()] == ["all", "S/N 20-40", "S/N 40-80"]
        assert len(panels) == 3


def test_answers_come_back_and_those_to_another_question_do_not(tmp_path):
    found, _, _ = made_up()
    write_answers(tmp_path / "a.json", "one", found)
    again = read_answers(tmp_path / "a.json", "one")
    assert again.names == found.names
    for key in answering.ARRAYS:
        np.testing.assert_allclose(getattr(again, key), getattr(found, key), rtol=1e-6)
    assert read_answers(tmp_path / "a.json", "another") is None
    (tmp_path / "a.json").write_text('{"identity": "one", "names"')
    assert read_answers(tmp_path / "a.json", "one") is None


@pytest.fixture(scope="module")
def estimator(tmp_path_factory):
    """A small network with random weights."""
    from lenssbi.estimators.checkpoint import EstimatorCard, ParameterCard, save_estimator
    from lenssbi.estimators.densities import DensityConfig, build_density, pack
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


def test_a_model_error_is_added_to_what_a_network_says():
    rng = np.random.default_rng(3)
    error = ModelErrorConfig(einstein_radius=0.02, ellipticity=0.03, degrees=8.0)
    names, count = ("einstein_radius", "e1", "e2"), 400
    truths = np.column_stack([rng.uniform(1, 2, count), rng.uniform(-0.3, 0.3, (count, 2))])
    scales = np.column_stack([0.02 * truths[:, 0], np.full((count, 2), 0.03)])
    width = np.sqrt(8 / rng.chisquare(8, size=(count, 1)))
    means = truths + 0.01 * rng.normal(size=truths.shape) + scales * width * rng.normal(size=truths.shape)
    found = [DiagonalMixture([mean], [[0.01] * 3], names, ("arcsec", "", "")) for mean in means]
    told = answering._with_error(found, names, truths, error, 0)
    inside = 2 * np.abs(told["below"] - 0.5)
    for level in (0.683, 0.955):
        assert np.mean(inside < level) == pytest.approx(level, abs=0.035), "departures of the scale that was told"
    assert told["mean"] == pytest.approx(means, abs=0.01)
    assert np.std(told["pulls"]) == pytest.approx(1.0, abs=0.12)
