"""Magnification and magnitudes of a model against closed forms and lenstronomy."""

from dataclasses import replace

import numpy as np
import pytest

from lenssbi.refinement.photometry import photometry
from lenssbi.refinement.result import SourceImage

from .made_up_fit import FLUX, PARAMS, PLACE, SIGMA, made_up_fit

ROUND = dict.fromkeys(PARAMS, 0.0) | {"einstein_radius": 1.1}


def measured(**changes):
    fit = made_up_fit(**{"shape": (60, 60), **changes})
    return photometry(fit.stamp, fit.best, fit.lens_light)


@pytest.mark.parametrize("beta", [0.3, 0.55, 0.8])
def test_a_small_source_behind_an_isothermal_sphere(beta):
    """mu = 2 einstein_radius / beta, both images together; the mean of 1 / beta over a Gaussian adds sigma^2 / (2 beta^2)."""
    sigma = 0.04
    found = measured(params=ROUND, place=beta + 0j, sigma=sigma, extent=(beta - 0.2, beta + 0.2, -0.2, 0.2))
    wanted = 2 * 1.1 / beta * (1 + sigma**2 / (2 * beta**2))
    assert found.magnification == pytest.approx(wanted, rel=3e-3)


def test_a_source_behind_the_middle_of_an_isothermal_sphere():
    """The mean of 2 einstein_radius / beta over a round Gaussian in the middle: 2 einstein_radius sqrt(pi / 2) / sigma."""
    found = measured(params=ROUND, place=0j, sigma=0.1, extent=(-0.55, 0.55, -0.55, 0.55))
    assert found.magnification == pytest.approx(2 * 1.1 * np.sqrt(np.pi / 2) / 0.1, rel=3e-3)


def test_magnitudes_are_those_of_the_fluxes():
    found = measured(zero_point=24.6)
    assert found.mag_source == pytest.approx(24.6 - 2.5 * np.log10(FLUX), abs=2e-3)
    assert found.mag_source - found.mag_lensed_source == pytest.approx(2.5 * np.log10(found.magnification), abs=1e-12)
    light = made_up_fit(shape=(60, 60)).lens_light
    assert found.mag_lens_light == pytest.approx(24.6 - 2.5 * np.log10(light.sum()), abs=1e-12)


def test_the_lensed_flux_is_that_of_the_image():
    """Pixels of the model image, where the mask holds all of them and nothing is blurred."""
    fit = made_up_fit(shape=(60, 60))
    found = photometry(fit.stamp, fit.best, None)
    assert 10 ** (-0.4 * (found.mag_lensed_source - 24.6)) == pytest.approx(np.nansum(fit.best.image), rel=0.03)


def test_what_is_not_known_is_nan():
    assert np.isnan(measured(zero_point=None)[1:4]).all()
    assert measured(zero_point=None).magnification > 1
    assert np.isnan(measured(lens_light=False).mag_lens_light)
    fit = made_up_fit()
    dark = replace(fit.best, source=SourceImage(np.full((10, 10), np.nan), (-1.0, 1.0, -1.0, 1.0)))
    assert np.isnan(photometry(fit.stamp, dark, None)).all()


@pytest.mark.reference
def test_lenstronomy_agrees():
    models = pytest.importorskip("lenstronomy.LensModel.lens_model")
    profiles = pytest.importorskip("lenstronomy.LightModel.light_model")
    e = complex(PARAMS["e1"], PARAMS["e2"])  # (1 - q^2) / (1 + q^2), theirs is (1 - q) / (1 + q)
    q = np.sqrt((1 - abs(e)) / (1 + abs(e)))
    e = e / abs(e) * (1 - q) / (1 + q)
    sie = {"theta_E": PARAMS["einstein_radius"], "e1": e.real, "e2": e.imag}
    sie |= {"center_x": PARAMS["centre_x"], "center_y": PARAMS["centre_y"]}
    step = (np.arange(1200) + 0.5) * 0.005 - 3.0
    x, y = (axis.ravel() for axis in np.meshgrid(step, step))
    beta = models.LensModel(["SIE"]).ray_shooting(x, y, [sie])
    gaussian = {"amp": FLUX, "sigma": SIGMA, "center_x": PLACE.real, "center_y": PLACE.imag}
    lensed = profiles.LightModel(["GAUSSIAN"]).surface_brightness(*beta, [gaussian]).sum() * 0.005**2
    found = measured()
    assert found.magnification == pytest.approx(lensed / FLUX, rel=3e-3)
    assert found.mag_lensed_source == pytest.approx(24.6 - 2.5 * np.log10(lensed), abs=3e-3)
