"""A stamp of each preset of `configs/instrument`, written to a FITS file and fitted without a network."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from lenssbi.config import load_config, parse
from lenssbi.dataset.hdf5 import StampSet
from lenssbi.estimators.load import load_estimator
from lenssbi.instrument import Camera
from lenssbi.pipelines import refine, simulate
from lenssbi.refinement.config import RefineConfig
from lenssbi.rendering.simulation import SimulateConfig

SUITES = Path(__file__).parents[2] / "configs" / "populations" / "instruments"
SMALL = {  # pixels along a side, Einstein radii [arcsec] and magnitudes: a ring in a few hundred pixels
    "hst_acs_f814w": (64, [0.7, 0.9], [23.5, 24.5]),
    "jwst_nircam_f150w": (80, [0.5, 0.65], [24.0, 25.0]),
    "roman_wfi_f129": (40, [0.8, 1.1], [22.5, 23.5]),
    "rubin_lsst_i": (40, [1.4, 1.9], [21.5, 22.5]),
}
QUICK = parse(
    {
        "prior": {"mode": "blind"},
        "mass": {"shear": False},
        "mesh": {"pixels": 64},
        "start": {"candidates": 32},
        "sampler": {"importance_n_eff": 40, "max_evaluations": 1500},
        "lens_light": "none",
    },
    RefineConfig,
    "test",
)


@pytest.fixture(scope="module", params=sorted(SMALL))
def lens(request, tmp_path_factory):
    """The name of a preset, a stamp that it took, and the truth."""
    side, radii, magnitudes = SMALL[request.param]
    said = [f"instrument.shape=[{side},{side}]", f"population.mass.einstein_radius={radii}"]
    said.append(f"population.source.scale.magnitude={magnitudes}")
    path = tmp_path_factory.mktemp("set") / f"{request.param}.h5"
    simulate.run(load_config(SUITES / f"{request.param}.yaml", SimulateConfig, said), path, 1, seed=1)
    stamps = StampSet(path)
    return request.param, stamps.stamp(0), stamps.truth(0)


def write(path, stamp):
    """A FITS file as a user has it: the pixels of the image in its header, those of the PSF in the PSF's own."""
    scale = fits.Header({"PIXSCALE": stamp.pixel_scale, "MAGZERO": stamp.zero_point, "FILTER": stamp.band})
    point = fits.Header({"PIXSCALE": stamp.psf.pixel_scale, "PSFKIND": stamp.psf.kind})
    planes = [("SCI", stamp.image, scale), ("ERR", stamp.noise, None), ("PSF", stamp.psf.image, point)]
    units = [fits.ImageHDU(np.asarray(data), header, name) for name, data, header in planes]
    fits.HDUList([fits.PrimaryHDU(), *units]).writeto(path)
    return path


@pytest.mark.slow
def test_a_blind_fit_finds_the_einstein_radius(lens, tmp_path):
    name, stamp, truth = lens
    done = refine.run([str(write(tmp_path / "lens.fits", stamp))], config=QUICK, out=tmp_path / "fits", figures=False)
    found = done.items[0].params["einstein_radius"]
    off, sigma = abs(found.median - truth["einstein_radius"]), (found.upper - found.lower) / 2
    assert off < 3 * sigma, f"{name}: {found.median:.4f} for {truth['einstein_radius']:.4f}, sigma {sigma:.4f}"
    assert off < 0.05 * truth["einstein_radius"]


def test_the_stamp_has_the_pixels_the_psf_and_the_noise_of_the_preset(lens):
    name, stamp, _ = lens
    camera = Camera.of_preset(name)
    assert (stamp.pixel_scale, stamp.band) == (camera.pixel_scale, camera.band)
    one_electron = camera.zero_point + 2.5 * np.log10(camera.exposure_time)
    assert stamp.zero_point == pytest.approx(one_electron)
    assert stamp.psf.kind == "optical"
    assert stamp.psf.fwhm == pytest.approx(camera.psf_fwhm, rel=0.02)
    edge = np.concatenate([stamp.image[:3].ravel(), stamp.image[-3:].ravel()])
    assert np.median(stamp.noise[:3]) ** 2 == pytest.approx(camera.background_variance, rel=0.05)
    assert np.std(edge) == pytest.approx(np.sqrt(camera.background_variance), rel=0.2)


def test_the_networks_of_euclid_are_not_for_it(lens):
    name, stamp, _ = lens
    wide = replace(stamp, info={})
    assert "pixel" in (load_estimator("euclid-vis-sie").applies_to(wide) or ""), name
