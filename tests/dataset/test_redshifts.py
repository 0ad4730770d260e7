"""Redshifts are said by an option, a table or the header; what is not known stays away, and what cannot be is refused."""

import numpy as np
import pytest
from astropy.table import Table

from lenssbi.dataset.fits import read_stamp
from lenssbi.dataset.inputs import expand_inputs
from lenssbi.dataset.observed import describe
from lenssbi.dataset.redshifts import known, refuse_wrong
from lenssbi.status import InputError, ItemError, Status

from .made_up_fits import stamp


def said(source):
    info = source.load().info
    return info.get("z_lens"), info.get("z_source")


@pytest.mark.parametrize("names", [("ZLENS", "ZSOURCE"), ("Z_LENS", "Z_SOURCE")])
def test_the_header_says_them(tmp_path, names):
    path = stamp(tmp_path / "a.fits", PIXSCALE=0.1, **dict(zip(names, (0.5, "1.9"), strict=True)))
    found = read_stamp(path)
    assert known(found.info) == {"z_lens": 0.5, "z_source": 1.9}
    assert {"z_lens": 0.5, "z_source": 1.9}.items() <= describe(found).items()


def test_an_option_goes_before_the_header_and_a_column_before_the_option(tmp_path):
    stamp(tmp_path / "a.fits", PIXSCALE=0.1, ZLENS=0.5, ZSOURCE=1.9)
    stamp(tmp_path / "b.fits", PIXSCALE=0.1)
    inputs = [str(tmp_path / name) for name in ("a.fits", "b.fits")]
    assert [said(one) for one in expand_inputs(inputs)] == [(0.5, 1.9), (None, None)]
    assert [said(one) for one in expand_inputs(inputs, z_lens=0.3, z_source=2.0)] == [(0.3, 2.0)] * 2
    rows = {"path": ["a.fits", "b.fits", "b.fits"], "id": ["a", "b", "c"], "Z_Lens": [0.2, np.nan, np.nan]}
    Table(rows | {"z_source": ["", "0.9", "nan"]}).write(tmp_path / "list.csv")
    listed = [str(tmp_path / "list.csv")]
    assert [said(one) for one in expand_inputs(listed)] == [(0.2, 1.9), (None, 0.9), (None, None)]
    more = expand_inputs(listed, z_lens=0.3, z_source=2.0, cosmology="WMAP9")
    assert [said(one) for one in more] == [(0.2, 2.0), (0.3, 0.9), (0.3, 2.0)]
    info = more[1].load().info
    assert known(info)["cosmology"] == "WMAP9"
    (again,) = expand_inputs([info["read"].pop("input")], **info["read"])
    assert known(again.load().info) == known(info), "a posterior remembers how to read them again"


@pytest.mark.parametrize(
    ("lens", "source"), [(0.5, 0.5), (0.9, 0.5), (-0.1, 1.0), (0.5, "far"), ("inf", 2.0), (0.0, 1.0), (0.5, 30)]
)
def test_what_cannot_be_is_a_status(tmp_path, lens, source):
    stamp(tmp_path / "a.fits", PIXSCALE=0.1)
    Table({"path": ["a.fits"], "z_lens": [str(lens)], "z_source": [str(source)]}).write(tmp_path / "list.csv")
    (listed,) = expand_inputs([str(tmp_path / "list.csv")])
    in_header = stamp(tmp_path / "b.fits", PIXSCALE=0.1, ZLENS=lens, ZSOURCE=source)
    for load in (listed.load, lambda: read_stamp(in_header)):
        with pytest.raises(ItemError, match="--z-lens and --z-source") as caught:
            load()
        assert caught.value.status is Status.BAD_REDSHIFT


@pytest.mark.parametrize(
    ("lens", "source", "message"),
    [
        (0.5, None, "--z-lens alone gives no mass: give --z-source too"),
        (None, 0.5, "--z-source alone gives no mass: give --z-lens too"),
        (float("nan"), 1.0, "--z-lens nan: give a redshift above 0"),
        (-0.5, 1.0, "--z-lens -0.5: give a redshift above 0"),
        (0.5, float("inf"), "--z-source inf: give a redshift above 0"),
        (1.0, 0.5, "--z-source 0.5 is not behind --z-lens 1: give a larger redshift"),
    ],
)
def test_options_that_cannot_be_are_refused(lens, source, message):
    with pytest.raises(InputError, match=message):
        refuse_wrong(lens, source)


def test_options_that_can():
    refuse_wrong(None, None)
    refuse_wrong(0.2, 0.3)
