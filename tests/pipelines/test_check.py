"""`lenssbi check` knows every kind of file that lenssbi writes, and says what is wrong with one."""

import numpy as np
import pytest
from astropy.io import fits
from typer.testing import CliRunner

from lenssbi import catalogue
from lenssbi.dataset.hdf5 import write_set
from lenssbi.dataset.reading import ReadOptions
from lenssbi.instrument import PSF
from lenssbi.pipelines import check
from lenssbi.posteriors import Samples
from lenssbi.status import InputError, ItemError
from lenssbi_cli.main import app


def write_small_set(path, images):
    block = {"images": images, "noise": np.ones_like(images), "params": {"e1": np.zeros(len(images))}, "info": {}}
    attributes = {"seed": 4, "config": "", "lenssbi_version": "0", "pixel_scale": 0.1, "zero_point": 25.0}
    attributes |= {"band": "VIS", "unit": "electron", "psf": PSF.gaussian(0.17)}
    write_set(path, [{**block, "info": {"snr": np.ones(len(images))}}], len(images), {"e1": ""}, attributes)
    return path


def test_a_set(tmp_path):
    found = check.run(write_small_set(tmp_path / "set.h5", np.zeros((3, 8, 8), np.float32)))
    assert found.kind == "set"
    assert found.as_json()["stamps"] == 3
    assert found.details["seed"] == 4


def test_a_set_with_a_hole(tmp_path):
    with pytest.raises(InputError, match="1 stamps have values that are not finite"):
        check.run(write_small_set(tmp_path / "set.h5", np.full((1, 8, 8), np.nan, np.float32)))


def test_a_posterior(tmp_path):
    draws = np.random.default_rng(0).normal(size=(50, 1))
    Samples(draws, ("einstein_radius",), ("arcsec",), log_evidence=-3.0).save(tmp_path / "lens.h5")
    found = check.run(tmp_path / "lens.h5")
    assert found.kind == "posterior"
    assert found.details["draws"] == 50
    assert found.details["params"]["einstein_radius"]["unit"] == "arcsec"


@pytest.mark.parametrize("suffix", [".ecsv", ".fits"])
def test_a_catalogue(tmp_path, suffix):
    path = catalogue.write(
        catalogue.build([{"name": "a", "status": "done"}, {"name": "b"}]), tmp_path / f"table{suffix}"
    )
    found = check.run(path)
    assert (found.kind, found.details["lenses"], found.details["done"]) == ("catalogue", 2, 1)


def planes(noise=True):
    rng = np.random.default_rng(1)
    image, psf = rng.normal(size=(60, 60)), PSF.gaussian(0.2, pixel_scale=0.1, radius=0.5).image
    header = fits.Header({"CDELT1": -0.1 / 3600, "CDELT2": 0.1 / 3600, "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"})
    errors = [fits.ImageHDU(np.ones((60, 60)), name="ERR")] if noise else []
    return [fits.ImageHDU(image, header, name="SCI"), *errors, fits.ImageHDU(psf, name="PSF")]


def write_stamp(path, *, first=(), noise=True, compressed=False):
    units = planes(noise)
    if compressed:
        units = [
            fits.CompImageHDU(u.data, u.header, u.name, compression_type="GZIP_1", quantize_level=0) for u in units
        ]
    fits.HDUList([fits.PrimaryHDU(), *first, *units]).writeto(path)
    return path


def test_a_stamp(tmp_path):
    found = check.run(write_stamp(tmp_path / "stamp.fits"))
    assert found.kind == "stamp"
    assert found.details["shape"] == [60, 60]
    assert found.details["pixel_scale"] == pytest.approx(0.1)
    assert found.details["noise"]["sigma"] == pytest.approx(1.0, rel=0.1)
    assert found.details["noise"]["ratio"] == pytest.approx(1.0, rel=0.1)
    assert found.details["flags"] == []


@pytest.mark.parametrize("suffix", [".fits", ".fit", ".fts", ".FITS", ".fits.gz", ".fits.fz"])
def test_what_predict_reads_can_be_checked(tmp_path, suffix):
    path = write_stamp(tmp_path / f"stamp{suffix}", compressed=suffix.endswith("fz"))
    assert check.run(path).kind == "stamp"


def test_a_table_before_the_image_makes_no_catalogue(tmp_path):
    table = fits.BinTableHDU.from_columns([fits.Column("a", "E", array=np.ones(3))])
    assert check.run(write_stamp(tmp_path / "stamp.fits", first=[table])).kind == "stamp"


def test_several_stamps(tmp_path):
    write_stamp(tmp_path / "a.fits")
    write_stamp(tmp_path / "b.fits")
    (tmp_path / "list.csv").write_text("path\na.fits\nb.fits\n")
    for path in (tmp_path, tmp_path / "list.csv"):
        assert (check.run(path).kind, check.run(path).details) == ("stamps", {"stamps": 2})
    path = write_small_set(tmp_path / "set.h5", np.random.default_rng(0).normal(size=(3, 30, 30)).astype("f4"))
    assert check.run(f"{path}:1").kind == "stamp"
    write_stamp(tmp_path / "c.fits", noise=False)
    with pytest.raises(
        InputError, match="1 of 3 stamps cannot be used, the first of them c: the file has no noise map"
    ):
        check.run(tmp_path)


def test_options_for_stamps(tmp_path):
    path = write_stamp(tmp_path / "a.fits", noise=False)
    with pytest.raises(ItemError, match="--noise"):
        check.run(path)
    assert check.run(path, ReadOptions(noise="10")).details["flags"] == ["noise_doubtful"]
    bad = np.zeros((60, 60), np.uint8)
    bad[:6] = 1
    fits.writeto(tmp_path / "bad.fits", bad)
    words = ["check", str(path), "--noise", "1", "--mask", str(tmp_path / "bad.fits"), "--pixel-scale", "0.2"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "usable: 0.9\n" in done.stdout
    assert "pixel scale: 0.2\n" in done.stdout
    assert "claimed 1, " in done.stdout
    assert "{" not in done.stdout


def test_an_estimator_that_is_none(tmp_path):
    with pytest.raises(InputError, match=r"estimator\.json"):
        check.run(tmp_path)


@pytest.mark.parametrize("name", ["stamp.fits", "posterior.h5", "table.ecsv"])
def test_a_file_that_is_not_what_its_name_says(tmp_path, name):
    (tmp_path / name).write_text("nothing of the kind")
    with pytest.raises((InputError, ItemError), match=name):
        check.run(tmp_path / name)
