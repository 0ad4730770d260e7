"""Neighbours: where they are, how bright, and that they are in the image but not in the arcs."""

import numpy as np
import pytest

from lenssbi.populations import Population
from lenssbi.populations.neighbours import Neighbours
from lenssbi.rendering.simulation import SimulateConfig, Simulation

SMALL = {"instrument": {"shape": [60, 60]}, "rendering": {"engine": "batched"}}


def stream(index):
    return np.random.default_rng(np.random.SeedSequence(3, spawn_key=(index,)))


def test_they_lie_in_the_ring_and_have_the_magnitudes_asked_for():
    neighbours = Neighbours(magnitude=(19, 21), distance=(1.5, 4.0), q=(0.5, 0.9))
    centre = np.full(4000, 0.3 - 0.2j)
    (light,) = neighbours.draw(np.random.default_rng(1), centre)
    offset = (light.centre - 0.3 + 0.2j).ravel()
    magnitude = -2.5 * np.log10(light.flux.ravel())
    for values, low, high in ((np.abs(offset), 1.5, 4.0), (magnitude, 19, 21), (light.q.ravel(), 0.5, 0.9)):
        assert low <= values.min() <= values.max() <= high
        assert values.mean() == pytest.approx((low + high) / 2, abs=4 * (high - low) / np.sqrt(12 * 4000))
    # no direction is preferred
    assert abs(np.exp(1j * np.angle(offset)).mean()) < 4 / np.sqrt(4000)


def test_a_population_with_neighbours_has_the_same_lenses():
    lone = Population(lens_light={"residual": 0.1}).draw(np.random.default_rng(5), 3)
    crowded = Population(lens_light={"residual": 0.1}, neighbours={}).draw(np.random.default_rng(5), 3)
    np.testing.assert_array_equal(lone.params["e1"], crowded.params["e1"])
    assert [len(s) for s in (lone.system.lens_light, crowded.system.lens_light)] == [1, 2]
    assert [len(s) for s in (lone.system.lens_residual, crowded.system.lens_residual)] == [2, 3]
    assert crowded.system.lens_light[-1] is crowded.system.lens_residual[-1]


@pytest.mark.parametrize("engine", ["batched", "galsim"])
def test_the_light_and_its_shot_noise_are_in_the_stamp(engine):
    if engine == "galsim":
        pytest.importorskip("galsim")
    beside = {"magnitude": [19, 19], "distance": [1.5, 1.5], "effective_radius": [0.2, 0.2], "sersic_index": [1, 1]}
    population = {"lens_light": None, "z_lens": [0.5, 0.5], "z_source": [2.0, 2.0], "source_offset": [0.0, 0.1]}
    settings = {**SMALL, "rendering": {"engine": engine}}
    lone = Simulation(SimulateConfig.model_validate({**settings, "population": population})).stamps([stream(0)])
    crowded = {**population, "neighbours": beside}
    found = Simulation(SimulateConfig.model_validate({**settings, "population": crowded})).stamps([stream(0)])
    assert found.params["einstein_radius"] == lone.params["einstein_radius"]
    np.testing.assert_allclose(found.arcs, lone.arcs, atol=1e-3 * lone.arcs.max())
    more = (found.images - lone.images)[0].sum()
    electrons = SimulateConfig().instrument.electrons(19.0)
    assert more == pytest.approx(electrons, rel=0.05)
    variance = (found.noise**2 - lone.noise**2)[0]
    assert variance.sum() == pytest.approx(electrons, rel=0.05)
    assert np.unravel_index(variance.argmax(), variance.shape) == np.unravel_index(
        found.images[0].argmax(), variance.shape
    )


def test_refuses_what_cannot_be():
    with pytest.raises(ValueError, match="q is at most 1"):
        Neighbours(q=(0.5, 1.2))
    with pytest.raises(ValueError, match="distance needs low <= high"):
        Neighbours(distance=(4.0, 1.5))
