"""`predict` from files to a table."""

import numpy as np
import pytest
from astropy.io import fits

from lenssbi.catalogue import read
from lenssbi.instrument import PSF
from lenssbi.pipelines.predict import run
from lenssbi.posteriors import GaussianMixture
from lenssbi.status import InputError, Status

NAMES, UNITS = ("einstein_radius", "e1", "e2"), ("arcsec", "", "")


class Network:
    """Answers with the mean of the image as the Einstein radius."""

    name, field = "made-up", (30, 30)

    def applies_to(self, stamp):
        return None if min(stamp.shape) >= 30 else f"it has {stamp.shape[0]} pixels, the estimator needs 30"

    def predict(self, images, noise, mask):
        assert images.shape[1:] == noise.shape[1:] == mask.shape[1:] == self.field
        return [
            GaussianMixture([[image.mean(), 0.2, 0.1]] * 3, [[0.1, 0.02, 0.02]] * 3, NAMES, UNITS) for image in images
        ]


@pytest.fixture(autouse=True)
def _made_up_network(monkeypatch):
    monkeypatch.setattr("lenssbi.estimators.load.load_estimator", lambda name: Network())
    # a uniform image is neither sky nor arcs
    monkeypatch.setattr("lenssbi.pipelines.predict.for_network", lambda stamp: stamp)


@pytest.fixture
def folder(tmp_path):
    """Stamps of 40x40, 30x30 and 20x20 pixels, and one that is no FITS file; the means of the first two are 1 and 2."""
    psf = PSF.gaussian(0.17).response(0.1, 1, 0.5)
    for name, side, level in (("a", 40, 1.0), ("b", 30, 2.0), ("small", 20, 1.0)):
        image = level + np.random.default_rng(0).normal(0, 0.1, size=(side, side))
        header = fits.Header({"CD1_1": -0.1 / 3600, "CD2_2": 0.1 / 3600, "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"})
        parts = [fits.ImageHDU(image, header, "SCI"), fits.ImageHDU(np.full((side, side), 0.1), name="RMS")]
        fits.HDUList([fits.PrimaryHDU(), *parts, fits.ImageHDU(psf, name="PSF")]).writeto(tmp_path / f"{name}.fits")
    (tmp_path / "text.fits").write_text("not an image")
    return tmp_path


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


def test_the_batch_size_changes_nothing(folder):
    together, apart = run([str(folder)]), run([str(folder)], batch=1)
    assert [item.params for item in together.items] == [item.params for item in apart.items]


def test_a_single_bad_stamp_is_an_input_error(folder):
    with pytest.raises(InputError, match=r"text\.fits"):
        run([str(folder / "text.fits")])
    with pytest.raises(InputError, match=r"missing\.fits"):
        run([str(folder / "missing.fits")])
