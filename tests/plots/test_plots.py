"""A figure is drawn for every kind of result, with the panels and labels that it promises."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lenssbi.plots import coverage, lens, style, training
from lenssbi.plots.marginals import near
from lenssbi.status import InputError, Status

# tests are no package, and this file of theirs is no test
_spec = importlib.util.spec_from_file_location("made_up", Path(__file__).with_name("made_up.py"))
made_up = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(made_up)

NAMES = ("einstein_radius", "e1", "e2")
LEVELS = ("0.683", "0.955", "0.997")


def titles(figure):
    parts = (figure, *figure.subfigs)
    return [axes.get_title() for part in parts for axes in part.axes if axes.get_title()]


def legends(figure):
    return [text.get_text() for part in (figure, *figure.subfigs) for box in part.legends for text in box.get_texts()]


def test_a_lens_with_everything(tmp_path):
    figure = lens.lens_figure(made_up.fit(), made_up.TRUTH)
    assert {"observed", "data, lens light subtracted", "model", "residual / noise", "source and caustics"} <= set(
        titles(figure)
    )
    assert legends(figure) == ["fit, prior divided out", "fit with the network's prior", "network", "truth"]
    assert "prior conflict" in figure.get_suptitle()
    assert style.save(figure, tmp_path / "lens.png").stat().st_size > 50_000


def test_a_blind_fit_without_lens_light():
    figure = lens.lens_figure(made_up.fit(learned=False, lens_light=False, side=60))
    assert "observed" not in titles(figure)
    assert legends(figure) == ["fit"]


def test_the_tail_of_a_network_is_drawn_as_a_tail():
    """Its peak lies four sigma beyond the panel: what is inside is not scaled up to the height of the result."""
    fit = made_up.fit(learned=False, distrusted=1.5)
    panel = lens.lens_figure(fit).subfigs[1].axes[0]
    result, network = (steps.get_data().values for steps in panel.patches)
    assert panel.get_xlim()[1] < 1.4
    assert result.max() == pytest.approx(1.0)
    assert 0 < network.max() < 0.05


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_a_network_that_the_fit_did_not_trust_is_shown(tmp_path):
    """Its marginal lies outside the panel, so that its number is written there."""
    figure = lens.lens_figure(made_up.fit(learned=False, distrusted=2.4))
    assert legends(figure) == ["fit", "network, not used by the fit"]
    said = [text.get_text() for axes in figure.subfigs[1].axes for text in axes.texts]
    assert len(said) == 3
    assert float(said[0].removeprefix("network $").partition("^")[0]) == pytest.approx(2.4, abs=0.01)
    style.save(figure, tmp_path / "lens.png")


def test_a_fit_that_found_nothing(tmp_path):
    """Every panel is there; the data are drawn, and model, residual and source are empty."""
    figure = lens.lens_figure(made_up.fit(failed=True))
    assert titles(figure) == titles(lens.lens_figure(made_up.fit()))
    panels = {axes.get_title(): axes for part in figure.subfigs for axes in part.axes if axes.images}
    drawn = {title: np.ma.count(np.ma.masked_invalid(axes.images[0].get_array())) for title, axes in panels.items()}
    assert drawn["observed"] > 0
    assert {drawn[title] for title in ("model", "residual / noise", "source and caustics")} == {0}
    style.save(figure, tmp_path / "nothing.png")


@pytest.mark.parametrize("status", [Status.TIMED_OUT, Status.NOT_EXPLAINED])
def test_a_fit_that_did_not_end_says_so(status):
    fit = made_up.fit()
    assert "NOT CONVERGED" not in lens.lens_figure(fit).get_suptitle()
    fit.status = status
    assert "NOT CONVERGED: stopped at its limit" in lens.lens_figure(fit).get_suptitle()


def test_a_fit_that_is_wrong_says_so():
    fit = made_up.fit()
    fit.status = Status.WRONG
    assert "WRONG: shows the source only once" in lens.lens_figure(fit).get_suptitle()


def test_a_position_angle_near_the_seam():
    np.testing.assert_allclose(near(np.array([179.0, 1.0, 90.4]), "phi", 0.5), [-1.0, 1.0, 90.4])
    np.testing.assert_allclose(near(np.array([179.0, 1.0]), "q", 0.5), [179.0, 1.0])


def test_coverage_shows_every_level():
    before = {name: dict(zip(LEVELS, (0.6, 0.9, 0.97), strict=True)) for name in NAMES}
    after = {name: {float(level): share for level, share in row.items()} for name, row in before.items()}
    figure = coverage.coverage_figure(before, after, 1000)
    assert titles(figure) == ["68.3 per cent intervals", "95.5 per cent intervals", "99.7 per cent intervals"]


def test_training_marks_the_best_epoch():
    history = {"epoch": [0, 1, 2], "train_loss": [3.0, 2.0, np.nan], "val_loss": [3.0, 1.5, 2.0]}
    assert titles(training.training_figure(history)) == ["lowest validation loss 1.500 in epoch 1"]


@pytest.mark.parametrize(
    ("history", "curves"),
    [({"epoch": []}, [[]]), ({"train_loss": [1.0], "learning_rate": [1e-3]}, [[[1.0]], [[1e-3]]])],
    ids=["nothing", "no validation"],
)
def test_training_with_little_to_show(history, curves):
    figure = training.training_figure(history)
    assert titles(figure) == [], "no epoch is the best"
    assert [[line.get_ydata().tolist() for line in axes.lines] for axes in figure.axes] == curves


def test_saving_where_nobody_can(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        style.save(training.training_figure({}), tmp_path / "file" / "figure.png")


def test_nothing_of_the_callers_is_changed():
    code = (
        "from lenssbi.plots.training import training_figure; import matplotlib; from matplotlib import pyplot;"
        "before = dict(matplotlib.rcParams); training_figure({});"
        "assert dict(matplotlib.rcParams) == before; assert not pyplot.get_fignums()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_fewer_colours_make_a_smaller_picture_of_the_same_thing(tmp_path):
    from matplotlib.colors import to_rgb
    from matplotlib.figure import Figure
    from PIL import Image

    figure, rng = Figure((8, 3)), np.random.default_rng(0)
    for i, axes in enumerate(figure.subplots(1, len(style.COLOURS))):
        count, alpha = (1000, 0.3) if i < 2 else (12, 1.0)  # as two rows of networks beside fits
        axes.plot(*rng.normal(size=(2, count)), "o", ms=4, alpha=alpha, color=style.COLOURS[i])
    whole, few = style.save(figure, tmp_path / "whole.png"), style.save(figure, tmp_path / "few.png", colours=256)
    assert few.stat().st_size < 0.6 * whole.stat().st_size
    one, other = (np.asarray(Image.open(path).convert("RGB"), dtype=int) for path in (whole, few))
    assert np.abs(one - other).mean() < 2
    for colour in style.COLOURS[2:]:
        rgb = np.round(255 * np.array(to_rgb(colour))).astype(int)
        there = (one == rgb).all(axis=-1)
        assert there.any()
        assert np.abs(other[there] - rgb).max() <= 4, "a row has its colour in every figure"
