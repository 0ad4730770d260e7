"""`predict` from files to a table."""

import importlib
import json
import sys

import numpy as np
import pytest
from astropy.io import fits

import lenssbi
from lenssbi.catalogue import read
from lenssbi.dataset.hdf5 import StampSet, write_set
from lenssbi.dataset.reading import ReadOptions
from lenssbi.estimators.checkpoint import EstimatorCard, MisspecificationCard, ParameterCard
from lenssbi.estimators.network import NetworkConfig
from lenssbi.estimators.preprocessing import ImagePreprocessing
from lenssbi.instrument import PSF
from lenssbi.pipelines.predict import run
from lenssbi.posteriors import DiagonalMixture, load_samples
from lenssbi.refinement.config import ModelErrorConfig
from lenssbi.status import InputError, Status

NAMES, UNITS = ("einstein_radius", "e1", "e2"), ("arcsec", "", "")
CARD = EstimatorCard(
    name="made-up",
    network=NetworkConfig(),
    preprocessing=ImagePreprocessing(),
    parameters=tuple(ParameterCard(name=n, unit=u, low=0, high=1) for n, u in zip(NAMES, UNITS, strict=True)),
    field=(30, 30),
    pixel_scale=0.1,
    band="VIS",
    passes=3,
    seed=0,
)
REFERENCE = MisspecificationCard(
    threshold=2.5, false_alarms=0.05, stamps=100, set="set.h5", weights_sha256="", sha256=""
)


class Network:
    """Answers with the mean of the image as the Einstein radius, and as the score."""

    name, field, card, sees_lens_light = "made-up", (30, 30), CARD, False
    sigma = 0.1

    def applies_to(self, stamp):
        return None if min(stamp.shape) >= 30 else f"it has {stamp.shape[0]} pixels, the estimator needs 30"

    def predict_and_score(self, images, noise, mask):
        assert images.shape[1:] == noise.shape[1:] == mask.shape[1:] == self.field
        levels = images.mean(axis=(1, 2))
        found = [DiagonalMixture([[x, 0.2, 0.1]] * 3, [[self.sigma, 0.02, 0.02]] * 3, NAMES, UNITS) for x in levels]
        scores = np.full((len(images), 2), np.nan)
        if self.card.misspecification is not None:
            scores[:, 0] = levels
        return found, scores


@pytest.fixture(autouse=True)
def _made_up_network(monkeypatch):
    monkeypatch.setattr("lenssbi.estimators.load.load_estimator", lambda name: Network())
    # a uniform image is neither sky nor arcs
    monkeypatch.setattr("lenssbi.refinement.pixels.for_network", lambda stamp, sees_lens_light: stamp)
    # a mean of 0 is no Einstein radius
    monkeypatch.setattr("lenssbi.flags.MAX_RELATIVE_ERROR", 0.11)
    judge = lenssbi.flags.is_imprecise
    monkeypatch.setattr(
        "lenssbi.estimators.misspecification.is_imprecise", lambda mean, sigma: mean > 0.5 and judge(mean, sigma)
    )


@pytest.fixture
def folder(tmp_path):
    """Stamps of 40x40, 30x30 and 20x20 pixels, and one that is no FITS file; the means of the first two are 1 and 2."""
    psf = PSF.gaussian(0.17).response(0.1, 1, 0.5)
    for name, side, level in (("a", 40, 1.0), ("b", 30, 2.0), ("small", 20, 1.0)):
        image = np.random.default_rng(0).normal(0, 0.1, size=(side, side))
        middle = slice(side // 2 - 5, side // 2 + 5)
        image[middle, middle] += 9 * level  # the mean of the central 30x30 pixels is the level, the sky's is 0
        header = fits.Header({"CD1_1": -0.1 / 3600, "CD2_2": 0.1 / 3600, "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"})
        parts = [fits.ImageHDU(image, header, "SCI"), fits.ImageHDU(np.full((side, side), 0.1), name="RMS")]
        fits.HDUList([fits.PrimaryHDU(), *parts, fits.ImageHDU(psf, name="PSF")]).writeto(tmp_path / f"{name}.fits")
    (tmp_path / "text.fits").write_text("not an image")
    return tmp_path


@pytest.fixture
def simulated(tmp_path):
    """A set of seven stamps of the means 0 to 6, whose PSFs get wider; the fifth has no usable pixel."""
    images = np.arange(7.0)[:, None, None] + np.zeros((7, 30, 30))
    images[4] = np.nan
    info = {"psf_fwhm": 0.16 + 0.01 * np.arange(7)}
    params = {"einstein_radius": np.arange(7.0), "e1": np.full(7, 0.2), "e2": np.full(7, 0.1)}
    block = {"images": images.astype(np.float32), "noise": np.ones(images.shape, np.float32)}
    attributes = {"seed": 1, "config": "", "lenssbi_version": "0", "pixel_scale": 0.1, "zero_point": 25.5}
    attributes |= {"band": "VIS", "unit": "electron", "lens_light_subtracted": True, "psf": PSF.gaussian(0.17)}
    path = tmp_path / "set.h5"
    write_set(path, [{**block, "params": params, "info": info}], 7, {"einstein_radius": "arcsec"}, attributes)
    return path


def test_one_row_per_stamp(folder):
    result = run([str(folder)], out=folder / "table.ecsv")
    a, b, small, text = result.items
    assert a.params["einstein_radius"].median == pytest.approx(1.0, abs=0.02)
    assert b.params["einstein_radius"].median == pytest.approx(2.0, abs=0.02)
    assert a.params["phi"].median == pytest.approx(np.degrees(0.5 * np.arctan2(0.1, 0.2)), abs=0.5)
    assert small.status.startswith(Status.NOT_APPLICABLE.value)
    assert "estimator needs 30" in small.status
    assert text.status.startswith((Status.NOT_FITS.value, Status.TRUNCATED.value))
    table = read(folder / "table.ecsv")
    assert list(table["name"]) == ["a", "b", "small", "text"]
    assert table["einstein_radius"].unit == "arcsec"
    assert table["phi"].unit == "deg"
    assert table["cov_e1_e1"][0] == pytest.approx(0.02**2, rel=0.15)
    assert np.isnan(table["einstein_radius"][3])
    assert result.failed == 2


@pytest.mark.parametrize("offset", [-50.0, 10.0, 100.0])
def test_a_sky_of_up_to_a_thousand_sigma_changes_nothing_and_is_told(folder, offset):
    plain = run([str(folder / "a.fits")]).items[0]
    with fits.open(folder / "a.fits", mode="update") as hdus:
        hdus["SCI"].data = hdus["SCI"].data + offset * np.linspace(0.9, 1.1, 40)
    item = run([str(folder / "a.fits")]).items[0]
    median = item.params["einstein_radius"].median
    assert median == pytest.approx(plain.params["einstein_radius"].median, abs=0.02)
    assert (plain.flags, item.flags) == ((), ("background_removed",))


def test_a_mask_and_a_number_for_noise(folder):
    bad = np.zeros((40, 40), np.uint8)
    bad[15:25, 15:25] = 1
    fits.writeto(folder / "mask.fits", bad)
    item = run([str(folder / "a.fits")], read=ReadOptions(mask=str(folder / "mask.fits"), noise="2")).items[0]
    assert abs(item.params["einstein_radius"].median) < 0.02, "what was masked is not seen"
    assert item.flags == ("noise_doubtful",)


def test_the_batch_size_changes_nothing(folder, simulated):
    for inputs in ([str(folder)], [f"{simulated}:5-6", str(simulated)]):
        together, apart = run(inputs), run(inputs, batch=1)
        assert [item.params for item in together.items] == [item.params for item in apart.items]
        assert [item.truth for item in together.items] == [item.truth for item in apart.items]


def test_a_set_is_read_in_blocks(simulated, monkeypatch):
    read_rows = []
    images = StampSet.images
    monkeypatch.setattr(StampSet, "images", lambda self, rows: read_rows.append(rows) or images(self, rows))
    monkeypatch.setattr("lenssbi.refinement.pixels._single", None)
    items = run([str(simulated)], batch=3).items
    assert [item.status.startswith(Status.ALL_NAN.value) for item in items] == [i == 4 for i in range(7)]
    assert [item.truth["einstein_radius"] for item in items if item.ok] == [0, 1, 2, 3, 5, 6]
    assert max(rows.stop - rows.start for rows in read_rows) == 3
    assert items[6].params["einstein_radius"].median == pytest.approx(6, abs=0.02)


def test_a_stamp_that_is_unlike_the_training_is_flagged(simulated, monkeypatch, tmp_path):
    plain = run([str(simulated)], out=tmp_path / "plain.ecsv")
    assert all(item.misspecification is None and not item.flags for item in plain.items)
    assert np.isnan(read(tmp_path / "plain.ecsv")["misspecification"]).all()
    monkeypatch.setattr(Network, "card", CARD.model_copy(update={"misspecification": REFERENCE}))
    scored = run([str(simulated)], out=tmp_path / "scored.ecsv").items
    assert [item.flags for item in scored] == [(), (), (), ("misspecified",), (), *[("misspecified",)] * 2]
    table = read(tmp_path / "scored.ecsv")
    np.testing.assert_allclose(table["misspecification"], [0, 1, 2, 3, np.nan, 5, 6])
    assert table["misspecified"].tolist() == [False, False, False, True, False, True, True]


def test_an_imprecise_answer_is_flagged(folder, monkeypatch):
    paths = [str(folder / "a.fits"), str(folder / "b.fits")]
    monkeypatch.setattr(Network, "sigma", 0.15)
    items = run(paths).items
    assert [item.flags for item in items] == [("network_imprecise",), ()]
    assert items[0].network.flags == ("network_imprecise",)


def test_a_psf_unlike_the_training_s_is_flagged(simulated, folder, monkeypatch):
    monkeypatch.setattr(Network, "card", CARD.model_copy(update={"psf_fwhm": (0.18, 0.20)}))
    seen = [item.flags for item in run([str(simulated)]).items]
    # 0.16, 0.17 are too narrow and 0.22 is too wide by more than 5 per cent
    both = ("misspecified", "psf_unseen")
    assert seen == [both, both, (), (), (), (), both]
    # that of the files is 0.17 behind its pixel
    assert run([str(folder / "a.fits")]).items[0].flags == both
    monkeypatch.setattr(Network, "card", CARD.model_copy(update={"psf_fwhm": (0.17, 0.17)}))
    assert run([str(folder / "a.fits")]).items[0].flags == ()


def test_draws_on_request(simulated, tmp_path):
    result = run([str(simulated)], samples=tmp_path / "draws", out=tmp_path / "table.ecsv")
    assert len(list((tmp_path / "draws").iterdir())) == 6
    draws = load_samples(result.items[3].posterior)
    assert draws.names == (*NAMES, "q", "phi")
    assert draws.summary()["q"].median == pytest.approx(result.items[3].params["q"].median)
    assert str(read(tmp_path / "table.ecsv")["posterior"][3]) == result.items[3].posterior


def test_works_without_galsim(folder, monkeypatch):
    monkeypatch.setattr(lenssbi, "pipelines", lenssbi.pipelines)  # the import below puts another one there
    for name in [*sys.modules]:
        if name.startswith(("galsim", "lenssbi.rendering", "lenssbi.pipelines")):
            monkeypatch.delitem(sys.modules, name)
    for name in ("galsim", "lenssbi.rendering"):
        monkeypatch.setitem(sys.modules, name, None)
    fresh = importlib.import_module("lenssbi.pipelines.predict")
    assert fresh.run([str(folder / "b.fits")]).failed == 0


def test_a_single_bad_stamp_is_an_input_error(folder):
    with pytest.raises(InputError, match=r"text\.fits"):
        run([str(folder / "text.fits")])
    with pytest.raises(InputError, match=r"missing\.fits"):
        run([str(folder / "missing.fits")])


@pytest.mark.parametrize("name", ["text.fits/table.ecsv", "table.txt"])
def test_a_table_that_cannot_be_written_is_told_before_the_work(folder, name, monkeypatch):
    monkeypatch.setattr("lenssbi.estimators.load.load_estimator", lambda name: pytest.fail("the network is loaded"))
    with pytest.raises(InputError, match=name):
        run([str(folder)], out=folder / name)


def test_a_model_error_widens_what_the_network_says(folder):
    stamps = [str(folder / "a.fits"), str(folder / "b.fits")]
    error = ModelErrorConfig(einstein_radius=0.2, ellipticity=0.05)
    before, after = (run(stamps, model_error=e) for e in (ModelErrorConfig(), error))
    for one, other in zip(before.items, after.items, strict=True):
        assert other.params["einstein_radius"].sigma > 2 * one.params["einstein_radius"].sigma
        assert other.params["q"].sigma > 1.5 * one.params["q"].sigma
        assert other.params["einstein_radius"].median == pytest.approx(one.params["einstein_radius"].median, rel=0.03)
    assert "model_error" not in before.config
    assert after.config["model_error"]["einstein_radius"] == 0.2
    (alone,) = run(stamps[:1], model_error=error).items
    assert alone.params == after.items[0].params, "whatever else is asked about"


def test_the_command_takes_a_model_error(folder):
    from typer.testing import CliRunner

    from lenssbi_cli.main import app

    command = ["predict", str(folder / "a.fits"), "--model-error"]
    found = CliRunner().invoke(app, [*command, "einstein_radius=0.1", "--model-error", "ellipticity=0.02", "--json"])
    assert found.exit_code == 0, found.stderr
    error = json.loads(found.stdout)["config"]["model_error"]
    assert (error["einstein_radius"], error["ellipticity"]) == (0.1, 0.02)
    for wrong, word in (("radius=0.1", "einstein_radius"), ("0.1", "NAME=VALUE"), ("ellipticity=2", "ellipticity")):
        result = CliRunner().invoke(app, [*command, wrong])
        assert (result.exit_code, word in result.stderr) == (2, True), result.stderr
