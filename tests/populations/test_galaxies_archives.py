"""Real galaxies from RealGalaxyCatalogs and folders: written here, or the real ones where they are."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

pytest.importorskip("photutils")
pytest.importorskip("skimage")

from lenssbi.populations.galaxies import GalaxySource
from lenssbi.status import InputError

from .made_up_galaxies import cut_out

RADII = (4.0, 5.0, 7.0)


def write_catalogue(folder):
    """Three galaxies and an empty stamp in two files, with the tables that lie beside such a catalogue."""
    folder.mkdir(exist_ok=True)
    stamps = [cut_out(radius=radius, seed=i) for i, radius in enumerate(RADII)] + [cut_out(flux=0.0)]
    for number, pair in enumerate((stamps[:2], stamps[2:])):
        first, *others = (image.astype(np.float32) for image in pair)
        hdus = [fits.PrimaryHDU(first), *map(fits.ImageHDU, others)]
        fits.HDUList(hdus).writeto(folder / f"images_n{number}.fits")
    table = Table(
        {
            "IDENT": [11, 22, 33, 44],
            "MAG": [21.0, 22.0, 23.0, 24.0],
            "WEIGHT": [1.0] * 4,
            "GAL_FILENAME": ["images_n0.fits", "images_n0.fits", "images_n1.fits", "images_n1.fits"],
            "GAL_HDU": [0, 1, 0, 1],
            "PIXEL_SCALE": [0.03] * 4,
        }
    )
    table.write(folder / "real_galaxy_catalog_23.5.fits")
    table["IDENT", "MAG"].write(folder / "real_galaxy_catalog_23.5_fits.fits")
    return folder


def write_folder(folder):
    folder.mkdir(exist_ok=True)
    for i, radius in enumerate(RADII):
        fits.writeto(folder / f"{i}_F814W.fits{'.bz2' if i else ''}", cut_out(radius=radius, seed=i))
    (folder / "notes.txt").write_text("not a galaxy")
    return folder


def real_galaxies(path, **options):
    return GalaxySource(catalogue="real_galaxy_catalog", path=str(path), **options)


def folder_galaxies(path, **options):
    return GalaxySource(catalogue="fits_folder", path=str(path), **options)


@pytest.mark.parametrize("whole", [True, False], ids=["folder", "table"])
def test_real_galaxy_catalogue(tmp_path, whole):
    folder = write_catalogue(tmp_path / "cosmos")
    galaxies = real_galaxies(folder if whole else folder / "real_galaxy_catalog_23.5.fits").galaxies
    order = np.argsort(galaxies.names)
    assert [galaxies.names[i] for i in order] == ["cosmos-11", "cosmos-22", "cosmos-33"]
    assert galaxies.magnitudes[order].tolist() == [21.0, 22.0, 23.0]
    np.testing.assert_allclose(galaxies.radii[order], 0.03 * np.array(RADII), rtol=0.05)


def test_native_sizes_and_magnitudes(tmp_path):
    source = real_galaxies(write_catalogue(tmp_path / "cosmos"), scale="native")
    _, info = source.draw(np.random.default_rng(1), 30, np.zeros(30, complex), np.full(30, 2.0))
    known = dict(zip(source.galaxies.names, source.galaxies.magnitudes, strict=True))
    assert info["source_magnitude"].tolist() == [known[name] for name in info["source"]]


def test_folder(tmp_path):
    galaxies = folder_galaxies(write_folder(tmp_path / "uds"), pixel_scale=0.05).galaxies
    order = np.argsort(galaxies.names)
    assert [galaxies.names[i] for i in order] == ["uds/0_F814W", "uds/1_F814W", "uds/2_F814W"]
    np.testing.assert_allclose(galaxies.radii[order], 0.05 * np.array(RADII), rtol=0.05)
    assert np.isnan(galaxies.magnitudes).all()


def test_the_number_of_galaxies_can_be_limited(tmp_path):
    folder = write_folder(tmp_path / "uds")
    two, all_of_them = (folder_galaxies(folder, count=count).galaxies.names for count in (2, None))
    assert two == all_of_them[:2]


def test_native_magnitudes_have_to_be_known(tmp_path):
    with pytest.raises(InputError, match="no magnitudes"):
        folder_galaxies(write_folder(tmp_path / "uds"), scale="native").galaxies


def break_stamp(folder):
    (folder / "images_n1.fits").unlink()
    return folder


def break_column(folder):
    table = folder / "real_galaxy_catalog_23.5.fits"
    fits.BinTableHDU(Table.read(table)["IDENT", "MAG"]).writeto(table, overwrite=True)
    return folder


def break_table(folder):
    (folder / "real_galaxy_catalog_23.5.fits").write_bytes(b"SIMPLE  = nonsense")
    return folder


def without_table(folder):
    (folder / "real_galaxy_catalog_23.5.fits").unlink()
    return folder


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (break_stamp, "images_n1.fits: .*cannot be read"),
        (break_column, "no column PIXEL_SCALE, GAL_FILENAME, GAL_HDU"),
        (break_table, "not a FITS table"),
        (without_table, "no RealGalaxyCatalog table"),
        (lambda folder: folder / "no", "not a FITS table"),
    ],
)
def test_bad_real_galaxy_catalogues(tmp_path, change, sentence):
    with pytest.raises(InputError, match=sentence):
        real_galaxies(change(write_catalogue(tmp_path / "cosmos"))).galaxies


def test_bad_folders(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        folder_galaxies(tmp_path / "no").galaxies
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match="no FITS file"):
        folder_galaxies(empty).galaxies
    for name, content in (("foreign", b"hello"), ("nothing", b"")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "a.fits").write_bytes(content)
        with pytest.raises(InputError, match=r"a\.fits: .* take it out of the folder"):
            folder_galaxies(folder).galaxies
    cut = tmp_path / "cut"
    write_folder(cut)
    whole = (cut / "0_F814W.fits").read_bytes()
    (cut / "0_F814W.fits").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"0_F814W\.fits: .* take it out of the folder"):
        folder_galaxies(cut).galaxies


def test_no_usable_galaxy(tmp_path):
    fits.writeto(tmp_path / "empty.fits", cut_out(flux=0.0))
    with pytest.raises(InputError, match="no usable galaxy"):
        folder_galaxies(tmp_path).galaxies


@pytest.mark.reference
def test_the_real_cosmos_galaxies(shared_data):
    galaxies = real_galaxies(shared_data / "sources/cosmos_f814w").galaxies
    assert len(galaxies) == 10
    assert "cosmos-141190" in galaxies.names
    published = Table.read(shared_data / "sources/cosmos_f814w/real_galaxy_catalog_23.5_fits.fits")
    sersic = {f"cosmos-{row['IDENT']}": row["hlr"][0] for row in published}
    # fitted Sersics, without the PSF and out to infinity: the same galaxies, not the same definition
    ratio = galaxies.radii / np.array([sersic[name] for name in galaxies.names])
    assert 0.6 < np.median(ratio) < 1.3
    assert ((ratio > 0.4) & (ratio < 1.8)).all()


@pytest.mark.reference
def test_the_real_candels_galaxies(shared_data):
    galaxies = folder_galaxies(shared_data / "sources/candels_uds_f814w", count=8).galaxies
    assert len(galaxies) == 8
    assert max(galaxies.table.shape) <= 128
    assert ((galaxies.radii > 0.2) & (galaxies.radii < 2)).all()
