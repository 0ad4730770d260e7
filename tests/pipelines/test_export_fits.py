"""`lenssbi export --to fits`: the images of a fit made again from its posterior file and its stamp, nothing sampled."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from typer.testing import CliRunner

from lenssbi.config import parse
from lenssbi.dataset.fits import read_stamp
from lenssbi.dataset.inputs import expand_inputs
from lenssbi.dataset.observed import describe
from lenssbi.pipelines.catalogue.folder import CatalogueFolder
from lenssbi.pipelines.export import run
from lenssbi.pipelines.kept_fits import Files, kept_fit
from lenssbi.posteriors import DiagonalMixture, Samples
from lenssbi.refinement.config import RefineConfig
from lenssbi.refinement.prepare import set_up
from lenssbi.refinement.restored import restored_fit
from lenssbi.status import InputError

from ..refinement.made_up_fit import PARAMS, header, made_up_fit

CONFIG = parse(
    {"mass": {"shear": False}, "mesh": {"pixels": 100}, "start": {"place": "prior"}, "noise_scale": "claimed"},
    RefineConfig,
    "test",
)
ANSWER = DiagonalMixture(
    [[1.1, 0.1, -0.1], [1.12, 0.13, -0.05]],
    [[0.02, 0.05, 0.05], [0.03, 0.04, 0.05]],
    ("einstein_radius", "e1", "e2"),
    ("arcsec", "", ""),
)


def write_stamp(path, flux=60.0):
    """The stamp of a made-up fit as a file; nothing blurs it."""
    stamp = made_up_fit(lens_light=False, shape=(50, 50), flux=flux).stamp
    image = np.where(stamp.mask, stamp.image, np.nan)
    planes = {"SCI": (image, header()), "RMS": (stamp.noise, None), "PSF": (np.pad(np.ones((1, 1)), 1), None)}
    hdus = [fits.ImageHDU(pixels, cards, name=name) for name, (pixels, cards) in planes.items()]
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path, overwrite=True)
    return path


def write_posterior(path, stamp_file, learned=ANSWER, config=CONFIG, raised=()):
    """A posterior as a fit of the stamp leaves it, its draws made up; `raised` are flags of the network."""
    (source,) = expand_inputs([str(stamp_file)])
    stamp = source.load()
    problem, _ = set_up(stamp, config, learned=learned, raised=raised)
    names = problem.priors.sampled.names
    best = {name: PARAMS[name] for name in names}
    values = np.array(list(best.values())) + 0.01 * np.random.default_rng(0).normal(size=(100, len(names)))
    info = {"status": "DONE", "flags": ["edge", *raised], "evaluations": 12, "seconds": 0.5, "attempt": "first"}
    info |= {"key": problem.key, "stamp": stamp.name, "prior": problem.priors.mode}
    info |= {"best": best, "best_log_likelihood": -100.0}
    info |= {"observation": describe(stamp), "config": config.model_dump(mode="json"), "n_eff": 100.0}
    samples = Samples(values, names, ("",) * len(names), log_evidence=-110.0, info=info)
    aside = learned if problem.learned is None else None
    samples.save(path, with_prior=samples if problem.learned else None, learned=problem.learned, network=aside)
    return path


@pytest.fixture
def stamp_file(tmp_path):
    return write_stamp(tmp_path / "J1.fits")


def test_a_fit_is_made_again_if_its_network_was_flagged(tmp_path, stamp_file):
    path = write_posterior(tmp_path / "fit.h5", stamp_file, raised=("misspecified",))
    problem, _ = set_up(expand_inputs([str(stamp_file)])[0].load(), CONFIG, learned=ANSWER, raised=("misspecified",))
    assert kept_fit(replace(problem, flags=(*problem.flags, "psf_unseen")), Files(path, tmp_path / "fit.png", tmp_path))
    fit = restored_fit(path)
    assert "psf_unseen" in fit.flags  # the file was written again
    assert fit.learned is None
    np.testing.assert_array_equal(fit.network.means, ANSWER.means)


@pytest.fixture
def posterior(tmp_path, stamp_file):
    return write_posterior(tmp_path / "fit.h5", stamp_file)


def catalogue(monkeypatch, *rows):
    columns = ("name", "method", "posterior")
    table = [dict(zip(columns, row, strict=True)) for row in rows]
    opened = SimpleNamespace(table=lambda: table)
    monkeypatch.setattr(CatalogueFolder, "open", staticmethod(lambda path: opened))


def test_the_file_holds_the_restored_fit_of_the_stamp(posterior, stamp_file, tmp_path):
    (path,) = run([posterior], to="fits", out=tmp_path / "out").paths
    assert path == tmp_path / "out" / "fit.fits"
    fit, stamp = restored_fit(posterior), read_stamp(stamp_file)
    with fits.open(path) as file:
        np.testing.assert_array_equal(file["DATA"].data, np.float32(np.where(stamp.mask, stamp.image, np.nan)))
        np.testing.assert_array_equal(file["MODEL"].data, np.float32(fit.best.image))
        np.testing.assert_array_equal(file["SOURCE"].data, np.float32(fit.best.source.image))
        here, there = (wcs.pixel_to_world(31, 12) for wcs in (WCS(file["MODEL"].header), WCS(header())))
        assert here.separation(there).arcsec < 1e-5
        first = file[0].header
        assert (first["OBJECT"], first["INPUT"], first["FLAGS"]) == ("J1", str(stamp_file), "edge")
        assert first["einstein_radius"] == fit.params()["einstein_radius"].median
        assert 0.5 < first["CHI2PIX"] < 1.5, "the true lens explains its stamp"
    assert fit.learned.means.tolist() == ANSWER.means.tolist()
    assert fit.samples_with_prior is not None


def test_a_posterior_without_a_network(stamp_file, tmp_path):
    alone = write_posterior(tmp_path / "alone.h5", stamp_file, learned=None)
    assert restored_fit(alone).learned is None


def test_what_cannot_be_made_again_is_refused_in_a_sentence(posterior, stamp_file, tmp_path):
    answer = tmp_path / "answer.h5"
    Samples(np.ones((4, 3)), ("einstein_radius", "e1", "e2"), ("arcsec", "", "")).save(answer)
    with pytest.raises(InputError, match=r"answer\.h5: the answer of a network has no model image: fit the stamp"):
        run([answer], to="fits", out=tmp_path / "out")
    write_stamp(stamp_file, flux=50.0)
    with pytest.raises(InputError, match=r"fit\.h5: the stamp, the packages or lenssbi have changed since the fit"):
        run([posterior], to="fits", out=tmp_path / "out")
    stamp_file.unlink()
    with pytest.raises(
        InputError, match=r"fit\.h5: its stamp cannot be read any more .*J1\.fits: there is no such file"
    ):
        run([posterior], to="fits", out=tmp_path / "out")
    with pytest.raises(InputError, match="no such posterior file"):
        run([tmp_path / "none.h5"], to="fits", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_one_fit_that_cannot_be_made_again_does_not_stop_the_others(posterior, tmp_path):
    other = write_stamp(tmp_path / "J2.fits")
    gone = write_posterior(tmp_path / "gone.h5", other)
    other.unlink()
    result = run([gone, posterior], to="fits", out=tmp_path / "out")
    assert [path.name for path in result.paths] == ["fit.fits"]
    assert result.failed == 1
    assert "gone.h5: its stamp cannot be read" in result.left_out[0]
    with pytest.raises(InputError, match=r"no fit can be exported, the first because of .*gone\.h5"):
        run([gone, gone], to="fits", out=tmp_path / "out")


def test_of_a_catalogue_the_fits_are_written(posterior, tmp_path, monkeypatch):
    catalogue(monkeypatch, ("J0", "network", "lenses/J0.h5"), ("J:1", "refined", "fit.h5"), ("J2", "refined", ""))
    result = run([tmp_path], to="fits", out=tmp_path / "out")
    assert [path.name for path in result.paths] == ["J_1.fits"]
    assert run([tmp_path], to="fits", out=tmp_path / "out", names=["J:1"]).paths == result.paths
    with pytest.raises(InputError, match="J0 has not been fitted"):
        run([tmp_path], to="fits", out=tmp_path / "out", names=["J:1", "J0"])
    with pytest.raises(InputError, match="no lens J7"):
        run([tmp_path], to="fits", out=tmp_path / "out", names=["J7"])
    catalogue(monkeypatch, ("J0", "network", ""))
    with pytest.raises(InputError, match="no lens of the catalogue has been fitted"):
        run([tmp_path], to="fits", out=tmp_path / "out")


def test_the_command_says_what_it_left_out(posterior, tmp_path):
    app = pytest.importorskip("lenssbi_cli.main").app
    other = write_stamp(tmp_path / "J2.fits")
    gone = write_posterior(tmp_path / "gone.h5", other)
    other.unlink()
    arguments = ["export", str(posterior), "--to", "fits", "--out", str(tmp_path / "out"), "--json"]
    alone = CliRunner().invoke(app, arguments)
    assert alone.exit_code == 0
    assert json.loads(alone.stdout)["paths"] == [str(tmp_path / "out" / "fit.fits")]
    both = CliRunner().invoke(app, [arguments[0], str(gone), *arguments[1:]])
    assert both.exit_code == 3
    assert "gone.h5" in json.loads(both.stdout)["left_out"][0]
    refused = CliRunner().invoke(app, ["export", str(gone), *arguments[2:]])
    assert refused.exit_code == 2
    assert refused.stderr.splitlines()[-1].startswith(f"lenssbi: {gone}: its stamp cannot be read any more")
