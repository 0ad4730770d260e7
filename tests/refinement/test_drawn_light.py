"""Errors of fluxes, magnification and size of the source: those of models that are drawn from the posterior."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from lenssbi.posteriors import Samples
from lenssbi.posteriors.cosmology import kpc_per_arcsec
from lenssbi.refinement.drawn_light import COUNT, drawn_photometry, fit_quantities, light_quantities
from lenssbi.refinement.photometry import Photometry, half_light_radius, photometry
from lenssbi.refinement.result import SourceImage
from lenssbi.systems import deflectors

from .made_up_fit import PARAMS, made_up_fit, source_image

SIGMA = 0.1
NAMES = ("e1", "einstein_radius", "e2", "centre_x", "centre_y", "log10_strength")


class Likelihood:
    """A source whose width follows from one parameter."""

    def params(self, row):
        return dict(zip(PARAMS, map(float, row), strict=True))

    def model(self, row):
        params = self.params(row)
        source = source_image(side=60, sigma=SIGMA * params["einstein_radius"])
        return SimpleNamespace(lens=deflectors(params), source=source, lens_light=None)


def drawn(spread=0.05, light=True):
    fit = made_up_fit(shape=(40, 40))
    values = np.tile([PARAMS[name] for name in NAMES], (500, 1))
    values[:, 1] += spread * np.random.default_rng(0).normal(size=500)
    samples = Samples(values, NAMES, ("",) * 6)
    apart = fit.stamp, fit.lens_light if light else None
    return samples, drawn_photometry(samples, Likelihood(), lambda model: apart)


@pytest.fixture(scope="module")
def models():
    return drawn()


def test_every_quantity_is_measured_in_every_model(models):
    _, found = models
    assert tuple(found) == Photometry._fields
    assert {len(values) for values in found.values()} == {COUNT}


def test_they_spread_as_the_posterior_does(models):
    """The half-light radius of a Gaussian is sqrt(2 ln 2) sigma, here a multiple of the Einstein radius."""
    samples, found = models
    sizes = light_quantities(found, {})["source_half_light_radius"]
    wanted = SIGMA * np.sqrt(2 * np.log(2)) * np.quantile(samples.column("einstein_radius"), [0.16, 0.5, 0.84])
    found = [sizes.lower, sizes.median, sizes.upper]
    assert found == pytest.approx(
        list(wanted), rel=0.02
    )  # 32 draws know a limit to 0.25 sigma, and sigma is 0.045 of the size
    assert sizes.unit == "arcsec"


def test_lengths_need_the_redshift_of_the_source(models):
    _, found = models
    facts = {"z_source": 1.5, "cosmology": "H0=70,Om0=0.3"}
    summary = light_quantities(found, facts)
    assert "source_half_light_radius_kpc" not in light_quantities(found, {"z_lens": 0.3})
    ratio = summary["source_half_light_radius_kpc"].upper / summary["source_half_light_radius"].upper
    assert ratio == pytest.approx(kpc_per_arcsec(1.5, "H0=70,Om0=0.3"))


def test_what_is_the_same_in_all_models_has_no_error(models):
    light = light_quantities(models[1], {})["mag_lens_light"]
    assert np.isfinite(light.median)
    assert np.isnan([light.lower, light.upper]).all()


def test_what_is_not_known_is_not_there():
    fit = made_up_fit(shape=(40, 40), zero_point=None, lens_light=False)
    one = {name: [value] for name, value in photometry(fit.stamp, fit.best, None)._asdict().items()}
    assert set(light_quantities(one, {})) == {"magnification", "source_half_light_radius"}
    assert light_quantities({}, {"z_source": 1.0}) == {}


def test_a_fit_without_drawn_models_has_the_numbers_of_its_best_one():
    fit = made_up_fit(shape=(40, 40))
    measured = photometry(fit.stamp, fit.best, fit.lens_light)._asdict()
    found = fit_quantities(replace(fit.samples, info={"photometry": measured}), fit.stamp)
    assert {name: found[name].median for name in measured} == pytest.approx(measured)
    assert found["effective_einstein_radius"].median == pytest.approx(1.1, rel=0.01)


@pytest.mark.parametrize("q", [1.0, 0.5])
def test_the_half_light_radius_of_an_elliptical_gaussian(q):
    """Half of the light is within the isophote of radius sqrt(2 ln 2) sigma along the intermediate axis."""
    step = 0.01
    x, y = np.meshgrid(*[step * (np.arange(200) - 99.5)] * 2)
    image = np.exp(-(q * x**2 + y**2 / q) / (2 * 0.12**2))
    source = SourceImage(image, (-1.0, 1.0, -1.0, 1.0))
    assert half_light_radius(source) == pytest.approx(0.12 * np.sqrt(2 * np.log(2)), rel=2e-3)


def test_the_half_light_radius_of_a_disc_and_of_nothing():
    step = 0.01
    x, y = np.meshgrid(*[step * (np.arange(200) - 99.5)] * 2)
    disc = np.where(np.hypot(x, y) < 0.5, 3.0, np.nan)
    assert half_light_radius(SourceImage(disc, (-1.0, 1.0, -1.0, 1.0))) == pytest.approx(0.5 / np.sqrt(2), rel=2e-3)
    assert np.isnan(half_light_radius(SourceImage(np.zeros((4, 4)), (-1.0, 1.0, -1.0, 1.0))))
