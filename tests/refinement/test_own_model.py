"""The image that a network's answer stands for."""

from dataclasses import replace

import numpy as np
import pytest

from lenssbi.posteriors import DiagonalMixture
from lenssbi.refinement.own_model import own_model
from lenssbi.status import ItemError, Status

NAMES = ("einstein_radius", "e1", "e2")


def answer(radius, e1=0.1, e2=-0.05):
    return DiagonalMixture(np.array([[radius, e1, e2]]), np.full((1, 3), 0.01), NAMES, ("arcsec", "", ""))


def test_a_right_answer_leaves_noise(ring, truth):
    found = own_model(ring, answer(truth["einstein_radius"]), np.random.default_rng(0), np.inf)
    assert 0.7 < found.chi2 < 1.3
    assert np.isfinite(found.image[found.mask]).all()


def test_a_ring_that_the_core_covers_is_a_status(ring):
    """The arcs lie beyond the core that the light's fit cut out, and the answer's ring lies inside it: no pixel is left to compare."""
    hidden = replace(ring, info={**ring.info, "lens_light_core": 0.95})
    with pytest.raises(ItemError) as caught:
        own_model(hidden, answer(0.05), np.random.default_rng(0), np.inf)
    assert caught.value.status is Status.NO_ARCS
