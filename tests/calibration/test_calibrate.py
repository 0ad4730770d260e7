"""`lenssbi calibrate` from a run and a set to tables, figures, card and exit code; the sweep of dropout rates."""

import csv
import json
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from lenssbi.arrays import pixel_grid
from lenssbi.calibration.coverage import credible_coverage, stack
from lenssbi.calibration.dropout_sweep import at_rate
from lenssbi.calibration.judgement import Tolerance
from lenssbi.calibration.splits import Split
from lenssbi.dataset.hdf5 import StampSet, write_set
from lenssbi.estimators.checkpoint import EstimatorCard, ParameterCard, read_card, save_card, save_estimator
from lenssbi.estimators.load import load_estimator
from lenssbi.estimators.network import NetworkConfig, build_network
from lenssbi.estimators.preprocessing import ImagePreprocessing
from lenssbi.instrument import PSF
from lenssbi.pipelines import sweep
from lenssbi.pipelines.calibrate import run as calibrate
from lenssbi.status import InputError

SIDE, SCALE = 16, 0.4
NETWORK = NetworkConfig(widths=(4,), blocks=(0,), squeeze=4, dense=8, dropout=0.1)


def write(path, radius, seed=1):
    """A set of rings of these radii, S/N 30 in the first half and 100 in the second."""
    rng = np.random.default_rng(seed)
    theta = pixel_grid((SIDE, SIDE), SCALE)[None]
    images = 20 * np.exp(-0.5 * ((np.abs(theta) - radius[:, None, None]) / 0.4) ** 2) + rng.standard_normal(
        (len(radius), SIDE, SIDE)
    )
    block = {
        "images": images.astype(np.float32),
        "noise": np.ones(images.shape, np.float32),
        "params": {"einstein_radius": radius},
    }
    block["info"] = {"snr": np.where(np.arange(len(radius)) < len(radius) // 2, 30.0, 100.0)}
    attributes = {"seed": seed, "config": "rings", "lenssbi_version": "0", "pixel_scale": SCALE, "zero_point": 25.5}
    attributes |= {"band": "VIS", "unit": "electron", "psf": PSF.gaussian(0.4)}
    write_set(path, [block], len(radius), {"einstein_radius": "arcsec"}, attributes)
    return path


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """An untrained estimator: its answers are poor, its coverage can be mended."""
    import torch

    card = EstimatorCard(
        name="toy",
        network=NETWORK,
        preprocessing=ImagePreprocessing(),
        parameters=(ParameterCard(name="einstein_radius", unit="arcsec", low=0.2, high=3.2),),
        field=(SIDE, SIDE),
        pixel_scale=SCALE,
        band="VIS",
        passes=5,
        seed=0,
    )
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("toy") / "run"
    save_estimator(card, build_network(NETWORK, (SIDE, SIDE), 1).state_dict(), folder)
    return folder


@pytest.fixture
def folder(kept, tmp_path):
    return shutil.copytree(kept, tmp_path / "run")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    radius = np.random.default_rng(3).uniform(0.6, 2.8, 240)
    return write(tmp_path_factory.mktemp("set") / "set.h5", radius)


@pytest.fixture(scope="module")
def moved(tmp_path_factory):
    """A set whose stamps to judge by are unlike those to fit to."""
    radius = np.random.default_rng(3).normal(1.5, 0.02, 120)
    radius[1::2] += 1.0
    return write(tmp_path_factory.mktemp("moved") / "set.h5", radius)


def test_everything_is_written_and_stored(folder, data):
    result = calibrate(folder, data, method="both")
    assert result.passed
    assert result.stamps == 120
    wanted = {"coverage.csv", "coverage.png", "splits.png", "diagnostics.csv", "diagnostics.png"}
    assert wanted <= {path.name for path in folder.iterdir()}
    with (folder / "coverage.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["split"] for row in rows} >= {"all", "S/N 20-40", "S/N 80-160", "einstein_radius 1.6+"}
    assert {row["judged"] for row in rows if row["split"] != "all"} == {"no"}  # none has 200 stamps
    first = next(row for row in rows if row["split"] == "all" and row["interval"] == "credible")
    assert float(first["after"]) == pytest.approx(result.coverage["einstein_radius"]["0.683"], abs=1e-4)
    with (folder / "diagnostics.csv").open() as file:
        assert {row["test"] for row in csv.DictReader(file)} == {"SBC", "expected coverage", "TARP", "LC2ST"}
    card = read_card(folder)
    assert card.calibration.recalibration["einstein_radius"].levels
    assert card.misspecification is not None
    estimator = load_estimator(folder)
    with StampSet(data) as stamps:
        some = stamps.images(slice(1, None, 2)), stamps.noise(slice(1, None, 2))
        truths = stamps.params["einstein_radius"][1::2]
    again = credible_coverage(stack(estimator.predict(*some)), truths[:, None])
    # the card read again gives the coverage that was reported
    assert again["einstein_radius"] == pytest.approx(result.coverage["einstein_radius"])


def test_a_miss_is_exit_code_3_and_one_sentence_with_the_files_written(folder, moved):
    from lenssbi_cli.main import app

    told = CliRunner().invoke(
        app, ["calibrate", str(folder), "--data", str(moved), "--method", "scale", "--json", "--quiet"]
    )
    assert told.exit_code == 3, told.stderr
    found = json.loads(told.stdout)
    assert found["passed"] is False
    assert set(found["coverage"]["einstein_radius"]) == {"0.683", "0.955", "0.997"}
    assert "lenssbi: the coverage misses nominal: einstein_radius, all" in told.stderr
    assert (folder / "splits.png").is_file()
    assert read_card(folder).calibration is not None


def test_the_tolerance_is_of_all_of_a_split_and_of_none_too_small():
    tolerance = Tolerance(0.01, 0.04)
    rows = np.ones(300, bool)
    assert tolerance.of(Split("all", rows)) == 0.01
    assert tolerance.of(Split("S/N 20-40", rows)) == 0.04
    assert tolerance.of(Split("S/N 20-40", rows[:100])) == np.inf


def test_a_rate_is_that_of_the_prediction(folder, data):
    estimator = load_estimator(folder)
    with StampSet(data) as stamps:
        some = stamps.images(slice(0, 3)), stamps.noise(slice(0, 3))
    still, lively = (at_rate(estimator, rate).predict(*some)[0] for rate in (0.0, 0.6))
    assert still.epistemic.max() < 1e-9
    assert lively.epistemic.min() > 1e-6
    before, same = estimator.predict(*some)[0], at_rate(estimator, NETWORK.dropout).predict(*some)[0]
    np.testing.assert_allclose(same.means, before.means)


def test_a_sweep_of_one_run_stores_the_best_rate(folder, data):
    result = sweep.run([folder], data, rates=(0.0, 0.3, 0.6))
    assert result.how == sweep.PREDICTED
    assert [t.rate for t in result.tried] == [0.0, 0.3, 0.6]
    assert result.best.miss == min(t.miss for t in result.tried)
    card = read_card(folder)
    assert card.network.dropout == result.best.rate
    again = sweep.run([folder], data, rates=(result.best.rate,))
    assert again.best.coverage == result.best.coverage  # the stored rate is the one that was judged
    with (folder / "dropout.csv").open() as file:
        assert {row["how"] for row in csv.DictReader(file)} == {sweep.PREDICTED}
    assert (folder / "dropout.png").is_file()


def test_a_sweep_of_several_runs_is_of_the_rates_they_were_trained_with(kept, data, tmp_path):
    folders = []
    for rate in (0.5, 0.0):
        folders.append(shutil.copytree(kept, tmp_path / f"run-{rate}"))
        card = read_card(kept)
        save_card(card.model_copy(update={"network": card.network.model_copy(update={"dropout": rate})}), folders[-1])
    before = [(f / "estimator.json").read_text() for f in folders]
    result = sweep.run(folders, data)
    assert result.how == sweep.TRAINED
    assert [(t.run, t.rate) for t in result.tried] == [(folders[1], 0.0), (folders[0], 0.5)]
    assert [(f / "estimator.json").read_text() for f in folders] == before
    assert result.figure.parent == result.best.run


def test_what_cannot_be_swept_is_one_sentence(folder, data):
    from lenssbi_cli.main import app

    with pytest.raises(InputError, match=r"lies in \[0, 1\)"):
        sweep.run([folder], data, rates=(1.5,))
    words = ["sweep-dropout", str(folder), "--data", str(data)]
    for more, word in (
        ([str(folder), "--rate", "0.1"], "one RUN"),
        (["--rate", "low"], "--rate"),
        (["--rate", "1.5"], "--rate"),
    ):
        told = CliRunner().invoke(app, [*words, *more])
        assert (told.exit_code, word in told.stderr) == (2, True), told.stderr
