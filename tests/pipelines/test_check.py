"""`lenssbi check` knows every kind of file that lenssbi writes, and says what is wrong with one."""

import numpy as np
import pytest
from astropy.io import fits

from lenssbi import catalogue
from lenssbi.dataset.hdf5 import write_set
from lenssbi.instrument import PSF
from lenssbi.pipelines import check
from lenssbi.posteriors import Samples
from lenssbi.status import InputError, ItemError


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


def test_a_stamp(tmp_path):
    rng = np.random.default_rng(1)
    image, noise = rng.normal(size=(60, 60)), np.ones((60, 60))
    psf = PSF.gaussian(0.2, pixel_scale=0.1, radius=0.5).image
    units = [
        fits.PrimaryHDU(),
        *(
            fits.ImageHDU(data, name=name)
            for name, data in zip(("SCI", "ERR", "PSF"), (image, noise, psf), strict=True)
        ),
    ]
    units[1].header["CDELT1"], units[1].header["CDELT2"] = -0.1 / 3600, 0.1 / 3600
    units[1].header["CTYPE1"], units[1].header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    fits.HDUList(units).writeto(tmp_path / "stamp.fits")
    found = check.run(tmp_path / "stamp.fits")
    assert found.kind == "stamp"
    assert found.details["shape"] == [60, 60]
    assert found.details["pixel_scale"] == pytest.approx(0.1)
    assert found.details["noise"]["sigma"] == pytest.approx(1.0, rel=0.1)


def test_an_estimator_that_is_none(tmp_path):
    with pytest.raises(InputError, match=r"estimator\.json"):
        check.run(tmp_path)


@pytest.mark.parametrize("name", ["stamp.fits", "posterior.h5", "table.ecsv"])
def test_a_file_that_is_not_what_its_name_says(tmp_path, name):
    (tmp_path / name).write_text("nothing of the kind")
    with pytest.raises((InputError, ItemError), match=name):
        check.run(tmp_path / name)
