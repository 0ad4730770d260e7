"""The figures of planes and of the selection show what they are given, once."""

import numpy as np
import pytest

from lenssbi.arrays import pixel_grid
from lenssbi.lensing import EllipticalPowerLaw, caustics, critical_curves, image_positions
from lenssbi.plots import style
from lenssbi.plots.populations import BINS, PanelPlane, planes_figure, selection_figure

NAMES = ("einstein_radius", "source_magnitude")


def test_each_plane_has_its_light_curves_and_points(tmp_path):
    lens, beta = EllipticalPowerLaw(1.0, 0.2, -0.1), 0.05 + 0.02j
    curves, images = critical_curves(lens, 2.0), image_positions(lens, beta, 2.0)
    light = np.exp(-(np.abs(pixel_grid((30, 30), 0.1) - beta) ** 2) / 0.02)
    source = PanelPlane("source", light, 0.5, caustics(lens, curves), np.array([beta]))
    figure = planes_figure([source, PanelPlane("images", light, 2.0, curves, images.theta)])
    assert [axes.get_title() for axes in figure.axes] == ["source", "images"]
    assert [axes.get_xlim() for axes in figure.axes] == [(-0.5, 0.5), (-2.0, 2.0)]
    *lines, points = figure.axes[1].lines
    assert len(lines) == len(curves)
    np.testing.assert_array_equal(points.get_xdata() + 1j * points.get_ydata(), images.theta)
    assert style.save(figure, tmp_path / "planes.png").stat().st_size > 5000


def test_the_selection_is_compared_quantity_by_quantity(tmp_path):
    rng = np.random.default_rng(1)
    drawn = {name: rng.uniform(1, 3, 500) for name in NAMES}
    kept = {name: values[values > 2] for name, values in drawn.items()}
    figure = selection_figure(drawn, kept, {"einstein_radius": "arcsec"})
    first, second = figure.axes
    assert (first.get_xlabel(), second.get_xlabel()) == (r"$\theta_{\rm E}$ [arcsec]", "source magnitude")
    bars, step = first.patches[:BINS], first.patches[BINS]
    width = bars[0].get_width()
    assert sum(bar.get_height() for bar in bars) * width == pytest.approx(1)
    assert step.get_path().vertices[:, 1].max() == pytest.approx(
        2 * max(bar.get_height() for bar in bars[BINS // 2 :]), rel=0.2
    )
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["drawn", "passed the selection"]
    style.save(figure, tmp_path / "selection.png")
