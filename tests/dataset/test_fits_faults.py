"""Faults of FITS files, each of which is a status."""

import gzip
import warnings

import numpy as np
import pytest
from astropy.io import fits

from lenssbi.dataset.fits import read_stamp
from lenssbi.status import ItemError, Status

from .made_up_cutouts import SHAPE, euclid, image, psf, write


@pytest.fixture(autouse=True)
def no_warnings():
    """Nothing that astropy has to say may reach the user."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def truncated(path, keep=0.5):
    whole = euclid(path).read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])
    return path


def text(path, content=b"RA DEC\n1 2\n"):
    path.write_bytes(content)
    return path


def table(path):
    fits.BinTableHDU.from_columns([fits.Column("a", "E", array=np.ones(3))]).writeto(path)
    return path


def damaged_gzip(path):
    path.write_bytes(gzip.compress(euclid(path, image()).read_bytes())[:4000])
    return path


def folder(path):
    path.mkdir()
    return path


BAD = {
    "missing": (lambda p: p, Status.NOT_FOUND),
    "folder": (folder, Status.NOT_FITS),
    "empty": (lambda p: text(p, b""), Status.TRUNCATED),
    "text": (text, Status.NOT_FITS),
    "one keyword": (lambda p: text(p, b"SIMPLE  =                    T"), Status.TRUNCATED),
    "nonsense after the signature": (lambda p: text(p, b"SIMPLE  =" + b"\xff\x00" * 4000), Status.NOT_FITS),
    "truncated": (truncated, Status.TRUNCATED),
    "truncated at its end": (lambda p: truncated(p, 0.97), Status.TRUNCATED),
    "truncated in a header": (lambda p: truncated(p, 0.15), Status.TRUNCATED),
    "truncated gzip": (damaged_gzip, Status.TRUNCATED),
    "no image at all": (table, Status.NO_IMAGE),
    "header only": (lambda p: write(p), Status.NO_IMAGE),
    "noise alone": (lambda p: write(p, ("RMS", np.ones(SHAPE))), Status.NO_IMAGE),
    "no noise": (lambda p: write(p, ("VIS_BGSUB", image()), ("VIS_PSF", psf())), Status.NO_NOISE),
    "no psf": (lambda p: write(p, ("SCI", image()), ("RMS", np.ones(SHAPE))), Status.NO_PSF),
    "other noise shape": (lambda p: euclid(p, noise=np.ones((5, 6))), Status.BAD_SHAPE),
    "even psf": (lambda p: euclid(p, kernel=np.ones((6, 7))), Status.BAD_SHAPE),
    "huge psf": (lambda p: euclid(p, kernel=psf(35)), Status.BAD_SHAPE),
    "zero psf": (lambda p: euclid(p, kernel=np.zeros((5, 5))), Status.BAD_PSF),
    "nan psf": (lambda p: euclid(p, kernel=np.full((5, 5), np.nan)), Status.BAD_PSF),
    "cube": (
        lambda p: write(p, ("SCI", np.ones((3, *SHAPE))), ("RMS", np.ones(SHAPE)), ("PSF", psf())),
        Status.BAD_SHAPE,
    ),
    "one axis": (lambda p: write(p, ("SCI", np.ones(50)), ("RMS", np.ones(50)), ("PSF", psf())), Status.BAD_SHAPE),
    "nan image": (lambda p: euclid(p, np.full(SHAPE, np.nan)), Status.ALL_NAN),
    "nan noise": (lambda p: euclid(p, noise=np.full(SHAPE, np.nan)), Status.ALL_NAN),
    "zero noise": (lambda p: euclid(p, noise=np.zeros(SHAPE)), Status.ALL_NAN),
    "blank image": (lambda p: euclid(p, np.zeros(SHAPE)), Status.ALL_NAN),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_file_is_a_status(tmp_path, case, capfd):
    make, status = BAD[case]
    path = make(tmp_path / "bad.fits")
    with pytest.raises(ItemError) as caught:
        read_stamp(path)
    assert caught.value.status is status
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("option", ["noise", "psf"])
def test_bad_companion_is_named(tmp_path, option):
    path = euclid(tmp_path / "lens.fits")
    with pytest.raises(ItemError, match=r"nowhere\.fits"):
        read_stamp(path, **{option: tmp_path / "nowhere.fits"})
    wrong = tmp_path / "wrong.fits"
    fits.writeto(wrong, np.ones((4, 4)))
    with pytest.raises(ItemError, match=r"wrong\.fits") as caught:
        read_stamp(path, **{option: wrong})
    assert caught.value.status is Status.BAD_SHAPE


def test_bad_pixel_scale_option(tmp_path):
    with pytest.raises(ItemError, match="got -1"):
        read_stamp(euclid(tmp_path / "lens.fits"), pixel_scale=-1.0)
