"""Write, then rename; and why a file cannot be read."""

import errno
import pickle
import shutil
import subprocess
import sys

import h5py
import numpy as np
import pytest

from lenssbi.dataset import StampSet
from lenssbi.files import atomic, remove_unfinished
from lenssbi.posteriors import load_samples
from lenssbi.status import InputError, ItemError, Status


def test_the_new_file_appears_whole(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    with atomic(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_an_error_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_writer_left_is_removed_and_nothing_else(tmp_path):
    for name in ("a.txt", "b.parquet", "c"):
        with atomic(tmp_path / name) as temporary:
            temporary.write_text("half")
            shutil.copy(temporary, tmp_path / "copy")
            left = temporary
        shutil.move(tmp_path / "copy", left)
    kept = [".lock", ".hidden.txt", ".1.txt", "a.1.txt", "a.txt", "b.parquet", "c"]
    for name in kept:
        (tmp_path / name).write_text("whole")
    assert len(list(tmp_path.iterdir())) == len(kept) + 3
    remove_unfinished(tmp_path, tmp_path / "missing")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)


def test_a_full_disk_is_a_sentence(tmp_path):
    with pytest.raises(InputError, match="free some space"), atomic(tmp_path / "a"):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_folder_that_is_a_file_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"), atomic(tmp_path / "file" / "a"):
        pass


def test_item_errors_travel_between_processes():
    error = pickle.loads(pickle.dumps(ItemError(Status.NO_PSF, "a.fits", "detail")))  # noqa: S301
    assert error.status is Status.NO_PSF
    assert str(error) == "a.fits: the file has no PSF: give one with --psf (detail)"


def hdf5(path, **attributes):
    with h5py.File(path, "w") as file:
        file["x"] = np.zeros(20000)
        file.attrs.update(attributes)
    return path


def cut_short(path):
    path.write_bytes(hdf5(path).read_bytes()[:5000])
    return path


def text(path):
    path.write_text("no HDF5 at all")
    return path


UNREADABLE = {
    "cut short": (cut_short, "cut short or damaged: copy it again, or "),
    "cut within the signature": (lambda path: path.write_bytes(b"\x89HDF") and path, "cut short or damaged"),
    "empty": (lambda path: path.touch() or path, "not an HDF5 file"),
    "text": (text, "not an HDF5 file"),
    "of another program": (hdf5, "of another program"),
    "of another kind": (lambda path: hdf5(path, schema="lenssbi-network-1"), "a lenssbi-network-1 and no"),
}


@pytest.mark.parametrize("reader", [lambda path: len(StampSet(path)), load_samples], ids=["set", "posterior"])
class TestHDF5ThatCannotBeRead:
    @pytest.mark.parametrize("case", UNREADABLE)
    def test_it_says_why(self, tmp_path, reader, case):
        make, says = UNREADABLE[case]
        with pytest.raises(InputError, match=says) as caught:
            reader(make(tmp_path / "a.h5"))
        assert "\n" not in str(caught.value)

    def test_a_locked_file_is_not_cut_short(self, tmp_path, reader):
        hdf5(tmp_path / "a.h5")
        code = "import h5py, sys; f = h5py.File(sys.argv[1], 'a'); print('open', flush=True); sys.stdin.read()"
        words = [sys.executable, "-c", code, str(tmp_path / "a.h5")]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
            writer.stdout.readline()
            with pytest.raises(InputError, match="another program is writing it") as caught:
                reader(tmp_path / "a.h5")
            writer.stdin.close()
        assert "again" not in str(caught.value)

    def test_a_file_without_permission(self, tmp_path, reader, monkeypatch):
        hdf5(tmp_path / "a.h5")

        def denied(*args, **options):
            raise PermissionError(13, "Permission denied", "a.h5")

        monkeypatch.setattr("pathlib.Path.open", denied)
        with pytest.raises(InputError, match=r"cannot be read \(Permission denied\)"):
            reader(tmp_path / "a.h5")
