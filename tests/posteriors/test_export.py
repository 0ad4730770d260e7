"""Exports to COOLEST: the other package reads the lens that was written."""

import json
import sys

import numpy as np
import pytest

from lenssbi.lensing import EllipticalPowerLaw, ExternalShear
from lenssbi.parameters.conventions import CONVENTIONS
from lenssbi.posteriors import Samples
from lenssbi.posteriors.export import arviz as ours
from lenssbi.posteriors.export import coolest as theirs
from lenssbi.status import InputError

from .made_up_posteriors import NAMES, UNITS, cloud, lens


def columns(samples, names):
    return samples.select(tuple(names))


def read(path, check_external_files=False):
    serializer = pytest.importorskip("coolest.template.json").JSONSerializer
    reader = serializer(str(path.with_suffix("")), check_external_files=check_external_files)
    return reader.load(skip_jsonpickle=True, verbose=False)


def mass_model(path, **choices):
    from coolest.api.composable_models import ComposableMassModel

    template = read(path)
    entities = list(range(len(template.lensing_entities)))
    return ComposableMassModel(template, str(path.parent), entity_selection=entities, **choices)


class TestCoolest:
    @pytest.fixture(autouse=True)
    def _package(self):
        pytest.importorskip("coolest")

    @pytest.mark.parametrize("phi", [0.0, 20.0, 90.0, 135.0, 179.0])
    @pytest.mark.parametrize(("slope", "q"), [(2.0, 0.5), (1.7, 0.8), (2.4, 0.95)])
    def test_its_own_deflections_are_ours(self, tmp_path, phi, slope, q):
        values = lens(q, phi, slope)
        path = theirs.write(Samples(values[None], NAMES, UNITS), tmp_path / "lens.json")
        theta = np.array([1.0 + 0.2j, -0.8 + 1.1j, 0.1 - 1.9j, -2.0 - 0.5j])
        mass = EllipticalPowerLaw(values[0], values[1], values[2], values[3], values[6] + 1j * values[7])
        expected = mass.deflection(theta) + ExternalShear(complex(values[4], values[5])).deflection(theta)
        x, y = mass_model(path).evaluate_deflection(theta.real, theta.imag)
        np.testing.assert_allclose(x + 1j * y, expected, rtol=1e-9)
        kappa = mass_model(path).evaluate_convergence(theta.real, theta.imag)
        np.testing.assert_allclose(kappa, mass.convergence(theta), rtol=1e-9)

    @pytest.mark.reference
    def test_lenstronomy_agrees(self, tmp_path):
        """By its own conversion of angles and radii, from what is in the file."""
        models = pytest.importorskip("lenstronomy.LensModel.lens_model")
        values = lens(0.6, 35.0, 1.9)
        path = theirs.write(Samples(values[None], NAMES, UNITS), tmp_path / "lens.json")
        galaxy, field = (entity.mass_model[0].parameters for entity in read(path).lensing_entities)
        at = {name: p.point_estimate.value for name, p in (galaxy | field).items()}
        e = (1 - at["q"]) / (1 + at["q"]) * np.exp(2j * np.radians(at["phi"] + 90))
        shear = at["gamma_ext"] * np.exp(2j * np.radians(at["phi_ext"] + 90))
        epl = {"theta_E": at["theta_E"], "gamma": at["gamma"], "e1": e.real, "e2": e.imag}
        epl |= {"center_x": at["center_x"], "center_y": at["center_y"]}
        x, y = models.LensModel(["EPL", "SHEAR"]).alpha(
            np.array([1.0, -0.4]), np.array([0.3, 1.2]), [epl, {"gamma1": shear.real, "gamma2": shear.imag}]
        )
        mine = mass_model(path).evaluate_deflection(np.array([1.0, -0.4]), np.array([0.3, 1.2]))
        np.testing.assert_allclose(mine, (x, y), atol=2e-8)

    def test_what_is_known_of_the_stamp_comes_back(self, tmp_path):
        image = np.random.default_rng(0).normal(size=(100, 100))
        observed = theirs.Observed("J1", 0.1, image, "electron", "VIS", 24.5, 10.5, -20.25)
        path = theirs.write(cloud(lens()), tmp_path / "lens.json", observed)
        template = read(path, check_external_files=True)
        assert template.standard == "COOLEST"
        assert template.lensing_entities[0].name == "J1"
        assert (template.instrument.pixel_size, template.instrument.band) == (0.1, "VIS")
        assert template.observation.pixels.shape == (100, 100)
        assert template.observation.pixels.field_of_view_x == [-5.0, 5.0]
        assert template.observation.mag_zero_point == 24.5
        assert (template.coordinates_origin.ra, template.coordinates_origin.dec) == ("00h42m00s", "-20d15m00s")
        np.testing.assert_allclose(template.observation.pixels.get_pixels(str(tmp_path)), image, rtol=1e-6)
        assert template.meta["notes"] == []
        assert template.meta["image_unit"] == "electron"
        assert template.meta["lenssbi_conventions"]["einstein_radius"] == CONVENTIONS["einstein_radius"]

    @pytest.mark.parametrize(
        ("observed", "side", "scale"),
        [
            (theirs.Observed(), 100, 8 * 1.3 / 100),
            (theirs.Observed(pixel_scale=0.1), 104, 0.1),
            (theirs.Observed(pixel_scale=0.1, shape=(90, 80)), 90, 0.1),
            (theirs.Observed(pixel_scale=0.1, shape=(90, 80), image=np.ones((90, 80))), 90, 0.1),
            (theirs.Observed(pixel_scale=0.1, shape=(90, 81), image=np.ones((90, 81))), 90, 0.1),
        ],
    )
    def test_its_analysis_opens_every_template(self, tmp_path, observed, side, scale):
        util = pytest.importorskip("coolest.api.util")
        analysis = pytest.importorskip("coolest.api.analysis").Analysis
        samples = Samples(lens(shear=0j)[None], NAMES, UNITS)
        path = theirs.write(samples, tmp_path / "lens.json", observed)
        template = util.get_coolest_object(str(tmp_path / "lens"))
        assert template.observation.pixels.shape == (side, side)
        assert template.instrument.pixel_size == pytest.approx(scale)
        found = analysis(template, str(tmp_path / "lens"), supersampling=5)
        assert found.effective_einstein_radius(entity_selection=[0]) == pytest.approx(1.3, rel=0.02)
        image, notes = template.observation.pixels.get_pixels(str(tmp_path)), " ".join(read(path).meta["notes"])
        if observed.image is not None and observed.image.shape == (90, 80):
            assert np.isfinite(image[:, 5:-5]).all()
            assert np.isnan(image[:, [0, 4, -5, -1]]).all()
            assert "80 x 90 pixels is padded" in notes
        else:
            assert np.isnan(image).all()
            assert "every pixel is blank" in notes
        assert ("placeholders" in notes) is (observed.pixel_scale is None)

    def test_what_is_not_known_is_said_to_be_made_up(self, tmp_path):
        path = theirs.write(columns(cloud(lens()), NAMES[:3]), tmp_path / "lens.json")
        template = read(path)
        (galaxy,) = template.lensing_entities
        text = " ".join(template.meta["notes"])
        for word in ("slope was not inferred: 2", "centre_x", "sky", "pixel"):
            assert word in text
        stored = json.loads(path.read_text())["lensing_entities"][0]["mass_model"][0]["parameters"]
        assert [name for name, p in stored.items() if p["fixed"]] == ["center_x", "center_y", "gamma"]
        assert galaxy.mass_model[0].parameters["gamma"].point_estimate.value == 2.0

    def test_statistics_are_those_of_the_weighted_draws(self, tmp_path):
        samples = cloud(lens(), weighted=True)
        path = theirs.write(samples, tmp_path / "lens.json")
        found = read(path).lensing_entities[0].mass_model[0].parameters
        wanted = samples.derived().summary()
        for name, mine in (("theta_E", "einstein_radius"), ("gamma", "slope"), ("q", "q"), ("center_y", "centre_y")):
            stats, summary = found[name].posterior_stats, wanted[mine]
            np.testing.assert_allclose(
                [stats.median, stats.percentile_16th, stats.percentile_84th, stats.mean],
                [summary.median, summary.lower, summary.upper, summary.mean],
            )
        assert found["theta_E"].posterior_stats.mean != pytest.approx(
            samples.column("einstein_radius").mean(), abs=1e-6
        )

    @pytest.mark.parametrize("phi", [1.0, 89.0, 91.0, 179.5])
    def test_angles_that_wrap_keep_their_interval(self, tmp_path, phi):
        path = theirs.write(cloud(lens(phi=phi)), tmp_path / "lens.json")
        angle = read(path).lensing_entities[0].mass_model[0].parameters["phi"]
        stats = angle.posterior_stats
        assert -90 < stats.median <= 90
        assert -90 < angle.point_estimate.value <= 90
        assert (stats.median + 90 - phi + 90) % 180 - 90 == pytest.approx(0, abs=0.5)
        assert 0 < stats.percentile_84th - stats.median < 4
        assert 0 < stats.median - stats.percentile_16th < 4
        assert stats.mean == pytest.approx(stats.median, abs=0.5)

    def test_its_analysis_reads_the_draws_and_their_weights(self, tmp_path):
        samples = cloud(lens(), count=300, weighted=True)
        path = theirs.write(samples, tmp_path / "lens.json")
        model = mass_model(path, load_posterior_samples=True)
        np.testing.assert_allclose(model.post_weights, samples.weights)
        theta = np.array([1.0 + 0.5j])
        kappas = [model._eval_pot_point(theta.real, theta.imag, params)[0] for params in model.post_param_list[:5]]
        for row, potential in zip(samples.values, kappas, strict=False):
            again = theirs.write(Samples(row[None], NAMES, UNITS), tmp_path / "one.json")
            assert mass_model(again).evaluate_potential(theta.real, theta.imag)[0] == pytest.approx(potential)

    def test_every_draw_of_the_chain_is_ours(self, tmp_path):
        import csv

        samples = cloud(lens(), count=200, weighted=True)
        path = theirs.write(samples, tmp_path / "lens.json")
        parameters = [p for e in read(path).lensing_entities for m in e.mass_model for p in m.parameters.items()]
        with (tmp_path / "lens_chain.csv").open() as file:
            rows = list(csv.DictReader(file))
        chain = {name: np.array([float(row[p.id]) for row in rows]) for name, p in parameters}
        for name, ours_name in (("theta_E", "einstein_radius"), ("gamma", "slope"), ("center_x", "centre_x")):
            np.testing.assert_allclose(chain[name], samples.column(ours_name))
        e = (1 - chain["q"] ** 2) / (1 + chain["q"] ** 2) * np.exp(2j * np.radians(chain["phi"] + 90))
        np.testing.assert_allclose(e, samples.column("e1") + 1j * samples.column("e2"))
        shear = chain["gamma_ext"] * np.exp(2j * np.radians(chain["phi_ext"] + 90))
        np.testing.assert_allclose(shear, samples.column("shear1") + 1j * samples.column("shear2"))

    def test_its_plots_show_the_lens_and_the_draws(self, tmp_path):
        pytest.importorskip("getdist")
        plotting = pytest.importorskip("coolest.api.plotting")
        from matplotlib import pyplot as plt

        samples = cloud(lens(), weighted=True)
        observed = theirs.Observed(pixel_scale=0.1, shape=(40, 40), image=np.ones((40, 40)))
        template = read(theirs.write(samples, tmp_path / "lens.json", observed))
        figure, axes = plt.subplots()
        plotter = plotting.ModelPlotter(template, coolest_directory=str(tmp_path))
        kappa = plotter.plot_convergence(axes, kwargs_lens_mass={"entity_selection": [0]})
        plt.close(figure)
        assert kappa.shape == (40, 40)
        assert np.unravel_index(kappa.argmax(), kappa.shape) in ((19, 20), (20, 20))  # centre_x 0.04, centre_y -0.07
        name = "0-galaxy-mass-0-PEMD-theta_E"
        shown = plotting.ParametersPlotter([name], [template], [str(tmp_path)], ["lens"])
        shown.init_getdist()
        (chain,) = shown.get_mcsamples_getdist()
        wanted = samples.summary()["einstein_radius"]
        assert chain.mean(name) == pytest.approx(wanted.mean)
        assert chain.std(name) == pytest.approx(wanted.sigma, rel=1e-2)

    def test_draws_of_no_weight_may_hold_anything(self, tmp_path):
        samples = cloud(lens(), count=50)
        values, log_weights = samples.values.copy(), np.zeros(50)
        values[7, 1], log_weights[7] = np.inf, -np.inf
        path = theirs.write(Samples(values, NAMES, UNITS, log_weights), tmp_path / "lens.json")
        assert "NaN" not in path.read_text()
        assert "Infinity" not in path.read_text()
        assert len((tmp_path / "lens_chain.csv").read_text().splitlines()) == 50

    def test_it_says_what_it_lacks(self, tmp_path):
        with pytest.raises(ValueError, match="lacks e1, e2"):
            theirs.write(columns(cloud(lens()), NAMES[:1]), tmp_path / "lens.json")
        with pytest.raises(ValueError, match=r"ends in \.json"):
            theirs.write(cloud(lens()), tmp_path / "lens.yaml")


@pytest.mark.parametrize(("module", "package"), [(theirs, "coolest"), (ours, "arviz")])
def test_without_the_package_the_remedy_is_named(module, package, tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    suffix = {"coolest": ".json", "arviz": ".nc"}[package]
    with pytest.raises(InputError, match=r"lenssbi\[export\]"):
        module.write(cloud(lens(), count=20), tmp_path / f"lens{suffix}")
    assert list(tmp_path.iterdir()) == []
