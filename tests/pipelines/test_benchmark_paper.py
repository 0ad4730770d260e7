"""The paper's comparison as a command: all of it at toy size, and the run that is committed."""

import json
from pathlib import Path

import pytest
from astropy.table import Table
from typer.testing import CliRunner

pytest.importorskip("galsim")

from lenssbi.benchmark.config import BenchmarkConfig
from lenssbi.benchmark.methods import WITH_PRIOR, FitMethod
from lenssbi.config import load_config

CONFIGS = Path(__file__).parents[2] / "configs" / "runs"
SUITES, LENSES = ("small", "large"), 3
QUICK = ["mesh.regularisation=constant", "mesh.pixels=36", "mesh.psf_radius=0.2", "mask.inner=0.4", "mask.outer=2.0"]
QUICK += ["noise_scale=claimed", "lens_light=none", "start.place=prior", "sampler.n_networks=0", "sampler.n_live=30"]
QUICK += ["sampler.n_eff=20", "sampler.max_evaluations=120"]


def plan():
    """A network and a fit on two suites of three lenses, of which the paper has numbers for the first."""
    overrides = ["population.lens_light=null", "population.source_offset=[0.0, 0.2]", "rendering.oversampling=2"]
    suites = {
        name: {"overrides": [*overrides, f"population.mass.einstein_radius={[low, low + 0.1]}"], "seed": 70 + i}
        for i, (name, low) in enumerate(zip(SUITES, (1.0, 1.3), strict=True))
    }
    fit = {"kind": "fit", "sampler": "nautilus", "prior": "blind", "overrides": QUICK}
    rows = {
        "cnn": {"methods": ["network"], "published": "cnn"},
        "blind": {"methods": ["blind"], "published": "blind"},
        "blind_pl": {"methods": ["blind-pl"], "title": "blind, power law"},
    }
    published = {"cnn": {"einstein_radius": 1e-9, "phi": 90.0, "q": 0.9}, "blind": {"einstein_radius": 9.0}}
    comparison = {"baseline": "blind", "rows": rows, "tables": {"Table 1": ["small"], "Table 2": ["large"]}}
    comparison |= {"published": {"small": published}, "coverage": {"rows": ["cnn"]}, "resamples": 50}
    comparison |= {
        "relative": [{"row": "cnn", "seconds": 0.5}],
        "findings": {"small": "Three lenses show no more than that it runs."},
    }
    methods = {"network": {"estimator": "paper-sie"}, "blind": fit}
    methods["blind-pl"] = {**fit, "overrides": [*QUICK, "mass.model=power_law"]}
    return {"methods": methods, "suites": suites, "count": LENSES, "comparison": comparison}


def test_the_whole_command(tmp_path, monkeypatch):
    from lenssbi_cli.main import app

    (tmp_path / "plan.yaml").write_text(json.dumps(plan()))
    out = tmp_path / "out"
    arguments = ["benchmark", str(tmp_path / "plan.yaml"), "--out", str(out), "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.stderr
    targets = json.loads(result.stdout)["targets"]
    assert {target["met"] for target in targets} >= {True, False}

    errors = Table.read(out / "tables" / "errors.ecsv")
    whole = {(r["suite"], r["row"], r["parameter"]): r for r in errors if r["split"] == "all"}
    cells = {
        (suite, row, name)
        for suite in SUITES
        for row in ("cnn", "blind", "blind_pl")
        for name in ("einstein_radius", "phi", "q")
    }
    assert set(whole) == cells, "no cell is left out"
    assert (whole["small", "cnn", "einstein_radius"]["met"], whole["small", "blind", "einstein_radius"]["met"]) == (
        False,
        True,
    )
    for key, cell in whole.items():
        if key[1] == "blind_pl":
            assert "its lenses have one slope" in cell["reason"]
        else:
            assert cell["lenses"] == LENSES
            assert cell["low"] <= cell["error"] <= cell["high"]
    points = Table.read(out / "tables" / "points.ecsv")
    assert len(points) == len(SUITES) * 2 * LENSES * 3
    times = {(r["suite"], r["row"]): r["seconds_50"] for r in Table.read(out / "tables" / "times.ecsv")}
    assert times["small", "cnn"] < times["small", "blind"]

    page = (out / "index.html").read_text()
    for part in ("Table 1", "Table 2", "blind, power law", "Three lenses show", "plan.yaml", "data:image/png;base64"):
        assert part in page
    assert "Table 1" in (out / "comparison.md").read_text()

    # the same again: nothing is asked a second time, and the same is found
    monkeypatch.setattr("lenssbi.benchmark.runners.fits.set_up", lambda *_, **__: pytest.fail("fitted again"))
    again = CliRunner().invoke(app, arguments)
    assert again.exit_code == 0, again.stderr
    assert json.loads(again.stdout)["targets"] == targets


def test_the_committed_run_can_be_made():
    from lenssbi.benchmark.runners.sampled import sampled_methods

    config = load_config(CONFIGS / "paper.yaml", BenchmarkConfig)
    methods, comparison = sampled_methods(config, CONFIGS), config.comparison
    assert tuple(config.suites) == comparison.suites, "the seven suites, all in a table"
    for name, suite in config.suites.items():
        assert suite.simulation(CONFIGS), name
        for row, asked in comparison.rows.items():
            those = [config.methods[m.removesuffix(WITH_PRIOR)] for m in asked.candidates(name)]
            fits = [m for m in those if isinstance(m, FitMethod) and name in m.suites]
            if any(isinstance(m, FitMethod) for m in those):
                assert len(fits) == 1, f"one method speaks for {row} about {name}"
    powerlaw = {name for name in methods if "pl" in name.split("-")}
    assert {methods[name].config.mass.model for name in powerlaw} == {"power_law"}
    assert {suite for name in powerlaw for suite in methods[name].method.suites} == {"pl_real", "pl_real_los"}
    for name in ("importance-los", "importance-hydro", "importance-pl-los"):
        assert methods[name].config.model_error.any, name
