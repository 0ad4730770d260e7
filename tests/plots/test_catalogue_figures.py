"""Figures of a catalogue: a panel for each column, no value of few is cut off, and as many looks as lines."""

import numpy as np
import pytest

from lenssbi.plots import catalogue
from lenssbi.plots.catalogue import Curves, Histogram, Recovered

RNG = np.random.default_rng(0)
MANY = RNG.normal(size=1000)


def panels(figure):
    return [axes for axes in figure.axes if axes.axison]


@pytest.mark.parametrize(("count", "across"), [(1, 1), (4, 4), (5, 5), (6, 3), (9, 5), (11, 4)])
def test_panels_stand_in_lines_of_five_or_fewer(count, across):
    figure = catalogue.histograms([Histogram("x", {"all lenses": MANY})] * count)
    assert len(panels(figure)) == count
    assert len({round(axes.get_position().x0, 3) for axes in figure.axes}) == across


def test_series_have_the_same_area_and_the_first_fits():
    figure = catalogue.histograms(
        [Histogram("x", {"all lenses": MANY, "refined": MANY[:100], "truth": np.full(1000, 0.3)})]
    )
    (axes,) = panels(figure)
    first, second, third = (stairs.get_data() for stairs in axes.patches)
    areas = [float(np.sum(values * np.diff(edges))) for values, edges, _ in (first, second, third)]
    assert areas == pytest.approx([areas[0]] * 3, rel=0.05)
    assert first.values.max() < axes.get_ylim()[1] < third.values.max()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["all lenses", "refined", "truth"]


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("values", [[2.0], [2.0, 2.0, 2.0], [1.0, 5.0], [np.nan, 3.0]], ids=str)
def test_of_few_values_none_is_cut_off(values, log):
    (axes,) = panels(catalogue.histograms([Histogram("x", {"all lenses": np.array(values)}, log)]))
    counted, edges, _ = axes.patches[0].get_data()
    known = np.array(values)[np.isfinite(values)]
    assert counted.sum() == pytest.approx(len(edges) - 1)
    assert edges[0] <= known.min() <= known.max() <= edges[-1]


def test_a_column_without_values_is_an_empty_panel():
    (axes,) = panels(catalogue.histograms([Histogram("x", {"all lenses": np.full(3, np.nan)})]))
    assert not axes.patches


def test_what_was_recovered_lies_on_the_line():
    points = {"network": (MANY, MANY), "refined": (MANY[:9], MANY[:9])}
    figure = catalogue.recovered([Recovered("q", "", points), Recovered("phi", "deg", points)])
    for axes in panels(figure):
        network, refined = (scatter.get_offsets() for scatter in axes.collections)
        assert (len(network), len(refined)) == (1000, 9)
        np.testing.assert_array_equal(network[:, 0], network[:, 1])
        assert axes.get_xlim() == axes.get_ylim()
    assert panels(figure)[1].get_xlabel() == r"true $\phi$ [deg]"


def test_every_parameter_has_a_look_of_its_own_in_all_panels():
    levels = np.linspace(0, 1, 5)
    names = [f"p{number}" for number in range(12)]
    curves = Curves("network", levels, {name: np.full(5, 0.1) for name in names}, -np.ones(5), np.ones(5))
    figure = catalogue.coverage([curves, curves._replace(title="refined", curves={"p11": np.full(5, 20.0)})])
    both = panels(figure)
    assert [axes.get_title() for axes in both] == ["network", "refined"]
    lines = [[(line.get_color(), line.get_linestyle()) for line in axes.lines[1:]] for axes in both]
    assert len(set(lines[0])) == 12
    assert lines[1] == [lines[0][-1]]
    assert both[0].get_ylim() == (-5.0, 5.0)
    assert both[1].get_ylim()[1] > 20
