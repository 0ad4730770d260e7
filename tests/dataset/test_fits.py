"""FITS stamps: both layouts, masks, PSFs and pixel scales."""

import gzip
import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from lenssbi.dataset.fits import read_stamp
from lenssbi.dataset.header import SCALE_KEYWORDS
from lenssbi.status import ItemError, Status

from .made_up_cutouts import SHAPE, euclid, image, psf, write

REAL = Path(__file__).parents[3] / "shared/data/euclid_q1"
BRIGHT, FAINT = REAL / "102020532_NEG589257492489565961.fits", REAL / "102018665_NEG570040238507752998.fits"


@pytest.fixture(autouse=True)
def no_warnings():
    """Nothing that astropy has to say may reach the user."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize("suffix", ["BGSUB", "FLUX"])
def test_euclid_cutout(tmp_path, suffix):
    data = image()
    stamp = read_stamp(euclid(tmp_path / "lens.fits", data, suffix=suffix))
    np.testing.assert_array_equal(stamp.image, data)
    assert (stamp.pixel_scale, stamp.zero_point, stamp.unit, stamp.name) == (0.1, 24.6, "ADU/s", "lens")
    assert stamp.psf.kind == "effective"
    assert stamp.psf.pixel_scale == 0.1
    assert stamp.psf.image.sum() == pytest.approx(1)
    assert stamp.mask.all()
    assert stamp.info["ra"] == pytest.approx(57.0, abs=1e-9)


def test_other_band_and_its_absence(tmp_path):
    path = euclid(tmp_path / "lens.fits", band="NIR_Y")
    assert read_stamp(path, band="NIR_Y").band == "NIR_Y"
    with pytest.raises(ItemError, match="it has the bands NIR_Y, not VIS"):
        read_stamp(path)


def test_a_plain_image_says_its_band(tmp_path):
    path = write(tmp_path / "plain.fits", ("SCI", image()), ("RMS", np.ones(SHAPE)), ("PSF", psf()))
    assert read_stamp(path).band == "VIS", "what was asked for, where the file does not say"
    with fits.open(path, mode="update") as hdus:
        hdus["SCI"].header["FILTER"] = "F814W"
    assert read_stamp(path).band == "F814W"


def test_flagged_pixels_are_masked(tmp_path):
    data, noise = image(), np.full(SHAPE, 0.5)
    noise[0, :5] = [np.nan, np.inf, 0.0, -1.0, 1e16]
    noise[1, 0], data[2, 3] = 1e-9, np.nan
    stamp = read_stamp(euclid(tmp_path / "lens.fits", data, noise))
    expected = np.ones(SHAPE, bool)
    expected[0, :5] = expected[1, 0] = expected[2, 3] = False
    np.testing.assert_array_equal(stamp.mask, expected)
    assert np.isfinite(stamp.image).all()
    assert (stamp.noise == 0.5).all()
    assert stamp.info["masked"] == 7


def test_mostly_flagged_stamp(tmp_path):
    noise = np.full(SHAPE, 1e16)
    noise[:8] = 0.5
    assert read_stamp(euclid(tmp_path / "lens.fits", image(), noise)).mask.sum() == 8 * SHAPE[1]


@pytest.mark.parametrize(
    ("names", "primary"),
    [
        (("SCI", "ERR", "PSF"), None),
        (("IMAGE", "NOISE_MAP", "PSF"), None),
        (("", "RMS", "psf"), None),
        (("NOISE", "PSF"), "image"),
    ],
)
def test_plain_extensions(tmp_path, names, primary):
    data = image()
    planes = {"PSF": psf(), "psf": psf()}
    contents = [(n, planes.get(n, data if k == 0 and primary is None else np.ones(SHAPE))) for k, n in enumerate(names)]
    path = write(tmp_path / "lens.fits", *contents, primary=data if primary else None)
    stamp = read_stamp(path, pixel_scale=0.2)
    np.testing.assert_array_equal(stamp.image, data)
    assert (stamp.noise == 1).all()
    assert stamp.pixel_scale == 0.2


def test_separate_files(tmp_path):
    data = image()
    for name, plane in {"image": data, "noise": np.ones(SHAPE), "psf": psf()}.items():
        fits.writeto(tmp_path / f"{name}.fits", plane)
    files = {"noise": tmp_path / "noise.fits", "psf": str(tmp_path / "psf.fits")}
    stamp = read_stamp(tmp_path / "image.fits", **files, pixel_scale=0.05)
    np.testing.assert_array_equal(stamp.image, data)
    assert stamp.unit == ""
    assert stamp.zero_point is None
    with pytest.raises(ItemError, match="--pixel-scale"):
        read_stamp(tmp_path / "image.fits", **files)


def test_finer_psf_keeps_its_own_sampling(tmp_path):
    path = write(tmp_path / "lens.fits", ("SCI", image()), ("RMS", np.ones(SHAPE)))
    fits.writeto(tmp_path / "psf.fits", psf(63), fits.Header({"PIXSCALE": 0.025}))
    stamp = read_stamp(path, psf=tmp_path / "psf.fits")
    assert (stamp.psf.pixel_scale, stamp.pixel_scale) == (0.025, 0.1)


@pytest.mark.parametrize(
    ("header", "scale"),
    [
        ({"CD1_1": 0.0, "CD1_2": 2e-5, "CD2_1": 2e-5, "CD2_2": 0.0}, 0.072),
        ({"CDELT1": -2e-5, "CDELT2": 2e-5}, 0.072),
        ({"PC1_1": 0.6, "PC1_2": -0.8, "PC2_1": 0.8, "PC2_2": 0.6, "CDELT1": -2e-5, "CDELT2": 2e-5}, 0.072),
        ({"CDELT1": 0.2, "CDELT2": 0.2, "CUNIT1": "arcsec"}, 0.2),
        ({"PIXSCALE": 0.3}, 0.3),
        ({"CDELT1": 1.0, "CDELT2": 1.0}, None),
        ({"PIXSCALE": "unknown"}, None),
        ({"CDELT1": 1.0, "CDELT2": 1.0, "PIXSCALE": 0.1}, 0.1),
        ({"CDELT1": 1.0, "CDELT2": 1.0, "CTYPE1": "RA---TAN", "CUNIT1": "deg", "SECPIX": 0.1}, 0.1),
        ({"CDELT1": 1.0, "CDELT2": 1.0, "PC1_1": 1.0, "PC2_2": 1.0, "PIXSCALX": 0.04, "PIXSCALY": 0.04}, 0.04),
        ({"CDELT1": 0.05, "CDELT2": 0.05}, None),  # neither 180 arcsec nor a pixel in an unknown unit
        ({"CDELT1": 0.01, "CDELT2": 0.01}, None),
        ({"CDELT1": 0.001, "CDELT2": 0.001, "PIXSCALE": 0.1}, 0.1),
        ({"CDELT1": 2e-5, "CDELT2": 2e-5, "CTYPE1": "RA---TAN", "PIXSCALE": 0.1}, 0.072),
        ({"CDELT1": 50.0, "CDELT2": 50.0, "CUNIT1": "mas"}, 0.05),
        ({"CDELT1": 1.0, "CDELT2": 1.0, "CUNIT1": "pixel", "PIXSCALE": "0.2"}, 0.2),
        ({"CDELT1": "wide", "CDELT2": 2e-5}, None),
        *(({key if len(key) <= 8 else f"HIERARCH {key}": 0.1}, 0.1) for key in SCALE_KEYWORDS),
    ],
)
def test_pixel_scale(tmp_path, header, scale):
    hdus = [fits.PrimaryHDU(image(), fits.Header(header))]
    hdus += [fits.ImageHDU(np.ones(SHAPE), name="RMS"), fits.ImageHDU(psf(), name="PSF")]
    fits.HDUList(hdus).writeto(tmp_path / "lens.fits")
    if scale is None:
        with pytest.raises(ItemError) as caught:
            read_stamp(tmp_path / "lens.fits")
        assert caught.value.status is Status.NO_PIXEL_SCALE
    else:
        assert read_stamp(tmp_path / "lens.fits").pixel_scale == pytest.approx(scale, rel=1e-9)


@pytest.mark.parametrize(
    "header", [{"CDELT1": -2e-5, "CDELT2": 4e-5}, {"PIXSCAX": 0.1, "PIXSCAY": 0.2}, {"CD1_1": 2e-5, "CD2_2": 1e-5}]
)
def test_pixels_that_are_not_square_are_refused(tmp_path, header):
    hdus = [fits.PrimaryHDU(image(), fits.Header(header))]
    hdus += [fits.ImageHDU(np.ones(SHAPE), name="RMS"), fits.ImageHDU(psf(), name="PSF")]
    fits.HDUList(hdus).writeto(tmp_path / "lens.fits")
    with pytest.raises(ItemError, match="--pixel-scale") as caught:
        read_stamp(tmp_path / "lens.fits")
    assert caught.value.status is Status.NOT_SQUARE
    assert read_stamp(tmp_path / "lens.fits", pixel_scale=0.1).pixel_scale == 0.1


@pytest.mark.parametrize("compressed", [False, True])
def test_the_padding_of_the_last_block_may_be_missing(tmp_path, compressed):
    data = np.random.default_rng(2).normal(size=(31, 33)).astype("f4")
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(np.ones(SHAPE), name="RMS"), fits.ImageHDU(psf(), name="PSF")]
    last = fits.CompImageHDU(data, name="SCI", compression_type="GZIP_1", quantize_level=0) if compressed else None
    hdus.append(last or fits.ImageHDU(data, name="SCI"))
    fits.HDUList(hdus).writeto(tmp_path / "whole.fits")
    whole = (tmp_path / "whole.fits").read_bytes()
    ended = whole.rstrip(b"\0") + b"\0\0\0" * compressed  # gzip ends with the length of what it holds
    assert len(whole) - len(ended) > 500
    (tmp_path / "short.fits").write_bytes(ended)
    np.testing.assert_allclose(read_stamp(tmp_path / "short.fits", pixel_scale=0.1).image, data, rtol=1e-6)
    (tmp_path / "cut.fits").write_bytes(ended[:-40])
    with pytest.raises(ItemError) as caught:
        read_stamp(tmp_path / "cut.fits", pixel_scale=0.1)
    assert caught.value.status is Status.TRUNCATED


@pytest.mark.parametrize("option", ["path", "noise", "psf", "mask"])
def test_names_that_no_file_can_have(tmp_path, option):
    path, name = euclid(tmp_path / "lens.fits"), "x" * 300 + ".fits"
    with pytest.raises(ItemError, match="name too long"):
        read_stamp(name) if option == "path" else read_stamp(path, **{option: name})


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    path = euclid(tmp_path / "lens.fits")

    def denied(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(ItemError, match="Permission denied"):
        read_stamp(path)


def test_compressed_and_degenerate_axes(tmp_path):
    data = image()
    hdus = [
        fits.PrimaryHDU(),
        fits.CompImageHDU(data.astype("f4"), name="SCI", quantize_level=0, compression_type="GZIP_1"),
    ]
    hdus += [fits.ImageHDU(np.ones((1, *SHAPE)), name="RMS"), fits.ImageHDU(psf(), name="PSF")]
    fits.HDUList(hdus).writeto(tmp_path / "a.fits")
    (tmp_path / "b.fits.gz").write_bytes(gzip.compress((tmp_path / "a.fits").read_bytes()))
    for name in ("a.fits", "b.fits.gz"):
        stamp = read_stamp(tmp_path / name, pixel_scale=0.1)
        np.testing.assert_allclose(stamp.image, data, rtol=1e-6)
    assert stamp.name == "b"


@pytest.mark.skipif(not REAL.is_dir(), reason="the real stamps of ../shared/data/euclid_q1 are not here")
def test_real_cutouts():
    faint, bright = read_stamp(FAINT), read_stamp(BRIGHT)
    assert (faint.shape, bright.shape) == ((100, 100), (300, 300))
    for stamp in (faint, bright):
        assert (stamp.pixel_scale, stamp.zero_point, stamp.unit) == (0.1, 24.6, "ADU/s")
        assert 0.15 < stamp.psf.fwhm < 0.2
        assert stamp.noise.max() < 0.1
    assert faint.mask.sum() == 10000 - 51
    # the names of the files are the positions
    assert (faint.info["ra"], faint.info["dec"]) == pytest.approx((57.0040238, -50.7752998), abs=2e-5)
    peak = np.array(np.unravel_index(bright.image.argmax(), bright.shape))
    assert np.hypot(*(peak - 149.5)) < 3, "the lens galaxy is in the middle"
