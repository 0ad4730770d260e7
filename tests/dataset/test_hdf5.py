"""HDF5 sets: what goes in comes out, and every bad file is a sentence."""

import pickle

import h5py
import numpy as np
import pytest

from lenssbi.dataset import Stamp, StampSet, check_set
from lenssbi.dataset.hdf5 import write_set
from lenssbi.instrument import PSF
from lenssbi.status import InputError


def block(start, n):
    rng = np.random.default_rng(start)
    return {
        "images": rng.normal(size=(n, 6, 8)).astype(np.float32),
        "noise": np.full((n, 6, 8), 2.0, np.float32),
        "params": {"einstein_radius": np.arange(start, start + n) / 10, "e1": np.zeros(n)},
        "info": {"snr": np.full(n, 30.0), "source_kind": np.array([b"several"] * n)},
    }


def write(path):
    attributes = {"seed": 7, "config": "a: 1\n", "lenssbi_version": "0", "pixel_scale": 0.1, "zero_point": 33.5}
    attributes |= {"band": "VIS", "unit": "electron", "psf": PSF.gaussian(0.17)}
    write_set(path, [block(0, 3), block(3, 2)], 5, {"einstein_radius": "arcsec", "e1": ""}, attributes)
    return path


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "set.h5")


def test_what_was_written_is_read(path):
    with StampSet(path) as stamps:
        assert len(stamps) == 5
        assert stamps.shape == (6, 8)
        np.testing.assert_array_equal(stamps.images(slice(3, 5)), block(3, 2)["images"])
        np.testing.assert_allclose(stamps.params["einstein_radius"], np.arange(5) / 10)
        assert stamps.units == {"einstein_radius": "arcsec", "e1": ""}
        stamp = stamps.stamp(4)
    assert isinstance(stamp, Stamp)
    assert stamp.name == "set.h5:4"
    assert stamp.info["source_kind"] == "several"
    assert stamp.info["lens_light_subtracted"]
    assert stamp.psf.kind == "optical"


def test_check_says_what_it_holds(path):
    report = check_set(path)
    assert (report["stamps"], report["shape"], report["seed"]) == (5, (6, 8), 7)


def test_the_same_blocks_make_the_same_bytes(path, tmp_path):
    again = write(tmp_path / "again.h5")
    assert again.read_bytes() == path.read_bytes()


def test_an_open_set_travels_to_another_process(path):
    with StampSet(path) as stamps:
        len(stamps)
        assert len(pickle.loads(pickle.dumps(stamps))) == 5  # noqa: S301


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match="simulate"):
        len(StampSet(tmp_path / "no.h5"))


def test_not_hdf5_and_cut_short(path, tmp_path):
    (tmp_path / "text.h5").write_text("hello")
    (tmp_path / "short.h5").write_bytes(path.read_bytes()[:900])
    for name in ("text.h5", "short.h5"):
        with pytest.raises(InputError, match=name):
            check_set(tmp_path / name)


def test_another_schema_is_named(path):
    with h5py.File(path, "a") as file:
        file.attrs["schema"] = "lenssbi-set-99"
    with pytest.raises(InputError, match="lenssbi-set-99"):
        check_set(path)


def test_a_lost_group_is_named(path):
    with h5py.File(path, "a") as file:
        del file["noise"]
    with pytest.raises(InputError, match="noise"):
        check_set(path)


def test_unusable_stamps_are_counted(path):
    with h5py.File(path, "a") as file:
        file["images"][1, 0, 0] = np.nan
        file["noise"][2, 0, 0] = 0
    with pytest.raises(InputError, match="2 stamps"):
        check_set(path)


def test_no_such_stamp(path):
    with StampSet(path) as stamps, pytest.raises(InputError, match="0 to 4"):
        stamps.stamp(5)


def test_fewer_stamps_than_announced_leave_no_file(tmp_path):
    with pytest.raises(ValueError, match="announced"):
        attributes = {"psf": PSF.gaussian(0.17)}
        write_set(tmp_path / "a.h5", [block(0, 3)], 4, {"einstein_radius": "", "e1": ""}, attributes)
    assert not list(tmp_path.iterdir())
