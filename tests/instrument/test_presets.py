"""Presets of cameras: depths that follow from their numbers, another code's numbers, and how a configuration names one."""

import math
import re
from pathlib import Path

import pytest

from lenssbi.config import ConfigError, load_config
from lenssbi.instrument import Camera
from lenssbi.instrument.presets import preset_names
from lenssbi.rendering.simulation import SimulateConfig

ROOT = Path(__file__).parents[2]
OTHERS = ("hst_acs_f814w", "jwst_nircam_f150w", "roman_wfi_f129", "rubin_lsst_i")
POPULATION = ROOT / "configs" / "populations" / "training_sie.yaml"


def faintest(camera, pixels, share=1.0, sigma=5.0):
    """AB magnitude of a point source whose flux in so many pixels, a `share` of the whole, is `sigma` times its error."""
    signal = (sigma**2 + math.sqrt(sigma**4 + 4 * sigma**2 * pixels * camera.background_variance)) / 2
    return camera.zero_point - 2.5 * math.log10(signal / share / camera.exposure_time)


def test_a_visit_of_rubin_is_as_deep_as_published():
    """SMTN-002: 24.13 in a visit of 30 s, in 2.266 (FWHM_eff / pixel)^2 pixels."""
    visit = Camera.of_preset("rubin_lsst_i").model_copy(update={"exposure_time": 30.0, "n_exposures": 1})
    assert faintest(visit, 2.266 * (0.80 / visit.pixel_scale) ** 2) == pytest.approx(24.13, abs=0.03)


def test_an_orbit_of_acs_is_as_deep_as_in_cosmos():
    """Scoville et al. 2007: 27.2 in an aperture of 0.24 arcsec, which holds about 0.7 of a star (ACS IHB, encircled energy)."""
    camera = Camera.of_preset("hst_acs_f814w")
    pixels = math.pi * (0.12 / camera.pixel_scale) ** 2
    assert faintest(camera, pixels, share=0.7) == pytest.approx(27.2, abs=0.3)


@pytest.mark.reference
@pytest.mark.parametrize(
    ("name", "module", "band", "within"),
    [
        ("roman_wfi_f129", "Roman", "F129", {"zero_point": 0.01, "sky_brightness": 0.01, "psf_fwhm": 1e-3}),
        ("rubin_lsst_i", "LSST", "i", {"zero_point": 0.4, "sky_brightness": 0.15, "psf_fwhm": 0.01}),
        ("jwst_nircam_f150w", "JWST", "F150W", {"zero_point": 0.01, "psf_fwhm": 1e-3}),
    ],
)
def test_lenstronomy_has_such_numbers(name, module, band, within):
    """LSST's zero point there is of older throughputs; JWST's sky is one of a pixel."""
    from importlib import import_module

    path = f"lenstronomy.SimulationAPI.ObservationConfig.{module}"
    theirs = getattr(import_module(path), module)(band=band).kwargs_single_band()
    camera = Camera.of_preset(name)
    names = {"zero_point": "magnitude_zero_point", "psf_fwhm": "seeing"}
    for key, tolerance in within.items():
        assert getattr(camera, key) == pytest.approx(theirs[names.get(key, key)], abs=tolerance), key
    assert camera.pixel_scale == theirs["pixel_scale"]
    if module == "Roman":
        assert camera.exposure_time == theirs["exposure_time"] * theirs["num_exposures"]
    if module == "JWST":
        sky = theirs["sky_brightness"] + 2.5 * math.log10(camera.pixel_scale**2)
        assert camera.sky_brightness == pytest.approx(sky, abs=0.05)


@pytest.mark.parametrize("name", OTHERS)
def test_every_number_has_its_source(name):
    lines = (ROOT / "configs" / "instrument" / f"{name}.yaml").read_text().splitlines()
    wanted = r"(pixel_scale|psf_fwhm|zero_point|exposure_time|sky|read|dark)"
    numbers = [line for line in lines if re.match(wanted, line)]
    assert len(numbers) == 7
    assert all(len(line.partition("#")[2]) > 20 or "in the read noise" in line for line in numbers)
    assert any("Gain" in line for line in lines)


@pytest.mark.parametrize("name", OTHERS)
def test_each_has_a_suite_of_its_own_and_is_in_the_guide(name):
    config = load_config(ROOT / "configs" / "populations" / "instruments" / f"{name}.yaml", SimulateConfig)
    assert config.instrument == Camera.of_preset(name)
    assert config.population.suite == name
    assert f"`{name}`" in (ROOT / "docs" / "guides" / "instruments.md").read_text()


def test_a_preset_is_named_and_changed_on_the_command_line():
    said = ["instrument.preset=hst_acs_f814w", "instrument.exposure_time=1000"]
    config = load_config(POPULATION, SimulateConfig, said)
    expected = Camera.of_preset("hst_acs_f814w").model_copy(update={"exposure_time": 1000.0})
    assert config.instrument == expected
    assert set(OTHERS) < set(preset_names())


def test_an_unknown_preset_is_told_with_those_that_there_are():
    with pytest.raises(ConfigError, match=r"instrument.* no preset hst: take one of euclid_vis_paper, .*rubin_lsst_i"):
        load_config(POPULATION, SimulateConfig, ["instrument.preset=hst"])


def test_a_wide_psf_is_written_whole():
    """The image of a PSF in a set holds the light that a Gaussian of this width has, of which 0.6 arcsec would cut off some."""
    from lenssbi.rendering.simulation import Simulation

    path = ROOT / "configs" / "populations" / "instruments" / "rubin_lsst_i.yaml"
    psf = Simulation(load_config(path, SimulateConfig)).psf
    assert psf.fwhm == pytest.approx(0.71, rel=0.01)
    assert psf.image[0].sum() / psf.image.sum() < 1e-6
