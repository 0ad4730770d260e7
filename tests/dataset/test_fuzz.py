"""Random FITS layouts, headers and tables: the stamp that was meant, or one sentence; never a traceback, never another stamp."""

import gzip
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from lenssbi.arrays import pixel_grid
from lenssbi.dataset.fits import read_stamp
from lenssbi.dataset.inputs import expand_inputs
from lenssbi.dataset.stamp import Stamp
from lenssbi.status import InputError, ItemError

from .made_up_fits import PSF, SHAPE, image, stamp

# The same examples every time: a test that fails for one person fails for all.
FEW = settings(max_examples=40, derandomize=True, database=None, deadline=None)
STEP = 0.1 / 3600
SCALES = {
    "CD": {"CD1_1": -STEP, "CD2_2": STEP, "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"},
    "CD turned": {"CD1_1": 0.6 * STEP, "CD1_2": 0.8 * STEP, "CD2_1": -0.8 * STEP, "CD2_2": 0.6 * STEP},
    "CD and CDELT of 1": {"CD1_1": -STEP, "CD2_2": STEP, "CDELT1": 1.0, "CDELT2": 1.0, "CUNIT1": "deg"},
    "PC": {"PC1_1": 0.0, "PC1_2": 1.0, "PC2_1": 1.0, "PC2_2": 0.0, "CDELT1": STEP, "CDELT2": STEP},
    "CDELT and CROTA2": {"CDELT1": -STEP, "CDELT2": STEP, "CROTA2": 30.0},
    "CDELT in arcsec": {"CDELT1": 0.1, "CDELT2": 0.1, "CUNIT1": "arcsec", "CUNIT2": "arcsec"},
    "PIXSCALE": {"PIXSCALE": 0.1},
    "PIXSCALE and CDELT of 1": {"CDELT1": 1.0, "CDELT2": 1.0, "PIXSCALE": 0.1},
    "two keywords": {"PIXSCAX": 0.1, "PIXSCAY": 0.1},
    "text": {"SECPIX": "0.1"},
}
FURTHER = {
    "table": lambda: fits.BinTableHDU.from_columns([fits.Column("path", "4A", array=["a", "b"])]),
    "weight": lambda: fits.ImageHDU(np.full(SHAPE, 9.0), name="WHT"),
    "segmentation": lambda: fits.ImageHDU(np.ones(SHAPE, "i4"), name="SEG"),
    "nothing": lambda: fits.ImageHDU(name="EMPTY"),
    "spectrum": lambda: fits.ImageHDU(np.ones(50), name="EXPTIME"),
}


@st.composite
def layouts(draw):
    """How the file is written; none of it changes what is meant."""
    return {
        "unit": 10.0 ** draw(st.integers(-12, 6)),
        "offset": draw(st.sampled_from([0, 0, -1000, -40, 3, 100, 1000]) | st.floats(-1000, 1000)),
        "gradient": draw(st.sampled_from([0.0, 0.3])),
        "kind": draw(st.sampled_from(["f8", "f4", "i4", "i2"])),
        "names": (
            draw(st.sampled_from(["SCI", "sci", "IMAGE", "DATA", "", "VIS_BGSUB", "VIS_FLUX", "MY_LENS"])),
            draw(st.sampled_from(["ERR", "RMS", "NOISE", "noise_map", "SIGMA", "VIS_RMS"])),
            draw(st.sampled_from(["PSF", "psf", "VIS_PSF"])),
        ),
        "scale": draw(st.sampled_from(sorted(SCALES))),
        "further": draw(st.lists(st.sampled_from(sorted(FURTHER)), max_size=2, unique=True)),
        "order": draw(st.permutations(range(4))),
        "primary": draw(st.booleans()),
        "packing": draw(st.sampled_from(["plain", "gzip", "tiles", "no padding", "degenerate"])),
        "missing": draw(st.sampled_from(["none", "NaN", "-99", "mask", "noise"])),
        "apart": draw(st.booleans()),
    }


@given(layouts())
@FEW
def test_the_layout_of_a_file_changes_nothing(layout):
    with TemporaryDirectory() as folder:
        path, options = written(layout, Path(folder))
        read = read_stamp(path, **options)
    unit, clean = layout["unit"], image()
    usable = np.ones(SHAPE, bool)
    if layout["missing"] != "none":
        usable[:2] = False
    np.testing.assert_array_equal(read.mask, usable)
    rounding = 0.2 if layout["kind"] == "i2" else 0.05
    assert (
        np.abs(read.image / unit - clean)[usable].max() < 0.3 + rounding
    )  # the sky's level is known to 0.05, its slope to 0.1
    np.testing.assert_allclose(read.noise[usable] / unit, 1.0, rtol=1e-4)
    np.testing.assert_allclose(read.psf.image, PSF / PSF.sum(), rtol=1e-4)
    assert abs(read.pixel_scale - 0.1) < 1e-8
    high = np.abs(sky(layout)).max()
    assert 2.5 < high < 3.5 or ("background_removed" in read.flags) == (high > 3)


def sky(layout):
    """What is added to the image [sigma]."""
    return layout["offset"] * (1 + layout["gradient"] * pixel_grid(SHAPE, 2.0 / SHAPE[1]).real)


def written(layout, folder):
    """The file, and the options that it is read with."""
    image_name, noise_name, psf_name = layout["names"]
    data, noise, bad = (
        (image() + sky(layout)) * layout["unit"],
        np.full(SHAPE, layout["unit"]),
        np.zeros(SHAPE, np.uint8),
    )
    header = {**SCALES[layout["scale"]], "BUNIT": "count"}
    if layout["missing"] == "-99":
        data[:2] = -1e4 * layout["unit"] + layout["offset"] * layout["unit"]
    if layout["missing"] == "NaN" and layout["kind"] in ("f8", "f4"):
        data[:2] = np.nan
    elif layout["missing"] in ("NaN", "mask"):
        bad[:2] = 1
    elif layout["missing"] == "noise":
        noise[:2] = 0.0
    first = stored(data, layout)
    first.header.update(header)
    companions = [fits.ImageHDU(noise, name=noise_name), fits.ImageHDU(PSF, name=psf_name)]
    companions += [fits.ImageHDU(bad, name="MASK")] if bad.any() else []
    options = {}
    if layout["apart"]:
        for option, unit in zip(("noise", "psf", "mask"), companions, strict=False):
            fits.HDUList([fits.PrimaryHDU(), unit]).writeto(folder / f"{option}.fits")
            options[option] = folder / f"{option}.fits"
        companions = []
    units = [*([] if layout["primary"] else [first]), *companions]
    units = [units[i] for i in layout["order"] if i < len(units)] + [FURTHER[name]() for name in layout["further"]]
    if not layout["primary"]:
        first.name = image_name
    start = first if layout["primary"] else fits.PrimaryHDU()
    path = folder / "lens.fits"
    fits.HDUList([start, *units]).writeto(path, output_verify="silentfix")
    return packed(path, layout), options


def stored(data, layout):
    """The image as an extension: in whole numbers with a scale, with an axis of length one, or as it is."""
    kind = fits.PrimaryHDU if layout["primary"] else fits.ImageHDU
    if layout["kind"] in ("i4", "i2"):
        unit = kind(data)
        low, high = data.min(), data.max()
        bits = 15 if layout["kind"] == "i2" else 31
        zero, step = (low + high) / 2, (high - low) / (2.0**bits * 1.9)
        step = min(step, 0.05 * layout["unit"]) if layout["kind"] == "i4" else step
        unit.scale({"i4": "int32", "i2": "int16"}[layout["kind"]], bzero=zero, bscale=step)
        return unit
    return kind((data[None] if layout["packing"] == "degenerate" else data).astype(layout["kind"]))


def packed(path, layout):
    content = path.read_bytes()
    if layout["packing"] == "gzip":
        other = path.with_suffix(".fits.gz")
        other.write_bytes(gzip.compress(content))
        return other
    if layout["packing"] == "no padding" and layout["apart"] and layout["primary"] and not layout["further"]:
        with fits.open(path) as hdus:
            size = (
                hdus[0].size if hasattr(hdus[0], "size") else abs(hdus[0].header["BITPIX"]) // 8 * SHAPE[0] * SHAPE[1]
            )
            path.write_bytes(content[: hdus.fileinfo(0)["datLoc"] + size])
    return path


VALUES = st.one_of(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20),
    st.integers(-(10**9), 10**9),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
)
KEYWORDS = (
    *(
        "CD1_1",
        "CD1_2",
        "CD2_2",
        "PC1_1",
        "PC2_1",
        "CDELT1",
        "CDELT2",
        "CUNIT1",
        "CTYPE1",
        "CTYPE2",
        "CRVAL1",
        "CRPIX1",
    ),
    *("PIXSCALE", "PIXSCAX", "PIXSCAY", "SECPIX", "MAGZERO", "ZP", "BUNIT", "FILTER", "BAND", "PSFKIND", "EQUINOX"),
    *("CROTA2", "NAXIS3", "WCSAXES", "A_ORDER", "A_1_1", "LONPOLE", "RADESYS", "EXTNAME"),
)


def stamp_or_sentence(read):
    """Read, and check what came of it."""
    try:
        found = read()
    except ItemError as error:
        found = error
    if isinstance(found, ItemError):
        assert "\n" not in str(found)
        return
    assert isinstance(found, Stamp)
    assert np.isfinite(found.image).all()
    assert (found.noise[found.mask] > 0).all()
    assert 0 < found.pixel_scale < 60


@given(st.dictionaries(st.sampled_from(KEYWORDS), VALUES, min_size=1, max_size=5), st.sampled_from([1, 2, 3]))
@FEW
def test_any_header_is_read_or_refused(keywords, extension):
    with TemporaryDirectory() as folder:
        path = stamp(Path(folder) / "lens.fits")
        with fits.open(path, mode="update", output_verify="silentfix") as hdus:
            for key, value in keywords.items():
                hdus[extension].header[key] = value
        stamp_or_sentence(lambda: read_stamp(path))


@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8), st.floats(0, 1))
@FEW
def test_any_damage_is_a_sentence(changes, keep):
    with TemporaryDirectory() as folder:
        path = stamp(Path(folder) / "lens.fits")
        content = bytearray(path.read_bytes())
        for place, value in changes:
            content[int(place * len(content))] = value
        path.write_bytes(content[: int(max(keep, 0.5) * len(content))] if keep < 0.8 else content)
        stamp_or_sentence(lambda: read_stamp(path))


CELLS = st.one_of(
    st.sampled_from(["a.fits", "b.fits", "a.fits", "", "gone.fits", "set.h5", "set.h5:3", ".", "none", "1.5", "007"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=0x17F), max_size=12),
)
COLUMNS = st.sampled_from(["path", "File", "id", "name", "index", "noise", "psf", "mask", "comment"])


@given(st.lists(COLUMNS, min_size=1, max_size=4), st.lists(st.lists(CELLS, min_size=4, max_size=4), max_size=4))
@FEW
def test_any_table_is_a_list_of_stamps_or_a_sentence(columns, rows):
    with TemporaryDirectory() as folder:
        stamp(Path(folder) / "a.fits")
        stamp(Path(folder) / "b.fits", data=image(seed=2))
        cells = [[f'"{cell.replace(chr(34), "")}"' for cell in row[: len(columns)]] for row in rows]
        (Path(folder) / "list.csv").write_text("\n".join(map(",".join, [columns, *cells])) + "\n", encoding="utf-8")
        try:
            sources = expand_inputs([f"{folder}/list.csv"])
        except ItemError:
            raise  # would be a row's status
        except InputError as error:
            sources = str(error)
        if isinstance(sources, str):
            assert "\n" not in sources
            return
        assert len({source.name for source in sources}) == len(sources)
        for source in sources:
            stamp_or_sentence(source.load)
