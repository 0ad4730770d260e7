"""Posteriors in the format of ArviZ."""

import json

import numpy as np
import pytest

from lenssbi.parameters.conventions import CONVENTIONS
from lenssbi.posteriors.export import arviz as ours
from lenssbi.posteriors.samples import systematic

from .made_up_posteriors import cloud, lens


class TestArviz:
    @pytest.fixture(autouse=True)
    def _package(self):
        pytest.importorskip("arviz")

    def test_equal_weights_go_through_as_they_are(self):
        samples = cloud(lens())
        data = ours.to_inference_data(samples)
        np.testing.assert_array_equal(data.posterior["slope"].values[0], samples.column("slope"))
        assert data.posterior.attrs["resampled"].startswith("no")
        assert {"q", "phi"} <= set(data.posterior.data_vars)

    def test_the_file_comes_back_with_units_and_conventions(self, tmp_path):
        import arviz

        samples = cloud(lens(), weighted=True)
        data = arviz.from_netcdf(ours.write(samples, tmp_path / "lens.nc", about={"lens": "J1"}))
        assert data.posterior["phi"].attrs["units"] == "deg"
        assert data.posterior["phi"].attrs["period"] == 180
        assert data.posterior["einstein_radius"].attrs["description"] == CONVENTIONS["einstein_radius"]
        assert json.loads(data.posterior.attrs["conventions"])["e1"] == CONVENTIONS["e1"]
        assert data.posterior.attrs["log_evidence"] == -12.5
        assert data.posterior.attrs["n_eff"] == pytest.approx(samples.n_eff)
        assert data.posterior.attrs["lens"] == "J1"
        assert data.posterior.sizes["draw"] == round(samples.n_eff)

    def test_arviz_reads_every_value_of_every_parameter(self, tmp_path):
        import arviz

        samples = cloud(lens(), count=300)
        data = arviz.from_netcdf(ours.write(samples, tmp_path / "lens.nc", about={"lens": "phi"}))
        expected = samples.derived()
        assert list(data.posterior.data_vars) == list(expected.names)
        assert set(data.posterior.coords) == {"chain", "draw"}
        for name in expected.names:
            np.testing.assert_array_equal(data.posterior[name].values[0], expected.column(name))
        table = arviz.summary(data, kind="stats", round_to="none")
        assert set(table.index) == set(expected.names)
        for name, row in table["mean"].items():
            assert row == pytest.approx(expected.column(name).mean())
        assert data.posterior.attrs["frame"].startswith("x to the right")

    def test_the_reserved_attribute_is_refused(self):
        with pytest.raises(ValueError, match="names of variables"):
            ours.to_inference_data(cloud(lens(), count=20), about={"coordinates": "phi"})

    def test_resampled_draws_have_the_weighted_moments(self):
        samples = cloud(lens(), count=20_000, weighted=True)
        data = ours.to_inference_data(samples, seed=1)
        mean, error = samples.summary()["slope"].mean, 0.05 / np.sqrt(samples.n_eff)
        assert float(data.posterior["slope"].mean()) == pytest.approx(mean, abs=3 * error)
        again = ours.to_inference_data(samples, seed=1)
        np.testing.assert_array_equal(again.posterior["slope"].values, data.posterior["slope"].values)

    def test_each_draw_is_taken_as_often_as_its_weight_says(self):
        weights = np.random.default_rng(0).dirichlet(np.ones(40))
        for seed in range(20):
            times = np.bincount(systematic(weights, 500, seed), minlength=40)
            assert times.sum() == 500
            assert (np.abs(times - 500 * weights) < 1).all()

    def test_no_draw_without_weight_is_taken(self):
        weights = np.array([0.0, 0.3, 0.7 - 1e-12, 0.0])
        for seed in range(50):
            assert set(systematic(weights, 1000, seed).tolist()) == {1, 2}

    def test_log_weights_are_those_of_the_draws(self):
        samples = cloud(lens(), weighted=True)
        data = ours.to_inference_data(samples)
        radii, kept = samples.column("einstein_radius"), data.posterior["einstein_radius"].values[0]
        rows = [int(np.flatnonzero(radii == value)[0]) for value in kept]
        np.testing.assert_allclose(data.sample_stats["log_weight"].values[0], np.log(samples.weights[rows]))
