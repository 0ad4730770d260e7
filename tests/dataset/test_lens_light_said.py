"""Lens galaxies are declared by an option, a table, or a header; the sky of a set is subtracted like that of a file."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from lenssbi.dataset.fits import read_stamp
from lenssbi.dataset.hdf5 import write_set
from lenssbi.dataset.inputs import expand_inputs
from lenssbi.instrument import PSF as PointSpread
from lenssbi.refinement.lens_light import has_lens_light
from lenssbi.status import ItemError, Status

from .made_up_fits import PSF, SHAPE, image, stamp


def said(source):
    return source.load().info.get("lens_light_subtracted")


def a_set(path, images, subtracted):
    block = {
        "images": images.astype("f4"),
        "noise": np.ones(images.shape, "f4"),
        "params": {"einstein_radius": np.ones(len(images))},
        "info": {"magnification": np.ones(len(images))},
    }
    attributes = {"seed": 1, "config": "", "lenssbi_version": "0", "pixel_scale": 0.1, "zero_point": 25.5}
    attributes |= {"band": "VIS", "unit": "electron", "psf": PointSpread(PSF, 0.1), "lens_light_subtracted": subtracted}
    write_set(path, [block], len(images), {"einstein_radius": "arcsec"}, attributes)
    return path


@pytest.mark.parametrize(("word", "answer"), [("none", True), (" None ", True), ("auto", None), ("", None)])
def test_the_header_says_it(tmp_path, word, answer):
    path = stamp(tmp_path / "a.fits", PIXSCALE=0.1, LENSLGHT=word)
    assert read_stamp(path).info.get("lens_light_subtracted") is answer
    assert has_lens_light(read_stamp(path)) is not answer, "the made-up source is a galaxy in the middle"


def test_an_option_goes_before_the_header_and_a_column_before_the_option(tmp_path):
    stamp(tmp_path / "a.fits", PIXSCALE=0.1, LENSLGHT="none")
    stamp(tmp_path / "b.fits")
    inputs = [str(tmp_path / name) for name in ("a.fits", "b.fits")]
    assert [said(source) for source in expand_inputs(inputs)] == [True, None]
    assert [said(source) for source in expand_inputs(inputs, lens_light="auto")] == [None, None]
    assert [said(source) for source in expand_inputs(inputs, lens_light="none")] == [True, True]
    Table({"path": ["a.fits", "b.fits"], "Lens_Light": ["auto", ""]}).write(tmp_path / "list.csv")
    listed = [str(tmp_path / "list.csv")]
    assert [said(source) for source in expand_inputs(listed, lens_light="none")] == [None, True]
    assert expand_inputs(listed, lens_light="none")[1].load().info["read"]["lens_light"] == "none"


def test_it_is_said_of_the_stamps_of_a_set_too(tmp_path):
    path = a_set(tmp_path / "set.h5", image()[None], subtracted=True)
    for word, answer in ((None, True), ("none", True), ("auto", None)):
        assert [said(source) for source in expand_inputs([str(path)], lens_light=word)] == [answer]


def test_any_other_word_is_a_status(tmp_path):
    path = stamp(tmp_path / "a.fits", PIXSCALE=0.1, LENSLGHT="maybe")
    Table({"path": ["a.fits"], "lens_light": ["some"]}).write(tmp_path / "list.csv")
    for given in (path, tmp_path / "list.csv"):
        (source,) = expand_inputs([str(given)])
        with pytest.raises(ItemError, match=r"a\.fits|a: ") as caught:
            source.load()
        assert caught.value.status is Status.BAD_LIGHT
        assert "--lens-light" in str(caught.value)


@pytest.mark.parametrize("sky", [30.0, 300.0])
@pytest.mark.parametrize("galaxy", [False, True])
def test_a_sky_is_no_lens_galaxy(sky, galaxy):
    """A stamp that was made in Python, whose sky nobody has looked at."""
    found = []
    for seed in range(8):
        noise = np.random.default_rng(seed).normal(size=SHAPE)
        data = image(seed=seed) if galaxy else noise
        bare = replace(_plain(), image=data + sky)
        found.append(has_lens_light(bare))
    assert found == [galaxy] * 8


def _plain():
    from lenssbi.dataset.stamp import Stamp

    return Stamp(image(), np.ones(SHAPE), np.ones(SHAPE, bool), PointSpread(PSF, 0.1), 0.1, "made in Python")


@pytest.mark.parametrize("sky", [0.0, 0.5, 100.0])
def test_an_observed_set_and_a_file_of_it_agree(tmp_path, sky):
    data = image() + sky
    data = data.astype("f4").astype(float)
    path = a_set(tmp_path / "set.h5", data[None], subtracted=False)
    fits.HDUList([fits.PrimaryHDU(data), fits.ImageHDU(np.ones(SHAPE), name="ERR")]).writeto(tmp_path / "a.fits")
    fits.writeto(tmp_path / "psf.fits", PSF)
    (of_set,) = (source.load() for source in expand_inputs([str(path)]))
    (of_file,) = (
        source.load()
        for source in expand_inputs([str(tmp_path / "a.fits")], psf=str(tmp_path / "psf.fits"), pixel_scale=0.1)
    )
    np.testing.assert_array_equal(of_set.image, of_file.image)
    assert of_set.flags == of_file.flags == (("background_removed",) if sky > 3 else ())
    assert np.abs(of_set.image - image()).max() < 0.2


def test_the_sky_of_a_simulation_is_zero_by_construction(tmp_path):
    (source,) = expand_inputs([str(a_set(tmp_path / "set.h5", image()[None] + 100, subtracted=True))])
    np.testing.assert_array_equal(source.load().image, (image() + 100).astype("f4"))
