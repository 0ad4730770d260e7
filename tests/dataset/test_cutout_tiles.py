"""Which files make up a tile: named one by one, in a table, by a pattern, or by the names of Euclid's MER products."""

from pathlib import Path

import pytest

from lenssbi.dataset.cutouts.tiles import Layers, find_tiles
from lenssbi.status import InputError

from .made_up_mosaics import mer_name


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Files that exist, and nothing in them."""
    monkeypatch.chdir(tmp_path)
    for tile in "ab":
        for layer in ("sci", "rms", "psf"):
            (tmp_path / f"{tile}_{layer}.fits").touch()
    return tmp_path


@pytest.fixture
def products(tmp_path):
    for tile in (102018211, 102018212):
        for product in ("BGSUB-MOSAIC-VIS", "MOSAIC-VIS-RMS", "MOSAIC-VIS-FLAG", "GRID-PSF-VIS", "CATALOG-PSF-VIS"):
            (tmp_path / mer_name(product, tile)).touch()
    for product in ("BGSUB-MOSAIC-NIR-H", "MOSAIC-NIR-H-RMS", "CATALOG-PSF-NIR-H", "BGMOD-VIS"):
        (tmp_path / mer_name(product, 102018211)).touch()
    return tmp_path


def test_files_in_the_order_of_the_images(files):
    layers = Layers(("a_sci.fits", "b_sci.fits"), ("a_rms.fits", "b_rms.fits"), psf=("a_psf.fits",))
    a, b = find_tiles(layers)
    assert (a.image, a.noise, a.psf) == tuple(str(files / f"a_{layer}.fits") for layer in ("sci", "rms", "psf"))
    assert (b.image, b.noise, b.psf) == tuple(str(files / n) for n in ("b_sci.fits", "b_rms.fits", "a_psf.fits"))
    assert a.weight is a.variance is a.flag is None


def test_patterns(files):
    a, b = find_tiles(Layers(("*_sci.fits",), ("*_rms.fits",), psf=("*_psf.fits",), flag=("none",)))
    assert [Path(one).name for one in (a.noise, b.noise, b.psf)] == ["a_rms.fits", "b_rms.fits", "b_psf.fits"]
    assert (a.flag, b.flag) == ("none", "none")
    assert a.files == (a.image, a.noise, a.psf)
    with pytest.raises(InputError, match="no FITS file has such a name"):
        find_tiles(Layers(("*_drz.fits",)))


def test_one_number_is_the_noise_of_all(files):
    assert [tile.noise for tile in find_tiles(Layers(("*_sci.fits",), ("0.01",)))] == ["0.01", "0.01"]


def test_a_table_has_a_row_for_each_tile(files):
    (files / "there").mkdir()
    rows = ["image,weight,mask", "../a_sci.fits,../a_rms.fits,", "../b_sci.fits,../b_rms.fits,none"]
    (files / "there" / "tiles.csv").write_text("\n".join(rows))
    a, b = find_tiles(Layers(("there/tiles.csv",), psf=("a_psf.fits",)))
    assert [Path(one).resolve() for one in a.files] == [files / f"a_{n}.fits" for n in ("sci", "rms", "psf")]
    assert (Path(b.weight).resolve(), b.flag, a.flag) == (files / "b_rms.fits", "none", None)


def test_euclid_s_products_are_known_by_their_names(products):
    tiles = find_tiles(Layers((str(products),)))
    assert [tile.band for tile in tiles] == ["VIS", "VIS"]
    for tile, number in zip(tiles, (102018211, 102018212), strict=True):
        wanted = ("BGSUB-MOSAIC-VIS", "MOSAIC-VIS-RMS", "MOSAIC-VIS-FLAG", "GRID-PSF-VIS")
        assert tile.files == tuple(str(products / mer_name(product, number)) for product in wanted)
    (near_infrared,) = find_tiles(Layers((str(products),), band="NIR_H"))
    assert near_infrared.band == "NIR_H"
    assert Path(near_infrared.psf).name.startswith("EUC_MER_CATALOG-PSF-NIR-H")  # there is no grid
    assert near_infrared.flag is None


def test_one_product_brings_the_others(products):
    image = str(products / mer_name("BGSUB-MOSAIC-VIS", 102018212))
    (tile,) = find_tiles(Layers((image,), noise=("0.1",)))
    assert tile.noise == "0.1"
    assert Path(tile.flag).name == mer_name("MOSAIC-VIS-FLAG", 102018212)
    (tile,) = find_tiles(Layers((image,), weight=(image,)))
    assert tile.noise is None


def test_the_latest_version_of_a_product_is_taken(products):
    later = "20250101T000000.000000Z"
    for product in ("BGSUB-MOSAIC-VIS", "MOSAIC-VIS-RMS"):
        (products / mer_name(product, 102018211, later)).touch()
    tile = find_tiles(Layers((str(products),)))[0]
    assert later in tile.image
    assert later in tile.noise


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        (Layers(()), "--image"),
        (Layers(("no.fits",)), "no.fits: there is no such file"),
        (Layers(("*_sci.fits",), noise=("a_rms.fits",)), "1 files of noise do not go with 2 images"),
        (Layers(("*_sci.fits",), psf=("a_psf.fits",) * 3), "3 files of psf do not go with 2 images"),
        (Layers(("a_sci.fits",), noise=("a_rms.fits",), weight=("a_rms.fits",)), "has noise and weight: give one"),
        (Layers((".",)), "holds no BGSUB-MOSAIC-VIS_TILE"),
        (Layers(("tiles.csv",)), r"no column `image` \(it has noise\)"),
    ],
)
def test_what_cannot_be_used(layers, sentence, files):
    (files / "tiles.csv").write_text("noise\na\n")
    with pytest.raises(InputError, match=sentence):
        find_tiles(layers)


def test_another_band_is_told(products):
    with pytest.raises(InputError, match="it has NIR_H, VIS"):
        find_tiles(Layers((str(products),), band="NIR_Y"))


def test_an_image_that_is_named_twice_is_one_tile(files):
    assert len(find_tiles(Layers(("a_sci.fits", "a_sci.fits"), psf=("a_psf.fits",)))) == 1
