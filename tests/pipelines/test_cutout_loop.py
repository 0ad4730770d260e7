"""From a mosaic with lenses in it to their posteriors: cut out, predict, catalogue; in one command and in two."""

import json
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from typer.testing import CliRunner

from lenssbi.dataset.cutouts.tiles import Layers
from lenssbi.dataset.hdf5 import StampSet
from lenssbi.dataset.inputs import expand_inputs
from lenssbi.dataset.reading import ReadOptions
from lenssbi.pipelines import predict
from lenssbi.pipelines.cutout import CutoutOptions, cut_first
from lenssbi_cli.main import app

from ..dataset import made_up_mosaics as made_up

NETWORK = "euclid-vis-sie-subtracted"
ROOT = Path(__file__).parents[2]
SIDE = 100
CORNERS = ((20, 30), (150, 110), (40, 250))  # first row and column of each lens in the mosaic
SHAPE = (260, 350)
WITHIN = 0.15  # [arcsec] of the truth, for bright rings


@pytest.fixture(scope="module")
def lenses(tmp_path_factory):
    """Three simulated lenses."""
    pytest.importorskip("galsim", reason="lenses are simulated by GalSim")
    from lenssbi.config import load_config
    from lenssbi.pipelines import simulate
    from lenssbi.rendering.simulation import SimulateConfig

    path = tmp_path_factory.mktemp("set") / "lenses.h5"
    said = [f"instrument.shape=[{SIDE},{SIDE}]", "population.source.scale.magnitude=[20.5,21.5]"]
    said.append("population.source.scale.effective_radius=[0.15,0.3]")
    config = load_config(ROOT / "configs" / "populations" / "euclid_vis_sie.yaml", SimulateConfig, said)
    simulate.run(config, path, len(CORNERS), seed=3)
    return path


@pytest.fixture
def sky(lenses, tmp_path):
    """A mosaic that holds them, turned by 30 deg, with its noise and PSF; a table of where they are, and one place beyond."""
    rng = np.random.default_rng(1)
    with StampSet(lenses) as stamps:
        found = [stamps.stamp(i) for i in range(len(CORNERS))]
    level = float(np.median(found[0].noise))
    image, noise = rng.normal(0, level, SHAPE).astype("f4"), np.full(SHAPE, level, "f4")
    for (y, x), stamp in zip(CORNERS, found, strict=True):
        image[y : y + SIDE, x : x + SIDE], noise[y : y + SIDE, x : x + SIDE] = stamp.image, stamp.noise
    keywords = made_up.cards(angle=30, shape=SHAPE, MAGZERO=found[0].zero_point, BUNIT="electron")
    made_up.write(tmp_path / "image.fits", image, keywords)
    made_up.write(tmp_path / "weight.fits", noise.astype(float) ** -2)
    psf = found[0].psf
    made_up.write(tmp_path / "psf.fits", psf.image, {"PIXSCALE": psf.pixel_scale, "PSFKIND": psf.kind})
    wcs = WCS(fits.Header(keywords))
    middle = [(x + (SIDE - 1) / 2, y + (SIDE - 1) / 2) for y, x in CORNERS]
    places = [tuple(map(float, wcs.all_pix2world(x, y, 0))) for x, y in (*middle, (-200, 0))]
    rows = [f"{name},{ra!r},{dec!r}" for name, (ra, dec) in zip("abcd", places, strict=True)]
    (tmp_path / "targets.csv").write_text("\n".join(["id,ra,dec", *rows]))
    return tmp_path


def command(verb, sky, *more):
    files = ["--image", sky / "image.fits", "--weight", sky / "weight.fits", "--psf", sky / "psf.fits", "--size", 10]
    return CliRunner().invoke(app, [str(word) for word in (verb, sky / "targets.csv", *files, *more)])


@pytest.mark.slow
def test_the_stamps_are_the_lenses(sky, lenses):
    assert command("cutout", sky, "--out", sky / "stamps").exit_code == 3  # one target is beyond
    sources = expand_inputs([str(sky / "stamps" / "cutouts.ecsv")])
    with StampSet(lenses) as stamps:
        for i, source in enumerate(sources[:3]):
            found, true = source.load(), stamps.stamp(i)
            assert fits.getdata(source.path, "SCI").astype("f4").tobytes() == true.image.astype("f4").tobytes()
            np.testing.assert_allclose(found.noise, true.noise, rtol=1e-5)
            np.testing.assert_allclose(found.psf.image, true.psf.image, atol=1e-7)
            assert (found.psf.kind, found.unit, found.zero_point) == (true.psf.kind, "electron", true.zero_point)


@pytest.mark.slow
def test_predictions_are_those_of_the_lenses_themselves(sky, lenses):
    done = command("predict", sky, "--estimator", NETWORK, "--out", sky / "found.ecsv", "--json")
    assert done.exit_code == 3, done.stderr
    rows, known = Table.read(sky / "found.ecsv"), Table.read(sky / "targets.csv")
    assert (rows["name"][:3] == known["id"][:3]).all()
    off = np.hypot((rows["ra"] - known["ra"]) * np.cos(np.radians(known["dec"])), rows["dec"] - known["dec"])[:3]
    assert (off * 3600).max() < 0.01 * made_up.SCALE
    assert "no mosaic has data at the target" in rows["status"][3]
    direct = predict.run([str(lenses)], estimator=NETWORK)
    for row, item in zip(rows, direct.items, strict=False):
        summary = item.params["einstein_radius"]
        spread = (summary.upper - summary.lower) / 2
        assert row["einstein_radius"] == pytest.approx(summary.median, abs=0.3 * spread)
        assert row["einstein_radius"] == pytest.approx(item.truth["einstein_radius"], abs=WITHIN)
    assert json.loads(done.stdout)["items"][0]["input"].endswith("a.fits")
    again = command("predict", sky, "--estimator", NETWORK, "--out", sky / "found.ecsv", "--size", 9)
    assert again.exit_code == 2
    assert "other options (size 10.0, now 9.0)" in again.stderr


@pytest.mark.slow
def test_a_catalogue_keeps_its_cut_outs(sky):
    options = ["--estimator", NETWORK, "--refine", "none", "--set", "images=false", "--quiet"]
    assert command("catalogue", sky, *options, "--out", sky / "run").exit_code == 3
    rows = Table.read(sky / "run" / "catalogue.ecsv")
    assert rows["name"][:3].tolist() == ["a", "b", "c"]
    assert (rows["status"][:3] == "done").all()
    assert "no mosaic has data at the target" in rows["status"][3]
    before = {path.name: path.stat().st_mtime_ns for path in (sky / "run" / "cutouts").glob("*.fits")}
    assert len(before) == 3
    assert command("catalogue", sky, *options, "--out", sky / "run").exit_code == 3
    assert {path.name: path.stat().st_mtime_ns for path in (sky / "run" / "cutouts").glob("*.fits")} == before


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--mask", "none"], "--mask is for stamps, not for a mosaic: give --flag"),
        (["--pixel-scale", "0.1"], "--pixel-scale is for stamps"),
        (["b.csv"], "there are 2 inputs: give one"),
    ],
)
def test_what_does_not_go_with_a_mosaic(more, sentence, tmp_path):
    arguments = ["refine", "a.csv", "--image", "a.fits", "--out", str(tmp_path / "out"), *more]
    refused = CliRunner().invoke(app, arguments)
    assert refused.exit_code == 2
    assert sentence in refused.stderr


def test_without_a_mosaic(tmp_path):
    (tmp_path / "a.csv").write_text("id,ra,dec\na,1,2\n")
    refused = CliRunner().invoke(app, ["predict", str(tmp_path / "a.csv")])
    assert "name the mosaic to cut its positions from with --image" in refused.stderr
    refused = CliRunner().invoke(app, ["predict", str(tmp_path / "a.csv"), "--flag", "b.fits"])
    assert "--flag is for a mosaic: name it with --image" in refused.stderr
    refused = CliRunner().invoke(app, ["predict", str(tmp_path / "a.csv"), "--image", "b.fits"])
    assert "give --out" in refused.stderr


@pytest.mark.parametrize(
    "more", [["--image", "a.fits"], ["--weight", "a.fits"], ["--flag", "a.fits"], ["--flag-bits", "1"], ["--size", "5"]]
)
@pytest.mark.parametrize("verb", ["predict", "refine", "catalogue"])
def test_a_mosaic_beside_a_run_that_is_made_again(verb, more, tmp_path):
    refused = CliRunner().invoke(app, [verb, "--repeat", str(tmp_path / "there"), *more])
    assert (refused.exit_code, "leave out" in refused.stderr) == (2, True)


@pytest.mark.parametrize("verb", ["predict", "refine", "catalogue"])
def test_a_size_without_a_mosaic(verb, tmp_path):
    refused = CliRunner().invoke(app, [verb, "a.fits", "--size", "5", "--out", str(tmp_path / "there")])
    assert refused.exit_code == 2
    assert "--size is for a mosaic: name it with --image" in refused.stderr


def test_what_is_said_of_the_lens_galaxies_is_said_of_their_cut_outs(tmp_path):
    options = CutoutOptions(Layers(**made_up.mosaic(tmp_path)), size=5.0)
    read = ReadOptions(noise=options.layers.noise[0], psf=options.layers.psf[0], lens_light="none")
    table, left = cut_first(["57.4 -51.0"], options, tmp_path / "cut", read)
    (source,) = left.sources(table)
    assert source.load().info["lens_light_subtracted"] is True
