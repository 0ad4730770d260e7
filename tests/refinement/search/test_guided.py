"""The search from a lens that is roughly known: its mass waits for the source."""

import numpy as np
import pytest

from lenssbi.arrays import pixel_grid
from lenssbi.instrument import PSF
from lenssbi.parameters import Normal, Uniform
from lenssbi.reconstruction.imaging import Imaging
from lenssbi.reconstruction.profiles import ProfileInversion, SourceEllipse
from lenssbi.refinement.priors.blocks import Ellipse, JointPrior, Single
from lenssbi.refinement.search.guided import HELD, RoughLens
from lenssbi.refinement.search.search import SearchSettings, search
from lenssbi.systems import deflectors

SHAPE, SCALE = (36, 36), 0.1
CENTRES = tuple(Single(name, Normal(0.0, 0.1, -0.5, 0.5)) for name in ("centre_x", "centre_y"))
SHEAR = tuple(Single(name, Normal(0.0, 0.1, -0.3, 0.3)) for name in ("shear1", "shear2"))
PRIOR = JointPrior((Single("einstein_radius", Uniform(0.3, 2.0)), Ellipse(0.2), *CENTRES, *SHEAR))
TRUTH = np.array([0.95, 0.1, -0.2, 0.02, -0.03, 0.05, -0.04])
SPREAD = np.array([0.08, 0.15, 0.15, 0.03, 0.03, 0.05, 0.05])
CLUMPS = (0.25 + 0.1j, -0.2 - 0.15j)


@pytest.fixture(scope="module")
def clumpy():
    """Two clumps behind a lens galaxy that outshines them, and the images of the galaxy's Gaussians."""
    rng = np.random.default_rng(3)
    theta = pixel_grid(SHAPE, SCALE)
    response = PSF.gaussian(0.17).response(SCALE, 2, 0.3)
    empty = Imaging(np.zeros(SHAPE), np.ones(SHAPE), np.abs(theta) < 1.7, response, SCALE, 2)
    beta = deflectors(dict(zip(PRIOR.names, TRUTH, strict=True))).source_angle(empty.theta)
    inversion = ProfileInversion(empty)
    rows = inversion.rows(beta, [SourceEllipse(place, 0j) for place in CLUMPS])
    count = inversion.profiles.count
    fluxes = np.zeros(len(rows))
    fluxes[4::count] = [9000.0, 5000.0]
    image = np.zeros(SHAPE)
    tiles = empty.tiles
    image.ravel()[tiles.place[tiles.place >= 0]] = (fluxes @ rows).reshape(tiles.place.shape)[tiles.place >= 0]
    glow = np.array([np.exp(-0.5 * (np.abs(theta) / width) ** 2) for width in (0.15, 0.4, 0.9)])
    image += np.tensordot([200.0, 60.0, 20.0], glow, 1) + rng.normal(size=SHAPE)
    return Imaging(image, np.ones(SHAPE), empty.mask, response, SCALE, 2), glow


@pytest.fixture(scope="module")
def starts():
    """What a network says whose mean is wrong by one of its sigmas, in each parameter."""
    rng = np.random.default_rng(0)
    return TRUTH + SPREAD * rng.choice([-1, 1], TRUTH.size) + SPREAD * rng.normal(size=(32, TRUTH.size))


SETTINGS = SearchSettings(sources=3)


def test_the_mass_waits_for_the_source(clumpy, starts):
    imaging, glow = clumpy
    mode = RoughLens(imaging, PRIOR, starts, SETTINGS).source(glow)
    assert len(mode.ellipses) > 1
    # `HELD` is a standard deviation: where the image is bright enough, it is outweighed
    assert (np.abs(mode.values - starts.mean(axis=0)) < 12 * HELD * starts.std(axis=0)).all()
    assert mode.charge > 1


def test_the_lens_is_found_from_a_rough_answer(clumpy, starts):
    imaging, glow = clumpy
    modes = RoughLens(imaging, PRIOR, starts, SETTINGS).modes(glow)
    best = max(modes, key=lambda mode: mode.total_evidence)
    np.testing.assert_allclose(best.values, TRUTH, atol=0.02)
    assert len(best.ellipses) == 2
    assert best.misfit < 1.15 * best.pixels


def test_what_is_known_competes_with_the_search(clumpy, starts):
    imaging, glow = clumpy
    modes = RoughLens(imaging, PRIOR, starts, SETTINGS).modes(glow)
    little = SearchSettings(draws=1, rounds=((1, 1),), sources=1, enriched=1)
    assert search(imaging, PRIOR, glow, settings=little)[0].misfit > 3 * imaging.n_pixels
    found = search(imaging, PRIOR, glow, settings=little, known=modes)
    np.testing.assert_allclose(found[0].values, TRUTH, atol=0.02)


def test_a_pinned_parameter_stays(clumpy, starts):
    imaging, glow = clumpy
    pinned = JointPrior((Single("einstein_radius", Normal(0.95, 1e-3, 0.2, 3.2)), *PRIOR.blocks[1:]))
    narrow = starts.copy()
    narrow[:, 0] = 0.95 + 1e-3 * np.random.default_rng(1).normal(size=len(starts))
    for mode in RoughLens(imaging, pinned, narrow, SETTINGS).modes(glow):
        assert mode.params["einstein_radius"] == pytest.approx(0.95, abs=0.01)
