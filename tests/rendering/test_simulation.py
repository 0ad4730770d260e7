"""Population, camera and selection make stamps: every suite, every option, both engines."""

from pathlib import Path

import numpy as np
import pytest

from lenssbi.config import ConfigError, load_config
from lenssbi.instrument import PSF
from lenssbi.pipelines.simulate import stream
from lenssbi.populations import Population
from lenssbi.rendering.simulation import SimulateConfig, Simulation

POPULATIONS = Path(__file__).parents[2] / "configs" / "populations"
SUITES = ("sie_parametric", "sie_real", "sie_real_los", "pl_real", "pl_real_los", "hydro_real", "hydro_real_los")
SMALL = ["instrument.shape=[60, 60]", "rendering.oversampling=2", "rendering.engine=batched"]


def stamps_of(config, count, seed=4):
    return Simulation(config).stamps([stream(seed, i) for i in range(count)])


def loaded(name, *more):
    return load_config(POPULATIONS / f"{name}.yaml", SimulateConfig, [*SMALL, *more])


@pytest.mark.parametrize("suite", SUITES)
def test_every_suite(suite):
    pytest.importorskip("photutils")
    pytest.importorskip("colossus")
    config = loaded(suite)
    stamps = stamps_of(config, 4)
    info = stamps.info
    assert np.isfinite(stamps.images).all()
    assert (stamps.noise > 0).all()
    assert (info["suite"] == suite).all()
    assert (info["snr"] > 20).all()
    assert (info["magnification"] > 3).all()
    assert (info["multiplicity"] >= 2).all()
    assert (info["lens_kind"] == ("mock" if "hydro" in suite else "power_law" if "pl_" in suite else "sie")).all()
    assert np.char.startswith(info["source"], "hxdf-" if "real" in suite else "").all()
    # the images that are told of are as many as the multiplicity, and near the Einstein radius
    places = info["image_x"] + 1j * info["image_y"]
    np.testing.assert_array_equal(np.isfinite(places).sum(axis=1), np.minimum(info["multiplicity"], 5))
    assert (np.nanmax(np.abs(places), axis=1) < 2.5 * stamps.params["einstein_radius"]).all()
    low, high = (1.0, 3.4) if "los" in suite else (1.3, 2.6)
    assert ((stamps.params["einstein_radius"] > low) & (stamps.params["einstein_radius"] < high)).all()
    assert all(np.isfinite(values).all() for values in stamps.params.values())


def test_the_brightest_image_is_where_the_table_says():
    """A compact source: its brightest pixel lies within a pixel and a half of one of the images found by solving the lens equation."""
    compact = "population.source.scale={kind: angular, magnitude: [20, 21], effective_radius: [0.05, 0.06]}"
    stamps = stamps_of(loaded("sie_parametric", compact), 12)
    places = stamps.info["image_x"] + 1j * stamps.info["image_y"]
    for arcs, images in zip(stamps.arcs, places, strict=True):
        y, x = np.unravel_index(arcs.argmax(), arcs.shape)
        brightest = 0.1 * complex(x - 29.5, y - 29.5)
        assert np.nanmin(np.abs(images - brightest)) < 0.15


def test_both_engines_make_the_same_stamps():
    pytest.importorskip("galsim")
    ours, galsims = (
        stamps_of(loaded("sie_parametric", "rendering.oversampling=4", f"rendering.engine={engine}"), 6)
        for engine in ("batched", "galsim")
    )
    for name, values in ours.params.items():
        np.testing.assert_array_equal(values, galsims.params[name])
    peak = ours.arcs.max(axis=(1, 2), keepdims=True)
    assert (np.abs(ours.arcs - galsims.arcs) / peak).max() < 0.005


def test_the_noise_is_what_the_map_says():
    stamps = stamps_of(loaded("training_sie", "instrument.shape=[100, 100]"), 12)
    pulls = (stamps.images - stamps.arcs) / stamps.noise
    assert pulls.mean() == pytest.approx(0, abs=5 / np.sqrt(pulls.size))
    assert pulls.std() == pytest.approx(1, abs=0.01)


def test_what_subtraction_leaves_stands_in_the_image():
    """The same stamps with a perfect and a wrong subtraction: only the images differ, and most at the lens' centre."""
    wrong = stamps_of(loaded("sie_parametric", "population.lens_light={residual: 0.1, magnitude: [18, 18.1]}"), 10)
    pulls = (wrong.images - wrong.arcs) / wrong.noise
    y, x = np.mgrid[:60, :60] - 29.5
    centre = np.hypot(x, y) < 5
    assert np.sqrt((pulls[:, centre] ** 2).mean()) > 3
    assert np.sqrt((pulls[:, ~centre] ** 2).mean()) < 2


def test_exposures_vary_within_their_ranges():
    variation = "variation={psf_fwhm: [0.9, 1.3], exposure_time: [0.5, 2.0], sky_brightness: [-0.5, 0.5]}"
    stamps = stamps_of(loaded("sie_parametric", variation), 12)
    factors = np.array([camera.psf_fwhm for camera in stamps.cameras]) / 0.17
    assert factors.min() >= 0.9
    assert factors.max() <= 1.3
    assert len(set(factors)) == 12
    sky = np.median(stamps.noise, axis=(1, 2))
    expected = [np.sqrt(camera.background_variance) for camera in stamps.cameras]
    np.testing.assert_allclose(sky, expected, rtol=0.05)


def test_a_wider_psf_blurs():
    """Of a compact source, the same systems through PSFs of two widths: the peaks differ as the widths do."""
    compact = "population.source.scale={kind: angular, magnitude: [20, 20.1], effective_radius: [0.03, 0.031]}"
    sharp, blurred = (
        stamps_of(loaded("sie_parametric", compact, f"variation.psf_fwhm=[{width}, {width + 1e-6}]"), 4)
        for width in (1.0, 2.0)
    )
    np.testing.assert_allclose(sharp.params["einstein_radius"], blurred.params["einstein_radius"])
    ratio = sharp.arcs.max(axis=(1, 2)) / blurred.arcs.max(axis=(1, 2))
    assert ((ratio > 1.4) & (ratio < 4)).all()


def test_a_psf_image_instead_of_the_gaussian(tmp_path):
    from astropy.io import fits

    psf = PSF.gaussian(0.17, 0.025, 0.8)
    fits.writeto(tmp_path / "psf.fits", psf.image)
    options = [f"instrument.psf_file={tmp_path / 'psf.fits'}", "instrument.psf_pixel_scale=0.025"]
    options.append("instrument.psf_kind=optical")
    gaussian, image = stamps_of(loaded("sie_parametric"), 3), stamps_of(loaded("sie_parametric", *options), 3)
    assert (np.abs(gaussian.arcs - image.arcs).max() / gaussian.arcs.max()) < 0.005
    with pytest.raises(ConfigError, match="does not go with"):
        loaded("sie_parametric", *options, "variation.psf_fwhm=[1, 1.2]")


def test_line_of_sight_structure_changes_the_truth():
    """The truth is the fit's: the main lens alone has another Einstein radius; it comes close once the haloes are taken out."""
    pytest.importorskip("colossus")
    config = loaded("sie_real_los")
    stamps = stamps_of(config, 3)
    draws = [config.population.draw(stream(4, i), 4) for i in range(3)]
    first = [int(t) - 1 for t in stamps.info["tried"]]
    assert max(first) < 4, "choose another seed: the first draws should pass"
    alone = [d.params["einstein_radius"][k] for d, k in zip(draws, first, strict=True)]
    ratio = stamps.params["einstein_radius"] / alone
    assert ((ratio > 0.8) & (ratio < 1.25) & (np.abs(ratio - 1) > 1e-4)).all()


def test_mixed_sources_come_in_their_shares():
    pytest.importorskip("photutils")
    rng, population = np.random.default_rng(1), Population(source={"kind": "mixed", "shares": (0.3, 0.7)})
    kinds = [population.draw(rng, 2).info["source_kind"] for _ in range(200)]
    assert np.mean([kind[0] == "galaxy" for kind in kinds]) == pytest.approx(0.7, abs=0.1)


@pytest.mark.reference
@pytest.mark.parametrize("suite", SUITES[1:])
def test_every_suite_from_real_data(suite, monkeypatch, shared_data):
    """Run from the clone, beside which the data lie."""
    pytest.importorskip("photutils")
    monkeypatch.chdir(POPULATIONS.parents[1])
    info = stamps_of(loaded(f"with_data/{suite}"), 3).info
    assert (info["suite"] == suite).all()
    assert np.char.startswith(info["source"], "cosmos-" if "pl" in suite else "candels").all()
    assert np.char.startswith(info["lens"], "tng100" if "hydro" in suite else "").all()
    if "los" in suite:
        assert np.char.startswith(info["cone"], "catsim-").all()
