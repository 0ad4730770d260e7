"""The first stage: the right lens from nothing, its errors, and what is done with several answers."""

from dataclasses import replace

import numpy as np
import pytest

from lenssbi.arrays import pixel_grid
from lenssbi.parameters import Normal, Uniform
from lenssbi.reconstruction.imaging import Imaging
from lenssbi.reconstruction.profiles import ProfileInversion, Profiles
from lenssbi.refinement.priors.blocks import Ellipse, JointPrior, Single
from lenssbi.refinement.search.fit import Fitter
from lenssbi.refinement.search.modes import distinct
from lenssbi.refinement.search.search import SearchSettings, search
from lenssbi.refinement.search.space import SearchSpace
from lenssbi.refinement.search.start import QuickLook, promising

CENTRES = tuple(Single(name, Normal(0.0, 0.1, -0.5, 0.5)) for name in ("centre_x", "centre_y"))
STRENGTH = Single("log10_strength", Uniform(-3.0, 4.0))
PRIOR = JointPrior((Single("einstein_radius", Uniform(0.2, 3.2)), Ellipse(0.4), *CENTRES, STRENGTH))
FAST = SearchSettings(draws=256, rounds=((8, 5), (2, 40)))


def imaging_of(stamp, extra=0.0):
    radius = np.abs(pixel_grid(stamp.shape, stamp.pixel_scale))
    mask = radius < 1.6
    response = stamp.psf.response(stamp.pixel_scale, 2, 0.3)
    return Imaging(stamp.image + extra, stamp.noise, mask, response, stamp.pixel_scale, 2)


@pytest.fixture(scope="module")
def ring_imaging(ring):
    return imaging_of(ring)


@pytest.fixture(scope="module")
def modes(ring_imaging):
    return search(ring_imaging, PRIOR, settings=FAST)


@pytest.fixture(scope="module")
def fitter(ring_imaging):
    return Fitter(ProfileInversion(ring_imaging), SearchSpace(PRIOR))


def vector_of(truth, names, source=(0.1, 0.05, 0.1, 0.1)):
    return np.append([truth[name] for name in names], source)


def test_the_lens_is_found_from_nothing(modes, truth):
    best = modes[0]
    assert best.names == ("einstein_radius", "e1", "e2", "centre_x", "centre_y")
    true = np.array([truth[name] for name in best.names])
    pull = (best.values - true) / np.sqrt(np.diag(best.mass_covariance))
    assert abs(pull).max() < 4
    assert best.params["einstein_radius"] == pytest.approx(0.9, abs=0.02)
    assert 0.8 < best.misfit / best.pixels < 1.2


def test_what_is_found_describes_the_source(modes, ring_imaging):
    best = modes[0]
    light = np.nansum(best.source_image)
    data = ring_imaging.data[ring_imaging.mask].sum()
    assert light == pytest.approx(data, rel=0.02)
    assert best.magnification == pytest.approx(light / best.fluxes.sum())
    # the fixture's source, an exponential disc, of which a few Gaussians miss the outskirts: 3 per cent of light and radius
    assert best.fluxes.sum() == pytest.approx(80, rel=0.08)
    assert best.source_radius == pytest.approx(0.2, rel=0.08)
    np.testing.assert_allclose(best.source_vector[:2], [0.1, 0.05], atol=0.02)
    assert best.covariance.shape == (5 + 4 * len(best.ellipses),) * 2
    assert (np.linalg.eigvalsh(best.covariance) > 0).all()
    residual = (best.source_image - ring_imaging.data)[ring_imaging.mask] / ring_imaging.noise[ring_imaging.mask]
    assert residual @ residual == pytest.approx(best.misfit)


def test_a_seed_decides(ring_imaging, modes):
    again = search(ring_imaging, PRIOR, settings=FAST)
    assert len(again) == len(modes)
    np.testing.assert_array_equal(again[0].values, modes[0].values)


def test_a_start_that_is_given_is_used(ring_imaging, truth):
    none = SearchSettings(draws=1, rounds=((1, 40),), sources=1)
    names = SearchSpace(PRIOR).names
    found = search(ring_imaging, PRIOR, starts=np.array([[truth[name] for name in names]]), settings=none)
    assert found[0].params["einstein_radius"] == pytest.approx(0.9, abs=0.02)


def test_the_lens_light_is_fitted_with_the_source(ring, truth):
    y, x = np.indices(ring.shape)
    glow = [np.exp(-0.5 * np.hypot(x - 19.5, y - 19.5) ** 2 / s**2) for s in (1.5, 4.0, 9.0)]
    imaging = imaging_of(ring, 60 * glow[0] + 9 * glow[1])
    best = search(imaging, PRIOR, np.array(glow), settings=FAST)[0]
    assert best.params["einstein_radius"] == pytest.approx(truth["einstein_radius"], abs=0.03)
    assert best.columns[0] == pytest.approx(60, rel=0.1)
    total = np.nansum(best.light_image)
    assert total == pytest.approx((60 * glow[0] + 9 * glow[1])[imaging.mask].sum(), rel=0.1)
    assert best.misfit < 1.2 * best.pixels


def test_a_large_mask_is_searched_with_fewer_fits():
    settings = SearchSettings()
    assert settings.eased(3000) == settings
    eased = settings.eased(8000)
    assert eased.rounds == ((16, 5), (6, 12), (4, 40))
    assert (eased.enriched, eased.draws) == (2, settings.draws)
    assert settings.eased(10**6).rounds == ((4, 5), (4, 12), (4, 40))


def test_a_shear_is_found(ring_imaging):
    shear = tuple(Single(name, Normal(0.0, 0.1, -0.3, 0.3)) for name in ("shear1", "shear2"))
    best = search(ring_imaging, JointPrior((*PRIOR.blocks, *shear)), settings=FAST)[0]
    assert best.params["einstein_radius"] == pytest.approx(0.9, abs=0.03)
    assert np.hypot(best.params["shear1"], best.params["shear2"]) < 0.1  # there is none


def test_the_quick_look_prefers_the_truth(ring_imaging, truth):
    space = SearchSpace(PRIOR)
    look = QuickLook(ring_imaging, ring_imaging.data, space)
    true = np.array([truth[name] for name in space.names])
    right = look(true)
    for radius in (0.2, 0.6, 1.2, 2.5):
        assert look(np.append(radius, true[1:])).misfit > right.misfit + 50
    assert right.misfit < 1.5 * ring_imaging.n_pixels
    assert abs(complex(*right.vector[5:7]) - (0.1 + 0.05j)) < 0.05


def test_promising_ones_differ(ring_imaging):
    space = SearchSpace(PRIOR)
    look = QuickLook(ring_imaging, ring_imaging.data, space)
    all_of_them = [look(mass) for mass in space.draw(np.random.default_rng(1).random((60, 5)))]
    chosen = promising(all_of_them, 6, space, 0.5)
    assert len(chosen) == 6
    assert chosen[0].misfit == min(c.misfit for c in all_of_them)
    for i, one in enumerate(chosen):
        for other in chosen[:i]:
            assert np.sqrt(np.mean(((one.vector - other.vector)[:5] / space.scale[:5]) ** 2)) > 0.5


def test_slopes_lead_downhill(fitter, truth):
    """The gradient of the cost, whose derivative by the fluxes vanishes at their best."""
    vector = vector_of(truth, fitter.space.names) + 0.03
    gradient = 2 * fitter.slopes(vector).T @ fitter.residuals(vector)
    for j, step in enumerate(1e-4 * np.eye(vector.size)):
        slope = (fitter.cost(vector + step) - fitter.cost(vector - step)) / 2e-4
        assert gradient[j] == pytest.approx(slope, abs=0.06 * abs(gradient).max())


def test_a_second_ellipse_explains_a_second_clump(ring, truth):
    lens = ProfileInversion(imaging_of(ring), Profiles.gaussians(3, 0.05, 0.1))
    space = SearchSpace(PRIOR, sources=2)
    theta = lens.imaging.theta
    vector = np.append(vector_of(truth, space.names), [-0.25, -0.1, 0.0, 0.0])
    fit = lens.evaluate(space.trace(vector, theta), space.ellipses(vector))
    image = np.nan_to_num(lens.image(replace(fit, fluxes=np.array([0, 60, 0, 0, 0, 30.0]))))
    noise = np.random.default_rng(5).normal(size=image.shape)
    imaging = imaging_of(replace(ring, image=image + noise))
    one = search(imaging, PRIOR, settings=replace(FAST, sources=1))[0]
    two = search(imaging, PRIOR, settings=FAST)[0]
    assert len(one.ellipses) == 1
    assert len(two.ellipses) == 2
    assert two.cost < one.cost - 30
    assert two.misfit < 1.15 * two.pixels
    assert two.params["einstein_radius"] == pytest.approx(truth["einstein_radius"], abs=0.02)
    assert min(abs(e.centre - (-0.25 - 0.1j)) for e in two.ellipses) < 0.08


def test_a_source_of_several_clumps_behind_the_right_lens(ring, truth):
    """Two ellipses are not enough, and what they leave pulls at the lens."""
    lens = ProfileInversion(imaging_of(ring), Profiles.gaussians(3, 0.05, 0.1))
    space = SearchSpace(PRIOR, sources=3)
    clumps = [-0.25, -0.1, 0.0, 0.0, 0.15, 0.3, 0.0, 0.0]
    vector = np.append(vector_of(truth, space.names), clumps)
    theta = lens.imaging.theta
    fit = lens.evaluate(space.trace(vector, theta), space.ellipses(vector))
    image = np.nan_to_num(lens.image(replace(fit, fluxes=np.array([0, 60, 0, 0, 0, 30.0, 0, 30, 0]))))
    imaging = imaging_of(replace(ring, image=image + np.random.default_rng(6).normal(size=image.shape)))
    settings = replace(FAST, rounds=((8, 5), (4, 40)))
    two = search(imaging, PRIOR, settings=replace(settings, sources=2))[0]
    best, *others = search(imaging, PRIOR, settings=settings)
    assert len(two.ellipses) == 2
    assert len(best.ellipses) > 2
    assert best.log_evidence > two.log_evidence + 10
    assert all(best.log_evidence - 0.5 * best.charge >= m.log_evidence - 0.5 * m.charge for m in others)
    assert best.misfit < 1.15 * best.pixels
    true = np.array([truth[name] for name in best.names])
    assert abs((best.values - true) / np.sqrt(np.diag(best.mass_covariance))).max() < 4


def test_modes_that_are_the_same_are_one(modes):
    best = modes[0]
    sigma = np.sqrt(np.diag(best.mass_covariance))
    near = replace(best, values=best.values + 0.5 * sigma, misfit=best.misfit + 1)
    far = replace(best, values=best.values + 9 * sigma * np.array([1, -1, 1, -1, 1]), misfit=best.misfit + 40)
    hopeless = replace(far, values=best.values - 9 * sigma, misfit=best.misfit + 400)
    assert distinct([hopeless, far, near, best], 100.0) == (best, far)
    assert distinct([hopeless, far, near, best], 1e4)[-1] is hopeless


def test_priors_pull(truth):
    space = SearchSpace(JointPrior((Single("einstein_radius", Normal(1.0, 0.05, 0.2, 3.0)), Ellipse(0.5), *CENTRES)))
    vector = vector_of(truth, space.names, (0, 0, 0, 0))
    pulls = space.pulls(vector)
    np.testing.assert_allclose(pulls, [-2, 0, 0.3, -0.2, 0, 0], atol=1e-12)
    np.testing.assert_allclose(space.pull_slopes(vector)[:, 0], [20, 0, 0, 0, 0, 0], atol=1e-6)
    vector[1:3] = 0.6, 0.2  # flatter than q = 0.5, whose |e| is 0.6
    assert space.pulls(vector)[1] == pytest.approx((np.hypot(0.6, 0.2) - 0.6) / 0.02)


def test_a_learned_block_counts_as_its_moments():
    class Correlated:
        names = ("e1", "e2")

        def quantile(self, u):
            z = np.sqrt(2) * (u - 0.5)
            return np.stack([0.2 + z[..., 0], 0.1 + z[..., 0] + 0.1 * z[..., 1]], axis=-1)

        def log_prob(self, x):
            raise NotImplementedError

    space = SearchSpace(JointPrior((Single("einstein_radius", Uniform(0.5, 1.5)), Correlated(), *CENTRES)))
    low, high = space.bounds
    assert (low[1:3] < [-0.5, -0.6]).all()
    assert (high[1:3] > [0.8, 0.8]).all()
    middle, along, across = (
        np.array([1, 0.2 + a, 0.1 + b, 0, 0, 0, 0, 0, 0]) for a, b in ((0, 0), (0.2, 0.2), (0.2, -0.2))
    )
    cost = [np.sum(space.pulls(v) ** 2) for v in (middle, along, across)]
    assert cost[0] < 0.1
    assert cost[2] > 20 * cost[1]


def test_the_corner_of_the_bounds_is_a_lens(fitter):
    vector = np.array([1.0, 0.72, 0.72, 0, 0, 0.1, 0, 0, 0])  # |e| above 1
    assert np.isfinite(fitter.cost(vector))
