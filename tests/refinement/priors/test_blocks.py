"""Laws of the prior blocks: a quantile undoes nothing, but its density is the Jacobian of the map."""

import numpy as np
import pytest

from lenssbi.parameters import Normal, Uniform, axis_ratio, position_angle
from lenssbi.refinement.priors.blocks import Ellipse, JointPrior, Single

BLOCKS = [
    Ellipse(0.4),
    Ellipse(0.55, 0.75, phi=0.3, half_width=0.7),
    Ellipse(0.6, 0.9),
    JointPrior((Single("einstein_radius", Uniform(0.7, 1.1)), Ellipse(0.4))),
    JointPrior((Ellipse(0.3), Single("centre_x", Normal(0.0, 0.1, -0.5, 0.5)))),
]


@pytest.mark.parametrize("block", BLOCKS, ids=repr)
def test_density_is_the_inverse_jacobian_of_the_quantile(block):
    n = len(block.names)
    u = np.random.default_rng(0).uniform(0.02, 0.98, size=(200, n))
    if n >= 2:  # the concentric map has a kink on the diagonals and a point at its middle
        columns = u[:, 1:3] if block.names[0] == "einstein_radius" else u[:, :2]
        a, b = 2 * columns.T - 1
        u = u[(np.abs(np.abs(a) - np.abs(b)) > 1e-3) & (np.abs(a) > 1e-2) & (np.abs(b) > 1e-2)]
    h = 1e-6
    columns = [(block.quantile(u + step) - block.quantile(u - step)) / (2 * h) for step in h * np.eye(n)]
    jacobian = np.abs(np.linalg.det(np.stack(columns, axis=-1)))
    np.testing.assert_allclose(np.exp(block.log_prob(block.quantile(u))) * jacobian, 1.0, rtol=1e-4)


def test_a_full_turn_is_uniform_in_axis_ratio_and_angle():
    u = np.random.default_rng(1).random((50_000, 2))
    e = Ellipse(0.4).quantile(u) @ [1, 1j]
    q, phi = axis_ratio(e), position_angle(e)
    np.testing.assert_allclose(np.quantile(q, [0.25, 0.5, 0.75]), [0.55, 0.7, 0.85], atol=0.01)
    np.testing.assert_allclose(np.quantile(phi, [0.25, 0.5, 0.75]), np.pi * np.array([0.25, 0.5, 0.75]), atol=0.03)
    assert abs(np.corrcoef(q, phi)[0, 1]) < 0.02


def test_the_map_of_a_full_turn_has_no_seam():
    corner = np.linspace(0, 1, 400)
    edge = np.concatenate([np.stack([corner, 0 * corner], 1), np.stack([0 * corner + 1, corner], 1)])
    steps = np.abs(np.diff(Ellipse(0.4).quantile(edge) @ [1, 1j]))
    assert steps.max() < 0.01


def test_outside_is_impossible():
    sector = Ellipse(0.5, 0.8, phi=0.0, half_width=0.5)
    outside = np.array([[0.9, 0.0], [0.01, 0.0], [0.0, 0.4], [1.2, 0.0]])
    assert np.isneginf(sector.log_prob(outside)).all()
    with pytest.raises(ValueError, match="q_low"):
        Ellipse(0.9, 0.5)
