"""What a user can name, and what is said when it cannot be used."""

import pickle

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from lenssbi.dataset.hdf5 import write_set
from lenssbi.dataset.inputs import expand_inputs
from lenssbi.instrument import PSF
from lenssbi.status import InputError, ItemError, Status


@pytest.fixture
def here(tmp_path):
    """Two stamps, one of them in a folder of its own, and a set of five."""
    for name in ("b.fits", "a.fits", "sub/a.fits"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        hdus = [fits.PrimaryHDU(np.arange(81.0).reshape(9, 9), fits.Header({"PIXSCALE": 0.1}))]
        hdus += [fits.ImageHDU(np.ones((9, 9)), name="RMS"), fits.ImageHDU(np.ones((3, 3)), name="PSF")]
        fits.HDUList(hdus).writeto(path)
    images = np.arange(5 * 81, dtype="f4").reshape(5, 9, 9)
    images[4] = np.nan
    block = {
        "images": images,
        "noise": np.ones((5, 9, 9), "f4"),
        "params": {"einstein_radius": np.linspace(1, 2, 5)},
        "info": {"magnification": np.ones(5)},
    }
    attributes = {"seed": 1, "config": "", "lenssbi_version": "0", "pixel_scale": 0.1, "zero_point": 25.5}
    attributes |= {"band": "VIS", "unit": "electron", "psf": PSF.gaussian(0.17), "lens_light_subtracted": True}
    write_set(tmp_path / "set.h5", [block], 5, {"einstein_radius": "arcsec"}, attributes)
    return tmp_path


def names(inputs, **options):
    return [source.name for source in expand_inputs([str(i) for i in inputs], **options)]


def test_files_folders_and_unique_names(here):
    assert names([here / "b.fits", here]) == ["b", "a", "b-2"]
    own = f"{here.name}-a"
    assert names([here / "a.fits", here / "sub", here / "a.fits"]) == [own, "sub-a", f"{own}-2"]


def test_a_number_does_not_meet_a_name(here):
    (here / "a.fits").rename(here / "sub/a-2.fits")
    assert names([here / "sub/a.fits", here / "sub/a-2.fits", here / "sub/a.fits"]) == ["a", "a-2", "a-3"]


def test_files_of_one_name_are_told_apart_by_their_folders(here):
    for lens in ("one", "two"):
        for band in ("VIS", "NIR"):
            path = here / "fields" / lens / band / "data.fits"
            path.parent.mkdir(parents=True)
            path.write_bytes((here / "a.fits").read_bytes())
    folders = [here / "fields" / lens / band for lens in ("one", "two") for band in ("VIS", "NIR")]
    assert names(folders[:2]) == ["VIS-data", "NIR-data"]
    assert names(folders) == ["one-VIS-data", "one-NIR-data", "two-VIS-data", "two-NIR-data"]
    assert names([*folders[::2], here / "b.fits"]) == ["one-VIS-data", "two-VIS-data", "b"]


@pytest.mark.parametrize(("part", "indices"), [("", [0, 1, 2, 3, 4]), (":3", [3]), (":1-3", [1, 2, 3]), (":4-4", [4])])
def test_sets(here, part, indices):
    sources = expand_inputs([f"{here}/set.h5{part}"])
    assert [s.index for s in sources] == indices
    assert [s.name for s in sources] == [f"set.h5:{i}" for i in indices]


def test_set_stamp_and_truth(here):
    source = pickle.loads(pickle.dumps(expand_inputs([f"{here}/set.h5:1"])[0]))  # noqa: S301
    stamp = source.load()
    assert stamp.image[0, 0] == 81
    assert stamp.name == "set.h5:1"
    assert stamp.info["lens_light_subtracted"]
    assert source.truth == {"einstein_radius": 1.25}
    with pytest.raises(ItemError) as caught:
        expand_inputs([f"{here}/set.h5:4"])[0].load()
    assert caught.value.status is Status.ALL_NAN


def test_fits_stamp_has_no_truth(here):
    source = expand_inputs([f"{here}/sub"], pixel_scale=0.3)[0]
    assert source.truth is None
    assert source.load().pixel_scale == 0.3


@pytest.mark.parametrize("kind", ["ecsv", "csv", "fits"])
@pytest.mark.parametrize("column", ["path", "file"])
def test_tables(here, kind, column):
    rows = {column: ["a.fits", "sub/a.fits", "set.h5:2"], "id": ["first", "second", "third"]}
    Table(rows).write(here / f"list.{kind}")
    sources = expand_inputs([f"{here}/list.{kind}"])
    assert [s.name for s in sources] == ["first", "second", "third"]
    assert [s.load().image[0, 0] for s in sources] == [0, 0, 162]
    Table({column: ["a.fits", "sub/a.fits"]}).write(here / f"plain.{kind}")
    assert names([here / f"plain.{kind}"]) == [f"{here.name}-a", "sub-a"]


def test_table_with_noise_and_psf(here):
    fits.writeto(here / "noise.fits", np.full((9, 9), 7.0))
    Table({"path": ["a.fits", "b.fits"], "noise": ["noise.fits", ""]}).write(here / "list.csv")
    first, second = (s.load() for s in expand_inputs([f"{here}/list.csv"]))
    assert (first.noise[0, 0], second.noise[0, 0]) == (7, 1)


def test_table_with_masks_and_constant_noise(here):
    bad = np.zeros((9, 9), np.uint8)
    bad[0] = 1
    fits.writeto(here / "bad.fits", bad)
    Table({"path": ["a.fits", "b.fits"], "mask": ["bad.fits", "none"], "Noise": ["7", "0.5"]}).write(here / "list.csv")
    first, second = expand_inputs([f"{here}/list.csv"])
    assert (first.load().mask.sum(), second.load().mask.sum()) == (72, 81)
    assert (first.load().noise[1, 1], second.load().noise[1, 1]) == (7, 0.5)
    assert first.absolute() == first, "numbers are no paths"
    assert first.files == (f"{here}/a.fits", "7", f"{here}/bad.fits")
    with fits.open(here / "b.fits", mode="append") as hdus:
        hdus.append(fits.ImageHDU(bad, name="MASK"))
    assert [s.load().mask.sum() for s in expand_inputs([f"{here}/b.fits"])] == [72]
    assert [s.load().mask.sum() for s in expand_inputs([f"{here}/b.fits"], mask="none")] == [81]


def test_bad_row_is_found_when_loaded(here):
    Table({"path": ["a.fits", "gone.fits"]}).write(here / "list.csv")
    good, bad = expand_inputs([f"{here}/list.csv"])
    good.load()
    with pytest.raises(ItemError) as caught:
        bad.load()
    assert caught.value.status is Status.NOT_FOUND


def status(source):
    with pytest.raises(ItemError) as caught:
        source.load()
    assert source.truth is None
    return caught.value.status


def test_a_bad_row_is_not_the_end_of_its_table(here):
    text = "id,path,index\none,a.fits,\ntwo,,\none,b.fits,\nfour,set.h5,3\nfive,set.h5,17\nsix,gone.h5,0\n,set.h5,1\n"
    (here / "list.csv").write_text(text)
    one, two, twin, four, five, six, seven = expand_inputs([f"{here}/list.csv"])
    assert one.load().image[0, 0] == 0
    assert (two.name, status(two)) == ("two", Status.NO_PATH)
    assert (twin.name, status(twin)) == ("one-2", Status.DUPLICATE), "every row keeps a name of its own"
    assert (four.name, four.index, four.load().image[0, 0]) == ("four", 3, 243)
    assert (five.name, status(five)) == ("five", Status.NO_STAMP)
    assert "0 to 4" in five.detail
    assert status(six) is Status.NO_STAMP
    assert seven.name == "set.h5:1"
    assert pickle.loads(pickle.dumps(five)) == five  # noqa: S301


def test_a_set_in_a_table_is_all_its_stamps(here):
    (here / "list.csv").write_text("path\nset.h5\na.fits\n")
    assert names([here / "list.csv"]) == [f"set.h5:{i}" for i in range(5)] + ["a"]


def test_foreign_fits_is_found_when_loaded(here):
    (here / "text.fits").write_text("no FITS at all")
    with pytest.raises(ItemError) as caught:
        expand_inputs([f"{here}/text.fits"])[0].load()
    assert caught.value.status is Status.NOT_FITS


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nowhere.fits", "no such file or folder"),
        ("nowhere.h5:3", "no such set"),
        ("set.h5:5", "holds stamps 0 to 4"),
        ("set.h5:3-1", "holds stamps 0 to 4"),
        ("picture.png", "not a kind of input"),
        ("empty", "holds no FITS file"),
        ("columns.csv", "no column `path`"),
        ("rows.csv", "no rows"),
        ("broken.ecsv", "not a table that can be read"),
        ("foreign.h5", "not an HDF5 file"),
    ],
)
def test_unusable_input_is_refused(here, text, says):
    (here / "empty").mkdir()
    (here / "picture.png").write_bytes(b"PNG")
    (here / "columns.csv").write_text("x,y\n1,2\n")
    (here / "rows.csv").write_text("path\n")
    (here / "broken.ecsv").write_text("# %ECSV 1.0\n# ---\n# datatype: [\n")
    (here / "foreign.h5").write_text("hello")
    with pytest.raises(InputError, match=says) as caught:
        expand_inputs([f"{here}/{text}"])
    assert text.split(":")[0] in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [("", "without a name"), (" ", "without a name"), ("x" * 400, "name too long"), ("a\0b", "no such file")],
)
def test_names_that_no_file_has(text, says):
    with pytest.raises(InputError, match=says):
        expand_inputs([text])


@pytest.mark.parametrize("suffix", [".fits", ".h5"])
def test_rows_with_names_that_no_file_has(here, suffix):
    (here / "list.csv").write_text(f"path\na.fits\n{'x' * 400}{suffix}\n")
    good, bad = expand_inputs([f"{here}/list.csv"])
    assert good.load().mask.all()
    with pytest.raises(ItemError, match="name too long"):
        bad.load()


def test_a_folder_that_may_not_be_read(here, monkeypatch):
    def denied(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("lenssbi.dataset.inputs.os.listdir", denied)
    with pytest.raises(InputError, match=r"the folder cannot be read \(Permission denied\)"):
        expand_inputs([str(here)])


def test_nothing_is_refused():
    with pytest.raises(InputError, match="no input"):
        expand_inputs([])


@pytest.mark.parametrize("option", ["noise", "psf", "mask"])
def test_what_is_wrong_with_another_file_names_it(here, option):
    (source,) = expand_inputs([f"{here}/a.fits"], **{option: f"{here}/gone.fits"})
    with pytest.raises(ItemError) as caught:
        source.load()
    assert (caught.value.status, caught.value.source) == (Status.NOT_FOUND, f"{here}/a.fits")
    assert caught.value.detail == f"{here}/gone.fits"
    fits.writeto(here / "wrong.fits", np.ones((4, 8)))
    (source,) = expand_inputs([f"{here}/a.fits"], **{option: f"{here}/wrong.fits"})
    with pytest.raises(ItemError, match=r"wrong.fits: .* pixels"):
        source.load()


@pytest.mark.parametrize("name", ["ra", "RAJ2000", "coord_ra"])
@pytest.mark.parametrize("suffix", ["csv", "fits"])
def test_positions_need_a_mosaic(here, name, suffix):
    Table({"id": ["a"], name: [1.0], "dec": [2.0]}).write(here / f"list.{suffix}")
    with pytest.raises(InputError, match=r"no column `path` \(it has id, .*with --image"):
        expand_inputs([f"{here}/list.{suffix}"])


def test_a_row_without_a_file_tells_the_reason_of_its_cut_out_and_no_other(here):
    reason = f"{Status.NO_COVERAGE.value} (ra 1, dec 2)"
    text = f'path,status,reason\n,no_coverage,"{reason}"\n,failed,the telescope was shut\n,done,\n'
    (here / "list.csv").write_text(text)
    sources = expand_inputs([f"{here}/list.csv"])
    assert [status(source) for source in sources] == [Status.NO_COVERAGE, Status.NO_PATH, Status.NO_PATH]
    assert [source.detail for source in sources] == ["ra 1, dec 2", "list.csv, row 2", "list.csv, row 3"]
