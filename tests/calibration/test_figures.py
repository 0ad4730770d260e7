"""The figures show what they are given."""

import numpy as np

from lenssbi.plots.diagnostics import diagnostics_figure
from lenssbi.plots.dropout import dropout_figure
from lenssbi.plots.splits import splits_figure

SHARES = {"0.683": 0.7, "0.955": 0.9, "0.997": 0.99}
COVERAGE = {"einstein_radius": SHARES, "e1": {key: value - 0.05 for key, value in SHARES.items()}}


def test_splits_have_a_row_each_and_small_ones_are_pale():
    rows = [("all", 500, False, COVERAGE), ("S/N 20-40", 100, True, COVERAGE), ("multiplicity 2", 400, False, COVERAGE)]
    figure = splits_figure(rows, (0.02, 0.05))
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert [text.split("(")[0].strip() for text in labels] == ["all", "S/N 20-40", "2 images"]
    points = [(line, line.get_alpha()) for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert sorted(len(line.get_xdata()) for line, alpha in points if alpha == 1) == [2, 2]
    assert sorted(len(line.get_xdata()) for line, alpha in points if alpha != 1) == [1, 1]
    assert {round(float(x), 6) for line, _ in points for x in line.get_xdata()} == {70.0, 65.0}


def test_the_tests_have_a_panel_each():
    grid = np.linspace(0, 1, 20)
    curves = {"SBC": {"e1": (grid, grid)}} | {
        key: {"as trained": (grid, grid**2), "recalibrated": (grid, grid)} for key in ("expected coverage", "TARP")
    }
    figure = diagnostics_figure(curves, 0.5, np.linspace(0, 0.1, 30), 400)
    assert [axes.get_title().split(":")[0] for axes in figure.axes] == ["SBC", "expected coverage", "TARP", "LC2ST"]
    assert any(np.allclose(line.get_xdata(), 0.5) for line in figure.axes[3].lines)


def test_the_sweep_has_a_panel_for_each_rate():
    figure = dropout_figure([(0.0, COVERAGE), (0.01, COVERAGE), (0.05, COVERAGE)], 1, "trained with each rate", 100)
    titles = [axes.get_title() for axes in figure.axes if axes.get_visible()]
    assert titles == ["dropout 0 per cent", "dropout 1 per cent: chosen", "dropout 5 per cent"]
    heights = {round(bar.get_height(), 6) for bar in figure.axes[0].patches}
    assert {70.0, 65.0, 67.5} <= heights
