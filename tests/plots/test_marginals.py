"""The posterior of one lens is drawn as it is: regions of the right size, axes within what is possible."""

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy.ndimage import label

from lenssbi.plots.marginals import posterior_row
from lenssbi.posteriors import DiagonalMixture, Samples
from lenssbi.posteriors.regions import credible_regions

NAMES, UNITS = ("einstein_radius", "e1", "e2"), ("arcsec", "", "")
SIZES = {0.68: -2 * np.log(0.32) * np.pi, 0.95: -2 * np.log(0.05) * np.pi}  # areas of the regions of a unit Gaussian


def gaussian(sigma, *, centre=(1.2, 0.1, -0.15), rho=0.6, count=4000, seed=0, weighted=True):
    """Draws of a Gaussian whose e1 and e2 are correlated and of unlike width, and the root of their covariance's determinant."""
    rng = np.random.default_rng(seed)
    covariance = sigma**2 * np.array([[1.0, 0, 0], [0, 1.0, 0.5 * rho], [0, 0.5 * rho, 0.25]])
    wide = 1.5 if weighted else 1.0
    values = rng.multivariate_normal(np.zeros(3), wide**2 * covariance, count)
    distance = np.einsum("di,ij,dj->d", values, np.linalg.inv(covariance), values)
    log_weights = -0.5 * distance * (1 - wide**-2) if weighted else None
    return Samples(values + np.array(centre), NAMES, UNITS, log_weights), 0.5 * sigma**2 * np.sqrt(1 - rho**2)


def drawn(samples, network_sigma=None, truth=None):
    """The panels (radius, q, phi, ellipticity) of a fit beside a network of that width."""
    learned = None
    if network_sigma is not None:
        means = np.array([[1.2, 0.1, -0.15]])
        learned = DiagonalMixture(means, np.full((1, 3), network_sigma), NAMES, UNITS)
    fit = SimpleNamespace(
        samples=samples,
        samples_with_prior=None,
        learned=learned,
        network=learned,
        mode="broad",
        params=lambda: samples.derived().summary(),
    )
    figure = Figure(figsize=(12, 3))
    posterior_row(figure, fit, truth)
    return figure.axes


def area(vertices):
    x, y = vertices.T
    return abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) / 2


def filled_areas(axes):
    """Areas of the filled regions, rising."""
    sets = [one for one in axes.collections if np.size(one.get_facecolor()) and one.get_fill()]
    return sorted(sum(area(path) for path in one.get_paths()[0].to_polygons()) for one in sets)


@pytest.mark.parametrize("ratio", [1, 3, 10, 30, 100])
def test_the_regions_of_a_gaussian_have_its_size_however_wide_the_network_is(ratio):
    samples, root = gaussian(0.08 / ratio)
    areas = filled_areas(drawn(samples, 0.08)[3])
    assert areas == pytest.approx([size * root for size in SIZES.values()], rel=0.12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("count", [300, 3000, 30_000])
def test_regions_of_few_and_of_many_draws(count, weighted):
    samples, root = gaussian(0.01, count=count, weighted=weighted)
    found = credible_regions(samples.column("e1"), samples.column("e2"), samples.weights, (0.68, 0.95))
    axes = Figure().subplots()
    lines = axes.contour(*found[:3], levels=list(found.levels))
    areas = sorted(max(area(path) for path in one.to_polygons(closed_only=False)) for one in lines.get_paths())
    assert areas == pytest.approx([size * root for size in SIZES.values()], rel=0.3 if count == 300 else 0.1)


def test_two_modes_stay_narrow():
    rng = np.random.default_rng(0)
    draws = np.where(rng.random((4000, 1)) < 0.5, 0.0, 0.5) + rng.normal(0, 0.01, (4000, 2))
    found = credible_regions(*draws.T, np.full(4000, 1 / 4000), (0.68, 0.95))
    inside = found.density > found.levels[0]
    cell = abs(np.linalg.det([[found.x[1, 0] - found.x[0, 0], found.x[0, 1] - found.x[0, 0]],
                              [found.y[1, 0] - found.y[0, 0], found.y[0, 1] - found.y[0, 0]]]))  # fmt: skip
    assert inside.sum() * cell < 2 * 2 * SIZES[0.95] * 0.01**2, "a smoothing as wide as both gives 50 times that"


def pieces(samples, smoothing):
    """Into how many the regions fall."""
    found = credible_regions(samples.column("e1"), samples.column("e2"), samples.weights, (0.68, 0.95), smoothing)
    return label(found.density > found.levels[0])[1], found


def test_the_kernels_of_a_flows_answer_are_not_seen():
    """Draws of a sum of narrow kernels about 512 draws of a Gaussian."""
    few, root = gaussian(0.1, count=512, weighted=False)
    network = DiagonalMixture(few.values, np.full(few.values.shape, 0.008), NAMES, UNITS)
    draws = network.sample(20_000, np.random.default_rng(0))
    ragged, _ = pieces(draws, 0.0)
    smooth, found = pieces(draws, 512 ** (-1 / 6))
    assert ragged > smooth == 1
    cell = abs(np.linalg.det([[found.x[1, 0] - found.x[0, 0], found.x[0, 1] - found.x[0, 0]],
                              [found.y[1, 0] - found.y[0, 0], found.y[0, 1] - found.y[0, 0]]]))  # fmt: skip
    assert (found.density > found.levels[0]).sum() * cell == pytest.approx(SIZES[0.95] * root, rel=0.2)


def test_draws_that_are_all_the_same_have_no_region():
    samples = Samples(np.tile([1.2, 0.1, -0.1], (50, 1)), NAMES, UNITS)
    assert filled_areas(drawn(samples)[3]) == []


def test_no_axis_leaves_what_is_possible():
    nearly_round, _ = gaussian(0.05, centre=(0.2, 0.0, 0.0))
    radius, q, phi, plane = drawn(nearly_round, 0.9)[:4]
    assert radius.get_xlim()[0] >= 0
    assert q.get_xlim()[0] >= 0
    assert q.get_xlim()[1] <= 1
    assert np.ptp(phi.get_xlim()) <= 180
    assert [*plane.get_xlim(), *plane.get_ylim()] == pytest.approx([-1, 1, -1, 1])


def test_a_region_too_small_to_see_is_enlarged():
    assert len(drawn(gaussian(0.001)[0], 0.1)[3].child_axes) == 1
    assert not drawn(gaussian(0.03)[0], 0.1)[3].child_axes


def test_each_histogram_has_bins_of_its_own():
    steps = drawn(gaussian(0.002)[0], 0.1)[0].patches
    widths = [np.diff(one.get_data().edges).mean() for one in steps]
    assert widths[1] > 3 * widths[0]
    network = steps[1].get_data().values
    assert np.abs(np.diff(network)).max() < 0.2, "a wide network beside a narrow fit is no comb"
