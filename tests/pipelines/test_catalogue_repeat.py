"""A catalogue's folder says all that shaped it: it is exported, made again, and not replaced by another."""

import json

import numpy as np
import pytest
from astropy.io import fits
from typer.testing import CliRunner

from lenssbi import catalogue as tables
from lenssbi.dataset.reading import ReadOptions
from lenssbi.pipelines import catalogue, export, predict
from lenssbi.pipelines.catalogue import CatalogueConfig
from lenssbi.pipelines.catalogue.folder import CatalogueFolder
from lenssbi.status import InputError

from .made_up_rings import PSF, SIDE, rings, untrained

SCALE = 0.1


@pytest.fixture(scope="module")
def estimator(tmp_path_factory):
    return untrained(tmp_path_factory.mktemp("estimator"))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Two bare images, their noise and PSF in files of their own; they are named as seen from the folder."""
    monkeypatch.chdir(tmp_path)
    images = rings(2)
    place = {
        "CTYPE1": "RA---TAN",
        "CTYPE2": "DEC--TAN",
        "CRVAL1": 57.25,
        "CRVAL2": -20.5,
        "CRPIX1": 20.5,
        "CRPIX2": 20.5,
    }
    header = fits.Header(place | {"CDELT1": -SCALE / 3600, "CDELT2": SCALE / 3600, "MAGZERO": 24.6})
    for key in ("CDELT1", "CDELT2"):  # a scale that only the option says
        header[key] = header[key] * 2
    (tmp_path / "img").mkdir()
    for name, image in zip("ab", images, strict=True):
        fits.writeto(tmp_path / "img" / f"{name}.fits", image, header)
    fits.writeto(tmp_path / "rms.fits", np.full_like(images[0], 5.0))
    fits.writeto(tmp_path / "psf.fits", PSF.gaussian(0.17).response(SCALE, 1, 0.5))
    return tmp_path


@pytest.fixture
def run(here, estimator):
    def run(inputs=("img",), out="cat"):
        config = CatalogueConfig(refine="none", estimator=str(estimator), tables=("ecsv",))
        read = ReadOptions(noise=here / "rms.fits", psf=here / "psf.fits", pixel_scale=SCALE)
        return catalogue.run(list(inputs), config=config, out=here / out, read=read)

    return run


def rows(path):
    table = tables.read(path)
    table.remove_column("seconds")
    return table.pformat(max_width=-1, max_lines=-1)


def test_a_run_can_be_repeated_from_its_folder(run, here, monkeypatch):
    first = run()
    monkeypatch.chdir(here / "img")
    again = catalogue.repeat(here / "cat", out=here / "again")
    assert rows(again.path) == rows(first.path)
    cards = [json.loads((here / name / "run.json").read_text()) for name in ("cat", "again")]
    for card in cards:
        assert card["read"] == {"noise": f"{here}/rms.fits", "psf": f"{here}/psf.fits", "pixel_scale": SCALE}
    assert cards[0]["config"] == cards[1]["config"]


def test_the_network_of_a_run_has_a_name(here, estimator):
    from lenssbi.estimators.load import DEFAULT
    from lenssbi.pipelines.catalogue.job import Job

    assert Job.of(CatalogueConfig(), here).config.estimator == DEFAULT
    assert Job.of(CatalogueConfig(estimator=str(estimator)), here).config.estimator == str(estimator.absolute())


def test_what_the_options_said_is_in_the_export(run, here):
    api = pytest.importorskip("coolest.api.util")
    run()
    (path, _) = export.run([here / "cat"], to="coolest", out=here / "co").paths
    lens = api.get_coolest_object(str(path.with_suffix("")))
    assert lens.instrument.pixel_size == SCALE
    assert lens.observation.pixels.shape == (SIDE, SIDE)
    assert lens.observation.mag_zero_point == 24.6
    assert lens.coordinates_origin.ra == "03h49m00s"
    stored = fits.getdata(here / "img" / "a.fits")
    np.testing.assert_allclose(lens.observation.pixels.get_pixels(str(here / "co")), stored, rtol=1e-6)


def test_the_stamp_is_remembered_where_its_files_have_gone(run, here):
    run()
    samples = CatalogueFolder.open(here / "cat").samples("a")
    for file in (here / "img").iterdir():
        file.unlink()
    said = samples.info["observation"]
    assert (said["shape"], said["pixel_scale"], said["zero_point"]) == ([SIDE, SIDE], SCALE, 24.6)
    assert (said["ra"], said["dec"]) == pytest.approx((57.25, -20.5), abs=1e-4)
    (path, _) = export.run([here / "cat"], to="coolest", out=here / "co").paths
    written = json.loads(path.read_text())
    assert written["instrument"]["pixel_size"] == SCALE
    assert written["observation"]["pixels"]["num_pix_x"] == SIDE
    assert np.isnan(fits.getdata(here / "co" / "a.fits")).all()
    assert "every pixel is blank" in " ".join(written["meta"]["notes"])


def test_place_and_signal_are_in_the_tables_of_both_commands(run, here, estimator):
    read = ReadOptions(noise=here / "rms.fits", psf=here / "psf.fits", pixel_scale=SCALE)
    predict.run(["img"], estimator=estimator, out=here / "table.ecsv", samples=here / "draws", read=read)
    for table in (tables.read(run().path), tables.read(here / "table.ecsv")):
        np.testing.assert_allclose(table["ra"].tolist(), 57.25, atol=1e-4)
        np.testing.assert_allclose(table["dec"].tolist(), -20.5, atol=1e-4)
        y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
        ring = np.sort(50 * np.exp(-((np.hypot(x, y) - 10) ** 2) / 8), axis=None)[::-1]
        expected = np.max(np.cumsum(ring) / (5 * np.sqrt(np.arange(1, ring.size + 1))))
        assert table["snr"][0] == pytest.approx(expected, rel=0.1)
    from lenssbi.posteriors import load_samples

    assert load_samples(here / "draws" / "a.h5").info["observation"]["pixel_scale"] == SCALE


def test_a_catalogue_of_other_stamps_is_not_overwritten(run, here):
    first = run(["img/a.fits"])
    before = rows(first.path)
    with pytest.raises(InputError, match=r"a catalogue of other stamps \(.*a\.fits is not") as caught:
        run(["img/b.fits"])
    assert "--out" in str(caught.value)
    assert rows(first.path) == before
    assert len(tables.read(run(["img"]).path)) == 2, "it may grow"


class TestCommand:
    @pytest.fixture(autouse=True)
    def _main(self):
        self.app = pytest.importorskip("lenssbi_cli.main").app

    def run(self, *arguments):
        return CliRunner().invoke(self.app, ["catalogue", *map(str, arguments)])

    def test_repeat_goes_alone(self, run, here):
        run()
        for more in (["img"], ["--seed", 3], ["--pixel-scale", 0.1], ["--set", "draws=3"]):
            result = self.run("--repeat", here / "cat", *more)
            assert result.exit_code == 2
            assert "leave out" in result.stderr
        result = self.run("--repeat", here / "cat", "--out", here / "again", "--quiet")
        assert result.exit_code == 0, result.stderr
        assert rows(here / "again" / "catalogue.ecsv") == rows(here / "cat" / "catalogue.ecsv")

    def test_a_folder_of_an_older_version_says_so(self, run, here):
        run()
        card = json.loads((here / "cat" / "run.json").read_text())
        del card["read"]
        (here / "cat" / "run.json").write_text(json.dumps(card))
        result = self.run("--repeat", here / "cat")
        assert result.exit_code == 2
        assert "give the whole command" in result.stderr
