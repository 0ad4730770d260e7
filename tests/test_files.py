"""Write, then rename."""

import errno
import pickle
import shutil

import pytest

from lenssbi.files import atomic, remove_unfinished
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
