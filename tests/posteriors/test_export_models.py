"""The model of a fit in other codes: their own image and critical curve are those of the fit."""

import json
from dataclasses import replace

import numpy as np
import pytest

from lenssbi.arrays import pixel_grid
from lenssbi.config import parse
from lenssbi.dataset.stamp import Stamp
from lenssbi.instrument import PSF
from lenssbi.lensing import critical_curves, equivalent_einstein_radius
from lenssbi.parameters.conversions import from_lenstronomy
from lenssbi.pipelines import refine
from lenssbi.posteriors import DiagonalMixture, Samples
from lenssbi.posteriors.export import coolest, hierarc, lenstronomy
from lenssbi.posteriors.export.coolest import Observed
from lenssbi.refinement.config import RefineConfig
from lenssbi.refinement.fit import restore
from lenssbi.refinement.restored import fitted_model
from lenssbi.status import InputError
from lenssbi.systems import deflectors

from ..refinement.made_up_fit import gaussian, made_up_fit

LENS = {
    "einstein_radius": 1.1,
    "e1": 0.12,
    "e2": -0.07,
    "shear1": 0.04,
    "shear2": -0.03,
    "centre_x": 0.04,
    "centre_y": -0.03,
}
MADE_UP = LENS | {"log10_strength": 3.0}
SIDE, PIXEL, FINE = 50, 0.1, 4
CONFIG = parse(
    {
        "mesh": {"pixels": 400, "subgrid": 4},
        "start": {"place": "prior"},
        "noise_scale": "claimed",
        "lens_light": "none",
    },
    RefineConfig,
    "test",
)


@pytest.fixture(scope="module")
def fitted():
    """A real reconstruction at the true mass, with a PSF that does not hold the pixel."""
    psf = PSF.gaussian(0.17, PIXEL / FINE)
    theta = pixel_grid((SIDE, SIDE), PIXEL, FINE)
    light = gaussian(deflectors(LENS).source_angle(theta), flux=400.0, sigma=0.1) * (PIXEL / FINE) ** 2
    from scipy.signal import fftconvolve

    image = fftconvolve(light, psf.image, mode="same").reshape(SIDE, FINE, SIDE, FINE).sum(axis=(1, 3))
    image = image + 0.05 * np.random.default_rng(0).normal(size=image.shape)
    stamp = Stamp(image, np.full(image.shape, 0.05), np.ones(image.shape, bool), psf, PIXEL, "ring")
    learned = DiagonalMixture(
        [[1.1, 0.12, -0.07]] * 2, [[0.02] * 3] * 2, ("einstein_radius", "e1", "e2"), ("arcsec", "", "")
    )
    problem, _ = refine.set_up(stamp, CONFIG, learned=learned)
    names = problem.priors.sampled.names
    best = {name: MADE_UP[name] for name in names}
    values = np.array(list(best.values())) + 0.01 * np.random.default_rng(1).normal(size=(60, len(names)))
    info = {"status": "DONE", "flags": [], "evaluations": 1, "seconds": 1.0, "attempt": "first"}
    info |= {"best": best, "best_log_likelihood": -1.0}
    return restore(problem, Samples(values, names, ("",) * len(names), info=info), None)


def written(fit, tmp_path, observed=None, drop=("lens_light",)):
    model = replace(fitted_model(fit), **dict.fromkeys(drop))
    path = lenstronomy.write(fit.samples, tmp_path / "lens.json", observed or Observed("J1"), model)
    return json.loads(path.read_text())


def their_image(found, **numerics):
    """Lenstronomy's own image of what is in a file."""
    from lenstronomy.Data.pixel_grid import PixelGrid
    from lenstronomy.Data.psf import PSF as TheirPSF
    from lenstronomy.ImSim.image_model import ImageModel
    from lenstronomy.LensModel.lens_model import LensModel
    from lenstronomy.LightModel.light_model import LightModel

    psf = dict(found["kwargs_psf"]) if numerics else {"psf_type": "NONE"}
    if numerics:
        psf["kernel_point_source"] = np.array(psf["kernel_point_source"])
    grid = found["kwargs_pixel_grid"] | {
        "transform_pix2angle": np.array(found["kwargs_pixel_grid"]["transform_pix2angle"])
    }
    lens, source = LensModel(found["lens_model_list"]), LightModel(found["source_light_model_list"])
    model = ImageModel(PixelGrid(**grid), TheirPSF(**psf), lens, source, kwargs_numerics=numerics)
    return model.image(found["kwargs_lens"], found["kwargs_source"], [], [])


@pytest.fixture(autouse=True)
def _package():
    pytest.importorskip("lenstronomy")


@pytest.mark.reference
def test_lenstronomy_makes_the_image_of_the_fit(fitted, tmp_path):
    """Light at sub-pixels, the PSF without the pixel on them, then averaged: to 1 per cent of the peak."""
    found = written(fitted, tmp_path)
    theirs = their_image(found, supersampling_factor=FINE, supersampling_convolution=True)
    peak = np.nanmax(fitted.best.image)
    assert np.nanmax(np.abs(theirs - fitted.best.image)) < 0.01 * peak
    assert np.nanmax(np.abs(theirs[1:] - fitted.best.image[:-1])) > 0.2 * peak, "a shift of a pixel shows"
    assert not found["includes_pixel"]


@pytest.mark.reference
def test_lenstronomy_makes_the_image_of_a_known_source(tmp_path):
    """A Gaussian at the centres of the pixels, nothing blurred: what is left is the interpolation of the source."""
    fit = made_up_fit(shape=(50, 50))
    theirs = their_image(written(fit, tmp_path))
    assert theirs.shape == (50, 50), "lenstronomy has square images only"
    assert np.nanmax(np.abs(theirs - fit.best.image)) < 0.005 * np.nanmax(fit.best.image)


@pytest.mark.reference
def test_lenstronomy_finds_the_critical_curve(fitted, tmp_path):
    from lenstronomy.LensModel.lens_model import LensModel
    from lenstronomy.LensModel.lens_model_extensions import LensModelExtensions

    found = written(fitted, tmp_path)
    lens = LensModelExtensions(LensModel(found["lens_model_list"]))
    x, y, _, _ = lens.critical_curve_caustics(found["kwargs_lens"], compute_window=5, grid_scale=0.02)
    theirs = equivalent_einstein_radius([a + 1j * b for a, b in zip(x, y, strict=True)])
    assert theirs == pytest.approx(equivalent_einstein_radius(fitted.best.critical_curves), rel=2e-3)
    back = from_lenstronomy(*found["kwargs_lens"])
    assert {name: back[name] for name in LENS} == pytest.approx({name: fitted.best.params[name] for name in LENS})


@pytest.mark.reference
def test_the_lens_light_is_the_image_that_was_observed(tmp_path):
    from lenstronomy.LightModel.light_model import LightModel

    fit = made_up_fit(shape=(40, 50))
    found = written(fit, tmp_path, drop=())
    theta = pixel_grid((40, 50), PIXEL)
    light = LightModel(found["lens_light_model_list"])
    theirs = light.surface_brightness(theta.real.ravel(), theta.imag.ravel(), found["kwargs_lens_light"])
    np.testing.assert_allclose(theirs.reshape(40, 50) * PIXEL**2, fit.lens_light, rtol=1e-6)


def test_without_a_model_there_are_the_medians_and_no_source(tmp_path):
    samples = made_up_fit().samples
    path = lenstronomy.write(samples, tmp_path / "lens.json", notes=("why",))
    found = json.loads(path.read_text())
    assert found["lens_model_list"] == ["EPL"]
    assert found["kwargs_lens"][0]["theta_E"] == samples.summary()["einstein_radius"].median
    assert found["source_light_model_list"] == found["kwargs_source"] == []
    assert found["notes"] == ["slope was not inferred: 2", "why"]


@pytest.mark.parametrize("scale", [0.025, 0.03])
def test_a_kernel_of_any_sampling_keeps_its_width(scale, tmp_path):
    fit = made_up_fit(shape=(40, 40))
    fit = replace(fit, stamp=replace(fit.stamp, psf=PSF.gaussian(0.3, scale)))
    psf = written(fit, tmp_path)["kwargs_psf"]
    kernel, step = np.array(psf["kernel_point_source"]), PIXEL / psf["point_source_supersampling_factor"]
    assert kernel.sum() == pytest.approx(1)
    assert PSF(kernel, step).fwhm == pytest.approx(0.3, rel=0.01)


class TestHierarc:
    def test_one_lens(self, tmp_path):
        rng = np.random.default_rng(0)
        values = np.column_stack([rng.normal(1.2, 0.03, 4000), rng.normal(2.1, 0.1, 4000)])
        samples = Samples(values, ("einstein_radius", "slope"), ("arcsec", ""))
        path = hierarc.write(samples, tmp_path / "lens.json", Observed("J1", z_lens=0.5, z_source=1.5))
        found = json.loads(path.read_text())["kwargs_lens_posterior"]
        assert list(found) == ["z_lens", "z_source", "theta_E", "theta_E_error", "gamma", "gamma_error"]
        wanted = {"z_lens": 0.5, "z_source": 1.5, "theta_E": 1.2, "gamma": 2.1}
        assert {name: found[name] for name in wanted} == pytest.approx(wanted, rel=3e-3)
        assert found["theta_E_error"] == pytest.approx(0.03, rel=0.05)
        assert found["gamma_error"] == pytest.approx(0.1, rel=0.05)

    def test_hierarc_itself_draws_the_lens(self):
        """Runs where hierArc is installed, which the tests do not require."""
        imaging = pytest.importorskip("hierarc.LensPosterior.imaging_constraints").ImageModelPosterior
        rng = np.random.default_rng(0)
        values = np.column_stack([rng.normal(1.2, 0.03, 4000), rng.normal(2.1, 0.1, 4000)])
        samples = Samples(values, ("einstein_radius", "slope"), ("arcsec", ""))
        found = hierarc.keywords(samples, Observed("J1", z_lens=0.5, z_source=1.5))["kwargs_lens_posterior"]
        of_image = {name: value for name, value in found.items() if name not in ("z_lens", "z_source")}
        lens = imaging(**of_image, r_eff=1.0, r_eff_error=0.05)
        np.random.seed(0)  # noqa: NPY002 - hierArc draws from it
        drawn = np.array([lens.draw_lens()[:2] for _ in range(2000)])
        np.testing.assert_allclose(drawn.mean(axis=0), [1.2, 2.1], rtol=0.01)
        np.testing.assert_allclose(drawn.std(axis=0), [0.03, 0.1], rtol=0.1)

    def test_an_isothermal_lens_says_that_its_slope_is_assumed(self):
        found = hierarc.keywords(made_up_fit().samples, Observed("J1", z_lens=0.5, z_source=1.5))
        assert (found["kwargs_lens_posterior"]["gamma"], found["kwargs_lens_posterior"]["gamma_error"]) == (2.0, 0.0)
        assert "by assumption" in found["notes"][0]

    def test_without_redshifts_the_remedy_is_named(self, tmp_path):
        with pytest.raises(InputError, match=r"J1: hierArc needs the redshifts .* --z-lens"):
            hierarc.write(made_up_fit().samples, tmp_path / "lens.json", Observed("J1", z_lens=0.5))


class TestCoolest:
    @pytest.fixture
    def template(self, fitted, tmp_path):
        util = pytest.importorskip("coolest.api.util")
        model = replace(fitted_model(fitted), lens_light=np.full(fitted.stamp.shape, 3.0))
        observed = Observed("J1", PIXEL, fitted.stamp.image, "electron", "VIS", 24.0, z_lens=0.4, z_source=1.9)
        coolest.write(fitted.samples, tmp_path / "lens.json", observed, model)
        return util.get_coolest_object(str(tmp_path / "lens"))

    @pytest.mark.reference
    def test_its_own_lensed_source_is_that_of_the_fit(self, template, fitted, tmp_path):
        from coolest.api.composable_models import ComposableLensModel

        theta = pixel_grid(fitted.stamp.shape, PIXEL)
        which = {
            "kwargs_selection_source": {"entity_selection": [2]},
            "kwargs_selection_lens_mass": {"entity_selection": [0, 1]},
        }
        theirs = ComposableLensModel(template, str(tmp_path), **which).evaluate_lensed_surface_brightness(
            theta.real, theta.imag
        )
        ours = their_image(written(fitted, tmp_path))
        assert (
            np.nanmax(np.abs(theirs - ours)) < 0.01 * ours.max()
        )  # theirs is a cubic through the pixels, ours is linear
        assert (template.lensing_entities[0].redshift, template.lensing_entities[2].redshift) == (0.4, 1.9)
        assert template.meta["point_estimate"] == "model of the highest likelihood"

    @pytest.mark.reference
    def test_its_own_critical_curve_is_that_of_the_fit(self, template, fitted, tmp_path):
        from coolest.api.composable_models import ComposableMassModel
        from coolest.api.util import find_all_lens_lines, get_coordinates

        mass = ComposableMassModel(template, str(tmp_path), entity_selection=[0, 1])
        lines, _ = find_all_lens_lines(get_coordinates(template).create_new_coordinates(pixel_scale_factor=0.2), mass)
        theirs = equivalent_einstein_radius([np.asarray(x) + 1j * np.asarray(y) for x, y in lines])
        ours = equivalent_einstein_radius(critical_curves(deflectors(fitted.best.params), 3.0, 400))
        assert theirs == pytest.approx(ours, rel=0.01)

    def test_its_lens_light_is_the_image(self, template, fitted, tmp_path):
        from coolest.api.composable_models import ComposableLightModel

        light = ComposableLightModel(template, str(tmp_path), entity_selection=[0])
        np.testing.assert_allclose(light.surface_brightness(), 3.0)
        theta = pixel_grid((20, 20), PIXEL)
        np.testing.assert_allclose(light.evaluate_surface_brightness(theta.real, theta.imag), 3.0, rtol=1e-5)

    def test_its_plots_show_the_source(self, template, fitted, tmp_path):
        pytest.importorskip("getdist")
        from coolest.api.plotting import ModelPlotter
        from matplotlib import pyplot as plt

        figure, axes = plt.subplots()
        plotter = ModelPlotter(template, coolest_directory=str(tmp_path))
        plotter.plot_surface_brightness(axes, kwargs_light={"entity_selection": [2]})
        (shown,) = axes.images
        plt.close(figure)
        assert np.nanmax(shown.get_array()) == pytest.approx(np.nanmax(fitted.best.source.image) * PIXEL**2, rel=5e-3)
