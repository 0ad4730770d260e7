"""The noise of a stamp's sky is measured once for each noise map."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from lenssbi.config import parse
from lenssbi.refinement import observation, prepare
from lenssbi.refinement.config import RefineConfig


@pytest.fixture
def measured(monkeypatch):
    """Noise maps whose sky was measured."""
    maps, sky_noise = [], observation.sky_noise

    def counted(stamp):
        maps.append(stamp.noise)
        return sky_noise(stamp)

    monkeypatch.setattr(observation, "sky_noise", counted)
    return maps


@pytest.mark.parametrize("choice", ["extended", "measured", "claimed", 1.2])
def test_one_measurement_for_scale_and_chi2(ring, measured, choice):
    loud = replace(ring, noise=1.6 * ring.noise)
    found = observation.observe(loud, parse({"noise_scale": choice}, RefineConfig, "test"))
    assert len(measured) == 1
    again = min(1.0, observation.measured_sky(found.stamp).ratio ** -2)
    assert found.sky_chi2 == pytest.approx(again, rel=1e-12)


def test_the_error_of_a_light_model_is_another_map(ring, measured):
    light = SimpleNamespace(extra_noise=np.full(ring.shape, 0.5), centre=0j)
    config = parse({"noise_scale": "claimed"}, RefineConfig, "test")
    found = observation.observe(ring, config, light)
    assert len(measured) == 2
    np.testing.assert_array_equal(measured[1], np.hypot(ring.noise, 0.5))
    seen = observation.seen_through(found, config, light, lambda places: np.ones(len(places)))
    assert len(measured) == 2
    assert (seen.sky_chi2, seen.noise_scale) == (found.sky_chi2, found.noise_scale)
    assert not seen.others.any()


def test_a_network_costs_no_other_measurement(ring, measured):
    network = SimpleNamespace(sees_lens_light=False, applies_to=lambda stamp: "other pixels", identity="")
    prepare.set_up(ring, parse({}, RefineConfig, "test"), network)
    assert len(measured) == 1
