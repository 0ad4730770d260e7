"""`lenssbi cutout`, from tables of positions to stamps that other commands read."""

import json
import tracemalloc

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from typer.testing import CliRunner

from lenssbi.dataset.cutouts.stamp_file import read_provenance
from lenssbi.dataset.cutouts.tiles import Layers
from lenssbi.dataset.fits import read_stamp
from lenssbi.dataset.inputs import expand_inputs
from lenssbi.pipelines.cutout import CutoutOptions, run
from lenssbi.status import InputError, ItemError
from lenssbi_cli.main import app

from ..dataset import made_up_mosaics as made_up

SIZE = 4.0  # [arcsec]


def positions(pixels, keywords=None):
    """ICRS positions [deg] of pixels of a mosaic."""
    wcs = WCS(fits.Header(made_up.cards() if keywords is None else keywords))
    return [tuple(map(float, wcs.all_pix2world(x, y, 0))) for x, y in pixels]


def table(path, pixels, keywords=None, names=None):
    places = positions(pixels, keywords)
    names = [f"t{i}" for i in range(len(pixels))] if names is None else names
    lines = [f"{name},{ra!r},{dec!r}" for name, (ra, dec) in zip(names, places, strict=True)]
    path.write_text("\n".join(["id,ra,dec", *lines]))
    return str(path)


@pytest.fixture
def options(tmp_path):
    return CutoutOptions(Layers(**made_up.mosaic(tmp_path, made_up.cards(MAGZERO=24.6))), SIZE)


def command(*arguments):
    return CliRunner().invoke(app, ["cutout", *map(str, arguments)])


def test_each_target_is_a_stamp_or_a_reason(options, tmp_path):
    targets = tmp_path / "targets.csv"
    table(targets, [(100.5, 80.5), (3.5, 80.5), (-50, 80)])
    targets.write_text(targets.read_text() + "\nnowhere,,1\nt0,57.4,-51.0\n")
    out = tmp_path / "out"
    result = run(str(targets), options=options, out=out)
    assert (result.count, result.failed, result.kept) == (5, 3, 0)
    rows = Table.read(result.table)
    assert rows["id"].tolist() == ["t0", "t1", "t2", "nowhere", "t0"]
    assert rows["status"].tolist() == ["done", "done", "no_coverage", "bad_position", "duplicate"]
    assert rows["path"].filled("").tolist() == ["t0.fits", "t1.fits", "", "", ""]
    assert rows["usable"].tolist() == [1.0, pytest.approx(24 / 40), 0, 0, 0]
    np.testing.assert_allclose(rows["x"][:2], [101.5, 4.5], atol=1e-3)
    assert "--image" in rows["reason"][2]
    assert "give ra in 0 to 360" in rows["reason"][3]
    sources = expand_inputs([str(result.table)])
    stamps = [source.load() for source in sources[:2]]
    for stamp, (ra, dec) in zip(stamps, positions([(100.5, 80.5), (3.5, 80.5)]), strict=True):
        assert (stamp.shape, stamp.pixel_scale, stamp.zero_point) == ((40, 40), pytest.approx(0.1), 24.6)
        assert (stamp.info["ra"], stamp.info["dec"]) == (pytest.approx(ra, abs=1e-6), pytest.approx(dec, abs=1e-6))
    assert [source.name for source in sources[:2]] == ["t0", "t1"]
    with pytest.raises(ItemError, match="no mosaic has data at the target"):
        sources[2].load()


def test_a_run_that_was_stopped_goes_on(options, tmp_path, monkeypatch):
    targets, out = table(tmp_path / "t.csv", [(60 + 10 * i, 80) for i in range(5)]), tmp_path / "out"
    written = []

    def stop(done, total, text):
        written.append(done)
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(targets, options=options, out=out, progress=stop)
    assert not (out / "cutouts.ecsv").exists()
    before = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in out.glob("*.fits")}
    assert len(before) == 3
    result = run(targets, options=options, out=out)
    assert (result.kept, result.failed) == (3, 0)
    for name, (time, content) in before.items():
        assert ((out / name).stat().st_mtime_ns, (out / name).read_bytes()) == (time, content)
    again = run(targets, options=options, out=out)
    assert again.kept == 5
    assert again.rows == result.rows
    fresh = run(targets, options=options, out=tmp_path / "fresh")
    assert fresh.rows == result.rows
    for path in (tmp_path / "fresh").glob("*.fits"):
        assert path.read_bytes() == (out / path.name).read_bytes()
    assert [path.name for path in out.glob(".*")] == [".lock"]


def test_more_targets_are_added_and_none_is_dropped(options, tmp_path):
    out = tmp_path / "out"
    run(table(tmp_path / "a.csv", [(60, 80), (90, 80)]), options=options, out=out)
    more = run(table(tmp_path / "b.csv", [(60, 80), (90, 80), (120, 80)]), options=options, out=out)
    assert (more.kept, more.count) == (2, 3)
    with pytest.raises(InputError, match=r"holds cut-outs of other targets \(t1.fits is not among them\)"):
        run(table(tmp_path / "c.csv", [(60, 80)]), options=options, out=out)
    moved = table(tmp_path / "d.csv", [(61, 80), (90, 80), (120, 80)])
    with pytest.raises(InputError, match=r"t0.fits: exists already and is a cut-out of another position"):
        run(moved, options=options, out=out)


def test_other_options_are_refused(options, tmp_path):
    targets, out = table(tmp_path / "t.csv", [(60, 80)]), tmp_path / "out"
    run(targets, options=options, out=out)
    with pytest.raises(InputError, match=r"other options \(size 4.0, now 5.0\): choose another --out"):
        run(targets, options=CutoutOptions(options.layers, 5.0), out=out)
    with pytest.raises(InputError, match=r"other options \(flag_bits None, now 3\)"):
        run(targets, options=CutoutOptions(options.layers, SIZE, 3), out=out)
    made_up.write(tmp_path / "rms.fits", np.full(made_up.SHAPE, 2.0))
    with pytest.raises(InputError, match=r"rms.fits has changed since"):
        run(targets, options=options, out=out)


def test_a_file_of_the_user_s_own_is_left_alone(options, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "t0.fits").write_text("mine")
    with pytest.raises(InputError, match=r"t0.fits: exists already and is no cut-out"):
        run(table(tmp_path / "t.csv", [(60, 80)]), options=options, out=out)
    assert (out / "t0.fits").read_text() == "mine"


class TestTiles:
    def overlapping(self, folder, gap=False):
        """Two of Euclid's tiles: the second begins where the first has its column 200."""
        one, two = made_up.cards(), made_up.cards(CRPIX1=made_up.SHAPE[1] / 2 - 200)
        middle = positions([(150, 120)], one) + positions([(250, 60)], one), positions([(150, 120)], two)
        first = made_up.mer_tile(folder, 1, one, middle[0], seed=1, level=0.5)
        second = made_up.mer_tile(folder, 2, two, middle[1], seed=2, level=0.7)
        if gap:
            first[:, 210:240] = np.nan
            made_up.write(folder / made_up.mer_name("BGSUB-MOSAIC-VIS", 1), first, one | {"MAGZERO": 24.6})
        return first, second

    def test_the_tile_that_covers_a_target_best_is_taken(self, tmp_path):
        first, second = self.overlapping(tmp_path / "tiles")
        pixels = [(100.5, 80.5), (240.5, 80.5), (260.5, 80.5), (290.5, 80.5), (400.5, 80.5), (205.5, 80.5)]
        options = CutoutOptions(Layers((str(tmp_path / "tiles"),)), SIZE)
        result = run(table(tmp_path / "t.csv", pixels), options=options, out=tmp_path / "out")
        tiles = [row["mosaic"].partition("TILE")[2][0] for row in result.rows]
        assert tiles == ["1", "1", "2", "2", "2", "1"]
        for row, (x, y), tile in zip(result.rows, pixels, tiles, strict=True):
            data, start = (first, 0) if tile == "1" else (second, 200)
            column, line = int(x - start + 0.5) - 20, int(y + 0.5) - 20
            found = fits.getdata(tmp_path / "out" / row["path"], "SCI")
            assert np.array_equal(found, data[line : line + 40, column : column + 40])
            stamp = read_stamp(tmp_path / "out" / row["path"])
            assert np.allclose(stamp.noise, 0.5 if tile == "1" else 0.7)
            assert (stamp.zero_point, stamp.band, stamp.unit) == (24.6, "VIS", "ADU/s")
        said = [read_provenance(tmp_path / "out" / row["path"]) for row in result.rows]
        assert [one["PSFROW"] for one in said] == [1, 2, 1, 1, 1, 2]
        assert said[2]["PSFDIST"] == pytest.approx(0.1 * np.hypot(260.5 - 350, 80.5 - 120), rel=1e-3)

    def test_data_count_and_not_the_frame(self, tmp_path):
        """The target lies deeper in the first tile, but that has a gap beside it."""
        self.overlapping(tmp_path / "tiles", gap=True)
        options = CutoutOptions(Layers((str(tmp_path / "tiles"),)), SIZE)
        result = run(table(tmp_path / "t.csv", [(246.5, 80.5)]), options=options, out=tmp_path / "out")
        assert "TILE2" in result.rows[0]["mosaic"]
        assert result.rows[0]["usable"] == 1.0

    def test_products_of_another_tile_are_refused(self, tmp_path):
        self.overlapping(tmp_path / "tiles")
        image, grid, noise = (
            str(tmp_path / "tiles" / made_up.mer_name(product, tile))
            for product, tile in (("BGSUB-MOSAIC-VIS", 1), ("GRID-PSF-VIS", 2), ("MOSAIC-VIS-RMS", 2))
        )
        for said, what in (({"psf": (grid,)}, "PSFs are"), ({"noise": (noise,)}, "noise map is")):
            with pytest.raises(InputError, match=f"{what} of another tile"):
                run("57.4 -51", options=CutoutOptions(Layers((image,), **said), SIZE), out=tmp_path / "out")
        assert not (tmp_path / "out").exists()


def test_memory_does_not_grow_with_the_cut_outs(tmp_path):
    """A mosaic of 64 MB and its noise; a few targets or many, the peak is that of one stamp."""
    shape = (4000, 4000)
    keywords = made_up.cards(shape=shape)
    for name in ("image.fits", "rms.fits"):
        header = fits.PrimaryHDU(np.zeros((2, 2), "f4"), fits.Header(keywords)).header
        header["NAXIS1"], header["NAXIS2"] = shape
        with open(tmp_path / name, "wb") as file:
            file.write(header.tostring().encode())
            row = np.arange(1, shape[1] + 1, dtype=">f4").tobytes()
            for _ in range(shape[0]):
                file.write(row)
            file.write(b"\0" * (-file.tell() % 2880))
    layers = Layers(
        (str(tmp_path / "image.fits"),), (str(tmp_path / "rms.fits"),), psf=(made_up.psf(tmp_path / "p.fits"),)
    )
    rng = np.random.default_rng(0)

    def peak(count, folder):
        targets = table(tmp_path / f"{folder}.csv", rng.uniform(100, 3900, (count, 2)), keywords)
        tracemalloc.start()
        result = run(targets, options=CutoutOptions(layers, 2.0), out=tmp_path / folder)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert result.failed == 0
        return found

    peak(2, "warm")
    few, many = peak(4, "few"), peak(44, "many")
    assert many < few + 1e6
    assert many < 8e6


class TestCommand:
    def arguments(self, options):
        layers = options.layers
        files = ["--image", layers.images[0], "--noise", layers.noise[0], "--psf", layers.psf[0]]
        return [*files, "--size", options.size]

    def test_a_table(self, options, tmp_path):
        targets = table(tmp_path / "t.csv", [(60, 80), (-90, 80)])
        done = command(targets, *self.arguments(options), "--out", tmp_path / "out", "--json")
        assert done.exit_code == 3
        found = json.loads(done.stdout)
        assert [item["status"] for item in found["items"]] == ["done", "no_coverage"]
        assert (found["count"], found["failed"]) == (2, 1)
        shown = command(targets, *self.arguments(options), "--out", tmp_path / "out")
        assert "no mosaic has data at the target" in shown.stdout
        assert "1 of 2 targets cut out" in shown.stdout

    def test_one_position(self, options, tmp_path):
        ((ra, dec),) = positions([(60, 80)])
        done = command(f"{ra} {dec}", *self.arguments(options), "--out", tmp_path / "out")
        assert done.exit_code == 0
        assert len(list((tmp_path / "out").glob("J*.fits"))) == 1
        refused = command("10 10", *self.arguments(options), "--out", tmp_path / "other")
        assert refused.exit_code == 2
        assert refused.stderr.count("\n") == 1 + refused.stderr.count("cutting out")
        assert "10 10: no mosaic has data at the target" in refused.stderr

    @pytest.mark.parametrize(
        ("changed", "sentence"),
        [
            (["--size", "-1"], "above 0 arcsec"),
            (["--size", "0.1"], "is 1 pixels of 0.1 arcsec"),
            (["--size", "1e9"], "is 10000000000 pixels of 0.1 arcsec"),
            (["--noise", "0"], "one sigma is positive"),
            (["--image", "no.fits"], "no.fits: there is no such file"),
        ],
    )
    def test_mistakes(self, changed, sentence, options, tmp_path):
        arguments = list(map(str, self.arguments(options)))
        place = arguments.index(changed[0])
        arguments[place : place + 2] = changed
        refused = command("57.4 -51", *arguments, "--out", tmp_path / "out")
        assert refused.exit_code == 2
        assert sentence in refused.stderr
        assert not (tmp_path / "out").exists()
