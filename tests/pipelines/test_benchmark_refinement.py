"""`benchmark` of fits: the whole command at toy size, targets, and the committed configurations."""

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

pytest.importorskip("galsim")
from lenssbi.benchmark.config import BenchmarkConfig
from lenssbi.benchmark.methods import WITH_PRIOR, WrongBasin
from lenssbi.benchmark.target_lines import COLUMN, target_lines
from lenssbi.config import ConfigError, load_config, parse

CONFIGS = Path(__file__).parents[2] / "configs" / "runs"


def plan(**changes):
    """Two methods and PyAutoLens, without an interpreter, on a suite of two small lenses."""
    quick = [
        "mesh.regularisation=constant",
        "mesh.pixels=36",
        "mesh.psf_radius=0.2",
        "mask.inner=0.4",
        "mask.outer=1.6",
        "noise_scale=claimed",
    ]
    quick += ["lens_light=none", "start.place=prior", "source=pixels", "sampler.n_networks=0", "sampler.n_live=30"]
    quick += ["sampler.n_eff=20", "sampler.max_evaluations=150"]
    fit = {"kind": "fit", "sampler": "nautilus", "overrides": quick}
    overrides = [
        "instrument.shape=[36, 36]",
        "population.mass.einstein_radius=[0.9, 1.0]",
        "population.lens_light=null",
    ]
    overrides += ["population.source_offset=[0.0, 0.2]", "rendering.oversampling=2"]
    methods = {"blind": {**fit, "prior": "blind"}, "broad": {**fit, "prior": "broad", "count": 1}}
    methods["peer"] = {"kind": "autolens"}
    wanted = [
        {"of": "evaluation", "ms": 1e6},
        {"of": "evaluation", "solver": "positive", "columns": True, "ms": 1e-6},
        {"of": "time", "method": "blind", "suite": "small", "peer": "peer", "seconds": 1e-6},
        {"of": "wrong", "method": "blind", "suite": "small", "share": 0.02},
        {"of": "memory", "method": "blind", "megabytes": 500},
    ]
    evaluation = {
        "suite": "small",
        "overrides": quick,
        "meshes": ["rectangular"],
        "columns": 4,
        "repeats": 3,
        "batch": 2,
    }
    suites = {"small": {"overrides": overrides, "count": 2, "seed": 77}}
    return {"methods": methods, "suites": suites, "evaluation": evaluation, "wanted": wanted, **changes}


def test_the_whole_command_and_what_it_keeps(tmp_path, monkeypatch):
    from lenssbi_cli.main import app

    (tmp_path / "plan.yaml").write_text(json.dumps(plan()))
    out = tmp_path / "out"
    arguments = ["benchmark", str(tmp_path / "plan.yaml"), "--out", str(out), "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    status = {item["method"]: item["status"] for item in found["items"]}
    assert status["peer"].startswith("does not apply: no interpreter with PyAutoLens")
    assert len(list((out / "results" / "small--blind").iterdir())) == 2
    assert len(list((out / "results" / "small--broad").iterdir())) == 1, "count bounds the lenses of a method"
    assert not list((out / "work").glob("small--*/*")), "the state of a fit that is done is removed"
    evaluation, columns, seconds, wrong, memory = found["wanted"]
    assert [cell["met"] for line in (evaluation, columns, seconds) for cell in line["methods"][COLUMN]] == [
        True,
        False,
        False,
    ]
    assert evaluation["paper"].startswith("not measured: no interpreter")
    assert wrong["methods"][COLUMN][0]["met"] is not None
    assert memory["methods"][COLUMN][0]["value"] == "not measured"
    lenses = (out / "lenses.csv").read_text().splitlines()
    assert len(lenses) == 1 + 3 * 5, "a row for each lens and each parameter that is known"
    with (out / "evaluation.csv").open() as file:
        rows = list(csv.DictReader(file))
    parts = {row["part"] for row in rows}
    single, batched = (next(r for r in rows if r["code"] == code) for code in ("lenssbi", "lenssbi batched, CPU"))
    assert single["log_evidence"] == batched["log_evidence"]
    assert {"one evaluation", "trace", "mesh", "Cholesky", "floor"} <= parts
    page = (out / "table.md").read_text()
    for part in ("PyAutoLens in the same run", "ms of a linear evaluation", "wrong, unflagged", "plan.yaml"):
        assert part in page
    assert (out / "fits.png").stat().st_size > 0

    # the same again: nothing is fitted or timed a second time
    monkeypatch.setattr("lenssbi.benchmark.runners.fits.set_up", lambda *_, **__: pytest.fail("fitted again"))
    monkeypatch.setattr("lenssbi.benchmark.measures.evaluation.evaluations", lambda *_: pytest.fail("timed again"))
    again = CliRunner().invoke(app, arguments)
    assert again.exit_code == 0, again.stderr
    assert json.loads(again.stdout)["wanted"] == found["wanted"]

    def crashed(*_, **__):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("lenssbi.benchmark.runners.fits.set_up", crashed)
    (out / "results" / "small--broad" / "00000.json").unlink()
    assert CliRunner().invoke(app, arguments).exit_code == 3, "a fit that crashes is a row, and exit code 3"


class TestTargets:
    def lines(self, wanted, **tables):
        config = parse(plan(wanted=wanted), BenchmarkConfig, "test")
        names = ("evaluation", "memory", "fits", "lenses", "coverage", "accuracy")
        return target_lines(config, {name: tables.get(name, []) for name in names})

    def met(self, wanted, **tables):
        (line,) = self.lines([wanted], **tables)
        (cell,) = line.cells[COLUMN]
        return cell.met

    @pytest.mark.parametrize(("median", "sigma", "same"), [(1.0, 0.01, True), (1.02, 0.01, False), (1.0, 0.02, False)])
    def test_the_same_posterior(self, median, sigma, same):
        whose = {"suite": "small", "lens": 0, "parameter": "einstein_radius"}
        rows = [{**whose, "method": "blind", "median": 1.001, "sigma": 0.0105}]
        rows += [{**whose, "method": "broad", "median": median, "sigma": sigma}]
        target = {"of": "same", "method": "blind", "suite": "small", "peer": "broad"}
        assert self.met(target, lenses=rows) is same

    def test_memory_and_a_learned_prior(self):
        rows = [{"method": "blind", "peak_memory_mb": 400.0}]
        assert self.met({"of": "memory", "method": "blind", "megabytes": 500}, memory=rows) is True
        assert self.met({"of": "memory", "method": "broad", "megabytes": 500}, memory=rows) is None
        row = {"suite": "small", "method": "blind" + WITH_PRIOR, "split": "all", "parameter": "e1", "at": "0.683"}
        row |= {"largest_deviation": -0.2, "scatter": 0.05, "stamps": 20}
        assert self.met({"of": "coverage", "method": "blind" + WITH_PRIOR, "suite": "small"}, coverage=[row]) is False

    @pytest.mark.parametrize("what", ["seconds", "error"])
    def test_ratios(self, what):
        fits = [{"suite": "small", "method": m, "seconds_50": s} for m, s in (("blind", 10.0), ("broad", 1.0))]
        errors = [
            {"suite": "small", "method": m, "split": "all", "parameter": "q", "error": e}
            for m, e in (("blind", 2.0), ("broad", 1.0))
        ]
        target = {"of": "ratio", "what": what, "method": "broad", "to": "blind", "suites": ["small"], "ratio": 0.3}
        assert self.met(target, fits=fits, accuracy=errors) is (what == "seconds")

    def test_names_are_checked(self):
        for target in (
            {"of": "time", "method": "none", "suite": "small"},
            {"of": "time", "method": "blind", "suite": "no"},
        ):
            with pytest.raises(ConfigError, match="is none of the"):
                parse(plan(wanted=[{**target, "seconds": 1}]), BenchmarkConfig, "test")


def test_the_committed_run_of_observed_stamps_fits_as_a_user_does():
    from lenssbi.benchmark.runners.sampled import sampled_methods
    from lenssbi.refinement.config import RefineConfig

    config = load_config(CONFIGS / "observed_fits.yaml", BenchmarkConfig)
    assert sampled_methods(config, CONFIGS)["fit"].config == RefineConfig()
    assert config.wrong == WrongBasin(arcsec=0, sigma=0, share=0.15)
    kinds = {name: suite.simulation(CONFIGS).composition.alteration for name, suite in config.suites.items()}
    assert kinds == {"euclid_observed_test": None, "several": "several"}


def test_the_committed_run_names_fits_that_there_are():
    from lenssbi.benchmark.runners.sampled import sampled_methods

    config = load_config(CONFIGS / "refinement.yaml", BenchmarkConfig)
    methods = sampled_methods(config, CONFIGS)
    blind = methods["nautilus-blind"].config
    assert (blind.prior.mode, blind.sampler.method, blind.mesh.psf_radius) == ("blind", "nautilus", 0.5)
    for name, suite in config.suites.items():
        assert suite.simulation(CONFIGS), name


def test_a_network_needs_no_kind(tmp_path):
    config = parse(plan(methods={"net": {"estimator": "x"}}, wanted=[], evaluation=None), BenchmarkConfig, "test")
    assert config.methods["net"].kind == "network"
