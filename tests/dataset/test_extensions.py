"""What an extension is used for: noise maps that are none, masks, and what is given for either."""

import numpy as np
import pytest
from astropy.io import fits

from lenssbi.dataset.fits import read_stamp
from lenssbi.status import ItemError, Status

from .made_up_fits import PSF, SHAPE, image, stamp, write


def refused(*args, **options):
    with pytest.raises(ItemError) as caught:
        read_stamp(*args, **options)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.fixture
def bare(tmp_path):
    """An image with a PSF and without noise."""
    return write(tmp_path / "bare.fits", {"SCI": image(), "PSF": PSF})


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("WHT", "WHT is a weight"),
        ("DRZ_WEIGHT", "DRZ_WEIGHT is a weight"),
        ("SCI", "SCI is no noise map"),
        ("VIS_BGSUB", "VIS_BGSUB is no noise map"),
        ("PSF", "PSF is no noise map"),
        ("MASK", "MASK is no noise map"),
        ("SEG", "SEG is no noise map"),
    ],
)
def test_what_is_no_noise_map_by_its_name_is_refused(bare, tmp_path, name, says):
    write(tmp_path / "other.fits", {name: np.ones(SHAPE)})
    error = refused(bare, noise=tmp_path / "other.fits")
    assert error.status is Status.BAD_NOISE
    with pytest.raises(ItemError, match=says):
        read_stamp(bare, noise=tmp_path / "other.fits")


def test_the_noise_of_a_file_with_more_is_found(bare, tmp_path):
    write(tmp_path / "other.fits", {"SCI": image(), "WHT": np.full(SHAPE, 9.0), "ERR": np.full(SHAPE, 2.0)})
    assert (read_stamp(bare, noise=tmp_path / "other.fits").noise == 2).all()
    write(tmp_path / "unnamed.fits", {"SCI": image(), "MINE": np.full(SHAPE, 3.0)})
    assert (read_stamp(bare, noise=tmp_path / "unnamed.fits").noise == 3).all()


def test_the_image_is_not_its_own_noise(bare, tmp_path):
    fits.writeto(tmp_path / "nameless.fits", image())
    assert "is the image of" in refused(bare, noise=tmp_path / "nameless.fits").detail
    fits.writeto(tmp_path / "other.fits", image(seed=2))
    assert "negative" in refused(bare, noise=tmp_path / "other.fits").detail


@pytest.mark.parametrize("name", ["WHT", "WEIGHT", "DRZ_WEIGHT"])
def test_a_file_without_a_noise_map_says_how_to_make_one(tmp_path, name):
    error = refused(write(tmp_path / "a.fits", {"SCI": image(), name: np.ones(SHAPE), "PSF": PSF}))
    assert error.status is Status.NO_NOISE
    assert f"1/sqrt({name})" in error.detail
    assert "--noise" in error.detail


@pytest.mark.parametrize(
    ("name", "power"),
    [
        ("VAR", 2),
        ("VARIANCE", 2),
        ("VIS_VAR", 2),
        ("IVAR", -2),
        ("INVVAR", -2),
        ("vis_ivar", -2),
        ("ERR", 1),
        ("STD", 1),
    ],
)
@pytest.mark.parametrize("apart", [False, True])
def test_a_variance_becomes_one_sigma_and_says_so(bare, tmp_path, name, power, apart):
    sigma = np.linspace(0.8, 1.2, SHAPE[0] * SHAPE[1]).reshape(SHAPE)
    planes = {name: sigma**power}
    if apart:
        read = read_stamp(bare, noise=write(tmp_path / "noise.fits", {"SCI": image(), **planes}))
    else:
        read = read_stamp(write(tmp_path / "a.fits", {"SCI": image(), "PSF": PSF, **planes}))
    np.testing.assert_allclose(read.noise, sigma, rtol=1e-12)
    assert read.flags == (() if power == 1 else ("noise_converted",))


def test_pixels_without_variance_are_not_used(tmp_path):
    weight = np.ones(SHAPE)
    weight[:3], weight[3, :5], weight[4, :5] = 0.0, -1.0, np.nan
    read = read_stamp(write(tmp_path / "a.fits", {"SCI": image(), "PSF": PSF, "IVAR": weight}))
    np.testing.assert_array_equal(read.mask, weight > 0)
    assert (read.noise == 1).all()
    none = refused(write(tmp_path / "b.fits", {"SCI": image(), "PSF": PSF, "IVAR": np.zeros(SHAPE)}))
    assert (none.status, none.detail) == (Status.BAD_NOISE, "no pixel of IVAR is positive")


def test_a_noise_map_goes_before_a_variance(tmp_path):
    planes = {"SCI": image(), "VAR": np.full(SHAPE, 4.0), "ERR": np.ones(SHAPE), "PSF": PSF}
    read = read_stamp(write(tmp_path / "a.fits", planes))
    assert ((read.noise == 1).all(), read.flags) == (True, ())


def test_constant_noise_is_a_number(bare):
    assert (read_stamp(bare, noise="1.25").noise == 1.25).all()
    for wrong in ("0", "-3"):
        assert refused(bare, noise=wrong).status is Status.BAD_NOISE
    assert refused(bare, noise="nan").status is Status.NOT_FOUND


@pytest.mark.parametrize(
    ("factor", "flags"), [(1.0, ()), (4.0, ()), (8.0, ("noise_doubtful",)), (0.1, ("noise_doubtful",))]
)
def test_a_noise_map_that_the_sky_does_not_show_is_flagged(bare, factor, flags):
    assert read_stamp(bare, noise=str(factor)).flags == flags


@pytest.mark.parametrize("name", ["SCI", "RMS", "WHT", "MASK"])
def test_what_is_no_psf_by_its_name_is_refused(bare, tmp_path, name):
    write(tmp_path / "other.fits", {name: PSF})
    assert refused(bare, noise="1", psf=tmp_path / "other.fits").status is Status.BAD_PSF


def hole():
    bad = np.zeros(SHAPE, np.uint8)
    bad[5:11, 20:26] = 1
    return bad


@pytest.mark.parametrize("name", ["MASK", "DQ", "FLAG", "FLAGS", "VIS_FLAG", "BPM", "mask"])
def test_masks_are_honoured(tmp_path, name):
    data = image()
    data[hole() > 0] = 300.0
    read = read_stamp(stamp(tmp_path / "a.fits", {name: 4 * hole()}, data))
    np.testing.assert_array_equal(read.mask, hole() == 0)
    assert read.info["masked"] == 36
    assert (read_stamp(tmp_path / "a.fits", mask="none").mask).all()


def test_masks_add_up_and_an_option_goes_before_them(tmp_path):
    other = np.zeros(SHAPE, np.int16)
    other[-3:, -3:] = 256
    path = stamp(tmp_path / "a.fits", {"MASK": hole(), "DQ": other})
    np.testing.assert_array_equal(read_stamp(path).mask, (hole() == 0) & (other == 0))
    fits.writeto(tmp_path / "mask.fits", other)
    np.testing.assert_array_equal(read_stamp(path, mask=tmp_path / "mask.fits").mask, other == 0)


@pytest.mark.parametrize(
    ("mask", "says"),
    [(1 - hole(), "marks 98% of the pixels"), (hole()[1:], "40x43 pixels, the image 41x43")],
    ids=["1 is good", "another size"],
)
def test_a_mask_that_cannot_be_one_is_refused(tmp_path, mask, says):
    path = stamp(tmp_path / "a.fits", {"MASK": mask})
    error = refused(path)
    assert error.status is Status.BAD_MASK
    assert says in error.detail
    fits.writeto(tmp_path / "mask.fits", mask)
    assert refused(stamp(tmp_path / "b.fits"), mask=tmp_path / "mask.fits").status is Status.BAD_MASK


def test_another_image_is_no_mask(tmp_path):
    write(tmp_path / "other.fits", {"SCI": image()})
    assert refused(stamp(tmp_path / "a.fits"), mask=tmp_path / "other.fits").detail == "SCI is no mask"


def test_a_psf_says_whether_the_pixel_is_in_it(tmp_path):
    assert read_stamp(stamp(tmp_path / "a.fits")).psf.kind == "effective"
    for said, kind in (("optical", "optical"), ("EFFECTIVE", "effective")):
        fits.writeto(tmp_path / f"{said}.fits", PSF, fits.Header({"PSFKIND": said}))
        assert read_stamp(tmp_path / "a.fits", psf=tmp_path / f"{said}.fits").psf.kind == kind
    fits.writeto(tmp_path / "odd.fits", PSF, fits.Header({"PSFKIND": "airy"}))
    assert refused(tmp_path / "a.fits", psf=tmp_path / "odd.fits").status is Status.BAD_PSF
