"""The figure of a population shows what it was given, and nothing that it was not."""

import numpy as np
import pytest
from matplotlib.colors import to_rgba

from lenssbi.parameters import Uniform
from lenssbi.plots.population_inference import population_figure
from lenssbi.plots.style import TRUTH
from lenssbi.population_inference import bin_posteriors, infer, on_scale, quantity
from lenssbi.posteriors import Samples

TRUE = (0.1, 0.15)


@pytest.fixture(scope="module")
def inferred():
    rng, radius = np.random.default_rng(0), quantity("einstein_radius")
    prior = on_scale(Uniform(0.2, 3.2), radius)
    places = rng.normal(*TRUE, 40)
    lenses = (
        (str(i), Samples(10 ** rng.normal(x, 0.02, (200, 1)), ("einstein_radius",), ("arcsec",)), prior)
        for i, x in enumerate(places)
    )
    beliefs = bin_posteriors(lenses, radius, prior.support())
    return infer(beliefs), beliefs, prior


def names(figure):
    distribution, plane = figure.axes
    return [text.get_text() for axes in (distribution, plane) if axes.get_legend() for text in axes.get_legend().texts]


def test_it_shows_population_medians_prior_and_truth(inferred):
    figure = population_figure(*inferred, TRUE)
    assert names(figure) == ["the lenses' medians", "population", "prior, divided out", "truth", "truth"]
    distribution, plane = figure.axes
    assert "log" in distribution.get_xlabel()
    assert figure.get_suptitle().endswith("of 40 lenses")
    (cross,) = [line for line in plane.lines if to_rgba(line.get_color()) == to_rgba(TRUTH)]
    assert (cross.get_xdata()[0], cross.get_ydata()[0]) == TRUE
    assert plane.get_xlim()[0] < TRUE[0] < plane.get_xlim()[1]


def test_what_is_not_known_is_not_drawn(inferred):
    posterior, beliefs, _ = inferred
    assert names(population_figure(posterior, beliefs)) == ["the lenses' medians", "population"]


def test_the_curve_is_the_median_population(inferred):
    posterior, beliefs, prior = inferred
    figure = population_figure(posterior, beliefs, prior)
    curve = next(line for line in figure.axes[0].lines if line.get_label() == "population")
    x, density = curve.get_xdata(), curve.get_ydata()
    assert np.sum(density) * (x[1] - x[0]) == pytest.approx(1, abs=0.05)
    assert x[np.argmax(density)] == pytest.approx(posterior.summary()["mean"].median, abs=0.02)


def test_regions_hold_their_share(inferred):
    from lenssbi.plots.population_inference import REGIONS, _height

    mass = inferred[0].mass
    for share in REGIONS:
        assert mass[mass >= _height(mass, share)].sum() == pytest.approx(share, abs=0.03)
