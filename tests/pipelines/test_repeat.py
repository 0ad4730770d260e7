"""Runs of `predict` and `refine` are made again from what their outputs say, from another folder."""

import json
import os

import numpy as np
import pytest
from astropy.io import fits
from typer.testing import CliRunner

from lenssbi import catalogue as tables
from lenssbi.config import parse
from lenssbi.dataset.reading import ReadOptions
from lenssbi.pipelines import predict, refine
from lenssbi.pipelines.catalogue.folder import CatalogueFolder
from lenssbi.pipelines.results import ItemResult
from lenssbi.posteriors import load_samples
from lenssbi.refinement.config import ModelErrorConfig, RefineConfig
from lenssbi.status import InputError

from .made_up_rings import PSF, rings, untrained

CHOICES = parse({"mesh": {"pixels": 121}, "lens_light": "joint", "sampler": {"seed": 5}}, RefineConfig, "test")


@pytest.fixture(scope="module")
def estimator(tmp_path_factory):
    return untrained(tmp_path_factory.mktemp("estimator"))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Two bare images, their noise and PSF in files of their own; they are named as seen from the folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "img").mkdir()
    (tmp_path / "elsewhere").mkdir()
    for name, image in zip("ab", rings(2), strict=True):
        fits.writeto(tmp_path / "img" / f"{name}.fits", image)
    fits.writeto(tmp_path / "psf.fits", PSF.gaussian(0.17).response(0.1, 1, 0.5))
    return tmp_path


@pytest.fixture
def read(here):
    return ReadOptions(noise="5", psf=here / "psf.fits", pixel_scale=0.1, lens_light="none")


def rows(path):
    table = tables.read(path)
    table.remove_columns(["seconds", "input"])
    return table.pformat(max_width=-1, max_lines=-1)


@pytest.mark.parametrize("kind", ["ecsv", "fits", "parquet"])
@pytest.mark.parametrize("error", [ModelErrorConfig(), ModelErrorConfig(einstein_radius=0.1)])
def test_predict_from_its_table(here, estimator, read, kind, error, monkeypatch):
    out = here / f"table.{kind}"
    named = os.path.relpath(estimator, here)
    first = predict.run(["img"], estimator=named, out=out, seed=7, model_error=error, read=read)
    monkeypatch.chdir(here / "elsewhere")
    again = predict.repeat(out, out=here / f"again.{kind}")
    assert again.config == first.config
    assert rows(here / f"again.{kind}") == rows(out)
    assert [item.params for item in again.items] == [item.params for item in first.items]
    meta = [tables.read(here / f"{name}.{kind}").meta for name in ("table", "again")]
    assert [os.path.realpath(one["network"]) for one in meta] == [os.path.realpath(estimator)] * 2
    assert json.loads(meta[0]["read"]) == {**read.said, "psf": str(read.psf)}


def test_the_draws_of_predict_say_what_made_them(here, estimator, read):
    predict.run(["img/a.fits"], estimator=estimator, samples=here / "draws", seed=7, read=read)
    info = load_samples(here / "draws" / "a.h5").info
    assert (info["command"], info["seed"], info["network"]) == ("predict", 7, str(estimator))
    assert info["inputs"] == ["img/a.fits"]
    assert info["observation"]["read"]["lens_light"] == "none"


def test_a_table_of_something_else_is_told(here, estimator, read):
    predict.run(["img/a.fits"], estimator=estimator, out=here / "table.ecsv", read=read)
    table = tables.read(here / "table.ecsv")
    table.meta["command"] = "catalogue"
    tables.write(table, here / "other.ecsv")
    with pytest.raises(InputError, match="not a table of `lenssbi predict`"):
        predict.repeat(here / "other.ecsv")
    table.meta["command"] = "predict"
    del table.meta["read"]
    tables.write(table, here / "older.ecsv")
    with pytest.raises(InputError, match="give the whole command again"):
        predict.repeat(here / "older.ecsv")


@pytest.mark.parametrize("name", ["config", "figures", "inputs"])
def test_a_folder_that_says_too_little_is_told(here, name):
    card = {"command": "refine", "folder": str(here), "inputs": ["img"], "read": {}, "config": {}, "figures": True}
    del card[name]
    (here / "refine.json").write_text(json.dumps(card))
    with pytest.raises(InputError, match=r"refine.json.* give the whole command again"):
        refine.repeat(here)


def test_a_catalogue_that_says_too_little_is_told(here):
    (here / "run.json").write_text(json.dumps({"schema": "lenssbi-run-1", "config": {}}))
    with pytest.raises(InputError, match="make the catalogue again"):
        CatalogueFolder.open(here)


@pytest.fixture
def fits_made(monkeypatch):
    """What would have been fitted, and how."""
    made = []

    def record(source, config, out, *, estimator=None, figure=True, watch=None):
        stamp = source.load()
        made.append(
            (stamp.name, stamp.info["lens_light_subtracted"], stamp.noise[0, 0], config, estimator, out, figure)
        )
        return ItemResult(source.path, "done")

    monkeypatch.setattr(refine, "refine_source", record)
    monkeypatch.setattr(refine, "find_network", lambda config, estimator: None)
    return made


@pytest.mark.parametrize("figures", [True, False])
def test_refine_from_its_folder(here, read, fits_made, figures, monkeypatch):
    refine.run(["img"], config=CHOICES, out=here / "out", figures=figures, read=read)
    monkeypatch.chdir(here / "elsewhere")
    refine.repeat(here / "out")
    refine.repeat(here / "out", out=here / "new", figures=True)
    first, again, new = fits_made[:2], fits_made[2:4], fits_made[4:]
    assert [fit[:4] for fit in first] == [(name, True, 5.0, CHOICES) for name in "ab"]
    assert again == first
    assert [fit[:5] for fit in new] == [fit[:5] for fit in first]
    assert {fit[5:] for fit in new} == {(here / "new", True)}
    cards = [json.loads((here / name / "refine.json").read_text()) for name in ("out", "new")]
    assert cards[0]["config"] == cards[1]["config"]
    assert cards[0]["read"] == cards[1]["read"]


def test_a_fit_that_was_stopped_says_how_it_is_made(here, read, monkeypatch):
    monkeypatch.setattr(refine, "find_network", lambda config, estimator: None)

    def stop(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(refine, "refine_source", stop)
    with pytest.raises(KeyboardInterrupt):
        refine.run(["img"], config=CHOICES, out=here / "out", read=read)
    card = json.loads((here / "out" / "refine.json").read_text())
    assert (card["command"], card["inputs"], card["folder"]) == ("refine", ["img"], str(here))


class TestCommands:
    @pytest.fixture(autouse=True)
    def _main(self):
        self.app = pytest.importorskip("lenssbi_cli.main").app

    def run(self, *arguments):
        return CliRunner().invoke(self.app, [str(argument) for argument in arguments])

    def test_predict(self, here, estimator, monkeypatch):
        options = ("--noise", 5, "--psf", "psf.fits", "--pixel-scale", 0.1, "--lens-light", "none", "--seed", 3)
        first = self.run("predict", "img", *options, "--estimator", estimator, "--out", "one.ecsv", "--quiet")
        assert first.exit_code == 0, first.stderr
        monkeypatch.chdir(here / "elsewhere")
        again = self.run("predict", "--repeat", "../one.ecsv", "--out", "../two.ecsv", "--quiet")
        assert again.exit_code == 0, again.stderr
        monkeypatch.chdir(here)
        assert rows("two.ecsv") == rows("one.ecsv")
        for more in (["img"], ["--seed", 3], ["--lens-light", "none"], ["--mask", "none"]):
            result = self.run("predict", "--repeat", "one.ecsv", *more)
            assert (result.exit_code, "leave out" in result.stderr) == (2, True)
        assert self.run("predict").exit_code == 2

    def test_refine(self, here, fits_made, monkeypatch):
        options = ("--noise", 5, "--psf", "psf.fits", "--pixel-scale", 0.1, "--lens-light", "none")
        first = self.run("refine", "img", *options, "--out", "out", "--no-figures", "--quiet")
        assert first.exit_code == 0, first.stderr
        monkeypatch.chdir(here / "elsewhere")
        again = self.run("refine", "--repeat", "../out", "--quiet")
        assert again.exit_code == 0, again.stderr
        monkeypatch.chdir(here)
        assert [fit[:5] for fit in fits_made[2:]] == [fit[:5] for fit in fits_made[:2]]
        assert fits_made[0][3].lens_light == "none"
        assert fits_made[0][6] is False
        for more in (["img"], ["--seed", 3], ["--prior", "blind"]):
            result = self.run("refine", "--repeat", "out", *more)
            assert (result.exit_code, "leave out" in result.stderr) == (2, True)
        for wrong in (["refine", "--repeat", "img"], ["refine", "img"], ["refine", "--out", "out"]):
            result = self.run(*wrong)
            assert result.exit_code == 2
            assert result.stderr.count("\n") == 1

    def test_catalogue(self, here, estimator):
        options = ("--noise", 5, "--psf", "psf.fits", "--pixel-scale", 0.1, "--lens-light", "none", "--refine", "none")
        result = self.run("catalogue", "img", *options, "--estimator", estimator, "--out", "cat", "--quiet")
        assert result.exit_code == 0, result.stderr
        card = json.loads((here / "cat" / "run.json").read_text())
        assert (card["read"]["lens_light"], card["config"]["fit"]["lens_light"]) == ("none", "none")
        assert np.isfinite(tables.read(here / "cat" / "catalogue.ecsv")["snr"]).all()
