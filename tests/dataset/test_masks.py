"""Masks of stamps: region files of DS9, stamps of sets, and what is no mask of an image."""

import builtins

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from typer.testing import CliRunner

from lenssbi.dataset.fits import read_stamp
from lenssbi.dataset.hdf5 import write_set
from lenssbi.dataset.inputs import expand_inputs
from lenssbi.dataset.region_files import pixels_inside
from lenssbi.instrument import PSF
from lenssbi.status import InputError, ItemError, Status
from lenssbi_cli.main import app

from .made_up_fits import SHAPE, image, stamp
from .made_up_mosaics import cards

Y, X = np.indices(SHAPE) + 1  # as DS9 counts


@pytest.fixture
def needs_regions():
    pytest.importorskip("regions", reason="region files are read by the package regions")


def write_regions(path, *lines):
    path.write_text("\n".join(["# Region file format: DS9 version 4.1", "global color=green dash=0", *lines]))
    return path


def refused(*args, **options):
    with pytest.raises(ItemError) as caught:
        read_stamp(*args, **options)
    assert caught.value.status is Status.BAD_MASK
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.usefixtures("needs_regions")
class TestRegionFiles:
    def test_what_lies_inside_is_bad(self, tmp_path):
        lines = ("image", "circle(10,12,3)", "box(30,30,5,3,0) # color=red", "-circle(10,12,1.2)", "point(3,3)")
        mask = write_regions(tmp_path / "a.reg", *lines)
        read = read_stamp(stamp(tmp_path / "a.fits"), mask=mask)
        ring = (np.hypot(X - 10, Y - 12) < 3) & ~(np.hypot(X - 10, Y - 12) < 1.2)
        expected = ring | ((np.abs(X - 30) < 2.5) & (np.abs(Y - 30) < 1.5))
        np.testing.assert_array_equal(read.mask, ~expected)
        assert read.info["masks"] == {"a.reg": int(expected.sum())}

    @pytest.mark.parametrize("keywords", [{}, {"angle": 37.0}, {"flip": True}], ids=["north up", "turned", "flipped"])
    def test_celestial_regions_are_placed_by_the_wcs(self, tmp_path, keywords):
        header = cards(shape=SHAPE, **keywords)
        ra, dec = map(float, WCS(fits.Header(header)).all_pix2world(24, 14, 1))
        mask = write_regions(tmp_path / "a.reg", "icrs", f'circle({ra:.9f},{dec:.9f},0.52")')
        read = read_stamp(stamp(tmp_path / "a.fits", **header), mask=mask)
        np.testing.assert_array_equal(read.mask, ~(np.hypot(X - 24, Y - 14) < 5.2))

    @pytest.mark.parametrize(
        ("lines", "says"),
        [
            (["fk5", 'circle(57.4,-51.0,1")'], "no WCS: save them in image coordinates"),
            (["physical", "circle(10,12,3)"], '"physical" frame or shape is not supported'),
            (["circle(10,12,3)"], "coordinate frame was not found"),
            (["image", "circle(10,12,3)", "panda(10,12,0,90,1,2,5,1)"], '"panda" frame or shape is not supported'),
            (["image", "point(3,3)"], "none of its regions has an inside"),
            (["image", "-circle(10,12,3)"], "none of its regions has an inside that is to be masked"),
            (["image", "circle(10,12,3)", "circle(nan,12,3)"], "circle(nan,12,3): a coordinate that is no number"),
            (["image", "circle(20,20,300)"], "a.reg marks every pixel as bad"),
            (["image", "circle(10,12"], "image or in fk5 coordinates"),
        ],
    )
    def test_what_cannot_be_a_mask_is_refused(self, tmp_path, lines, says):
        message = refused(stamp(tmp_path / "a.fits"), mask=write_regions(tmp_path / "a.reg", *lines))
        assert says in message
        assert "a.reg" in message
        assert "--mask" in message

    def test_more_than_half_may_be_masked(self, tmp_path):
        mask = write_regions(tmp_path / "a.reg", "image", "box(20,20,100,30,0)")
        assert 0 < read_stamp(stamp(tmp_path / "a.fits"), mask=mask).mask.mean() < 0.5

    def test_binary_content_and_a_missing_file(self, tmp_path):
        (tmp_path / "a.reg").write_bytes(bytes(range(256)))
        assert "not a region file that can be read" in refused(stamp(tmp_path / "a.fits"), mask=tmp_path / "a.reg")
        with pytest.raises(ItemError, match="no such file"):
            pixels_inside(tmp_path / "b.reg", SHAPE, {})

    def test_check_shows_the_mask_and_the_convention(self, tmp_path):
        path = stamp(tmp_path / "a.fits", {"DQ": np.zeros(SHAPE, int)})
        mask = write_regions(tmp_path / "a.reg", "image", "circle(10,12,3)")
        done = CliRunner().invoke(app, ["check", str(path), "--mask", str(mask)])
        assert (done.exit_code, "bad pixels: a.reg 25\n" in done.stdout) == (0, True), done.output
        assert "convention of masks: 0 is good" in done.stdout
        done = CliRunner().invoke(app, ["check", str(path)])
        assert "bad pixels: DQ 0\n" in done.stdout

    def test_a_table_names_them(self, tmp_path):
        stamp(tmp_path / "a.fits")
        write_regions(tmp_path / "a.reg", "image", "circle(10,12,3)")
        (tmp_path / "list.csv").write_text("path,mask\na.fits,a.reg\n")
        (source,) = expand_inputs([str(tmp_path / "list.csv")])
        assert (~source.load().mask).sum() == 25


def test_without_the_package_one_sentence_says_what_to_install(tmp_path, monkeypatch):
    real = builtins.__import__

    def missing(name, *args, **more):
        if name.partition(".")[0] == "regions":
            raise ImportError(name)
        return real(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    path = stamp(tmp_path / "a.fits")
    with pytest.raises(InputError, match=r"x\.reg: region files need the package regions: pip install 'lenssbi\[regi"):
        expand_inputs([str(path)], mask="x.reg")
    done = CliRunner().invoke(app, ["check", str(path), "--mask", str(tmp_path / "x.reg")])
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    ("mask", "says"),
    [
        (np.ones(SHAPE), "mask.fits marks every pixel as bad"),
        (np.zeros((43, 41)), "mask.fits has 43x41 pixels, the image 41x43"),
    ],
    ids=["everything", "transposed"],
)
def test_a_file_that_is_no_mask_is_named(tmp_path, mask, says):
    fits.writeto(tmp_path / "mask.fits", mask)
    assert says in refused(stamp(tmp_path / "a.fits"), mask=tmp_path / "mask.fits")


def write_small_set(path):
    images = np.stack([image(seed=seed).astype("f4") for seed in range(3)])
    block = {"images": images, "noise": np.ones_like(images), "params": {"e1": np.zeros(3)}}
    block["info"] = {"snr": np.ones(3)}
    attributes = {"seed": 4, "config": "", "lenssbi_version": "0", "pixel_scale": 0.1, "zero_point": 25.0}
    attributes |= {"band": "VIS", "unit": "electron", "psf": PSF.gaussian(0.17)}
    write_set(path, [block], 3, {"e1": ""}, attributes)
    return path


def test_stamps_of_a_set_take_a_mask_too(tmp_path):
    path, bad = write_small_set(tmp_path / "set.h5"), np.zeros(SHAPE, np.int16)
    bad[2:5, 3:7] = 4
    fits.writeto(tmp_path / "mask.fits", bad)
    for source in expand_inputs([f"{path}:1-2"], mask=tmp_path / "mask.fits"):
        read = source.load()
        np.testing.assert_array_equal(read.mask, bad == 0)
        assert (read.image[bad > 0] == 0).all()
        assert read.info["masks"] == {"mask.fits": 12}
    fits.writeto(tmp_path / "other.fits", bad[1:])
    (source,) = expand_inputs([f"{path}:0"], mask=tmp_path / "other.fits")
    with pytest.raises(ItemError, match="40x43 pixels, the image 41x43") as caught:
        source.load()
    assert caught.value.status is Status.BAD_MASK
    assert expand_inputs([f"{path}:0"], mask="none")[0].load().mask.all()
