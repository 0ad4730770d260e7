"""The coarse light cones of training against those of the test suites, haloes and all the same."""

from pathlib import Path

import numpy as np
import pytest

from lenssbi.config import load_config
from lenssbi.lensing.epl import EllipticalPowerLaw
from lenssbi.populations.light_cones import LightCone
from lenssbi.rendering.simulation import SimulateConfig

CONFIGS = Path(__file__).parents[2] / "configs" / "populations"
THETA = np.linspace(-4.5, 4.5, 20)[None, :] + 1j * np.linspace(-4.5, 4.5, 20)[:, None]
LENS = EllipticalPowerLaw(1.5, 0.1, 0.1)
Z_SOURCE = 3.0


def cone_and_deflection(distribution, seed):
    """A cone, and what it adds to the deflection of a lens in it [arcsec]."""
    cone = distribution.draw(np.random.default_rng(seed), (0.0, 2.0), Z_SOURCE)
    return cone, cone.around((LENS,), Z_SOURCE).deflection(THETA) - LENS.deflection(THETA)


def test_half_the_nodes_are_exact_enough_for_far_haloes():
    (_, full), (_, half) = (cone_and_deflection(LightCone(step=0.3, nodes=nodes), 1) for nodes in (1.0, 0.5))
    assert 0 < np.abs(full - half).max() < 1e-3 * np.abs(full).max()


def test_training_cones_are_close_to_those_of_the_suites():
    """0.01 arcsec rms, against the 0.1 to 0.3 that a cone deflects."""
    coarse = load_config(CONFIGS / "training_euclid_los.yaml", SimulateConfig).population.line_of_sight
    differences, deflections = [], []
    for seed in range(4):
        (fine, one), (training, other) = (cone_and_deflection(cones, seed) for cones in (LightCone(), coarse))
        assert fine.info["n_haloes"] == training.info["n_haloes"]
        assert training.info["cone_shear1"] == pytest.approx(fine.info["cone_shear1"], abs=0.005)
        differences.append(np.std(one - other))
        deflections.append(np.std(one))
    assert np.median(differences) < 0.012
    assert np.median(differences) < 0.1 * np.median(deflections)


def test_both_training_sets_have_the_same_cones():
    sie, power_law = (
        load_config(CONFIGS / f"training_euclid{kind}_los.yaml", SimulateConfig).population
        for kind in ("", "_power_law")
    )
    plain = load_config(CONFIGS / "training_euclid_power_law.yaml", SimulateConfig).population
    assert sie.line_of_sight == power_law.line_of_sight
    same = {"suite": plain.suite, "line_of_sight": None}
    assert power_law.model_copy(update=same) == plain
