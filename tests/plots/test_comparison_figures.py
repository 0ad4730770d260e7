"""The figures of the comparison show the numbers that they are given, a row looks the same in all of them, and gaps say so."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from lenssbi.plots import comparison, style

# tests are no package, and this file of theirs is no test
_path = Path(__file__).parent.parent / "pipelines" / "made_up_comparison.py"
_spec = importlib.util.spec_from_file_location("made_up_comparison", _path)
made_up = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(made_up)

SUITE = "pl_real"
TITLES = {"cnn_flow": "flow", "blind": "blind", "cnn_gaussian": "the fit"}
NUMBERS = {"low": 0.9, "high": 1.2}


def points(row="blind", suite=SUITE, **changes):
    return made_up.made_up_points(suite, row, made_up.made_up_lenses(suite, 60), count=60, **changes)


def error(suite, row, ratio, parameter="einstein_radius", split="all", **more):
    """A row of the table of errors; the paper's error is 0.02."""
    paper = {
        "paper": 0.02,
        "wanted": 0.02,
        "of_paper": ratio,
        "of_paper_low": 0.9 * ratio,
        "of_paper_high": 1.2 * ratio,
    }
    base = {"of_baseline": 2 * ratio, "of_baseline_low": 1.9 * ratio, "of_baseline_high": 2.2 * ratio}
    value = None if ratio is None else 0.02 * ratio
    own = {"error": value, "low": 0.9 * value, "high": 1.2 * value}
    where = {"table": "Table 1", "suite": suite, "row": row, "method": row, "parameter": parameter, "split": split}
    return {**where, "property": "all", "bin_low": None, "bin_high": None, **own, **paper, **base, **more}


def gap(suite, row, parameter="einstein_radius"):
    """A row of the table of errors that nobody filled."""
    filled = error(suite, row, 1.0, parameter)
    return {k: None if k.startswith(("of_", "error", "low", "high")) else v for k, v in filled.items()}


def unpublished(row):
    return {k: None if "paper" in k or k == "wanted" else v for k, v in row.items()}


def texts(figure):
    found = [text.get_text() for axes in figure.axes for text in axes.texts]
    return found + [text.get_text() for box in figure.legends for text in box.get_texts()]


def titles(figure):
    return [axes.get_title() for axes in figure.axes]


def drawn(axes):
    """Position and colour of every error bar's marker."""
    lines = [container.lines[0] for container in axes.containers]
    return [(x, y, to_hex(line.get_color())) for line in lines for x, y in line.get_xydata()]


def bars_of(axes):
    """Ends and middles of the intervals under the ridges, the highest first."""
    wide = [line for line in axes.lines if line.get_linewidth() == 2.6]
    return [line.get_xdata() for line in sorted(wide, key=lambda line: -line.get_ydata()[0])]


def test_distributions_mark_the_interval_of_the_table_and_the_papers():
    found = [points("cnn_flow"), points("blind")]
    figure = comparison.error_distributions(found, {"blind": {"phi": 6.53}, "cnn_flow": {}}, TITLES)
    assert titles(figure) == [
        style.label(name, unit) for name, unit in zip(made_up.NAMES, ("arcsec", "deg", "", ""), strict=True)
    ]
    for axes, name in zip(figure.axes, made_up.NAMES, strict=True):
        for one, ends in zip(found, bars_of(axes), strict=True):
            np.testing.assert_allclose(ends, np.percentile(one.difference(name), [15.865, 84.135]))
        boxes = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
        assert [(box.get_x(), box.get_width()) for box in boxes] == ([(-6.53, 2 * 6.53)] if name == "phi" else [])
    assert texts(figure).count("no answer") == 4, "one of three rows has none, in four panels"
    ticks = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert ticks == ["flow  (60)", "blind  (60)", "the fit  (none)"]


def test_distributions_count_the_lenses_beyond_their_ends():
    found = points("blind", undone=2)
    far = {**found.predicted, "q": found.predicted["q"].copy()}
    far["q"][:3] += 7.0
    far["q"][3:5] -= 7.0
    figure = comparison.error_distributions([replace(found, predicted=far)])
    panel = figure.axes[made_up.NAMES.index("q")]
    low, high = panel.get_xlim()
    assert high < 1, "a few outliers do not set the range"
    beyond = found.difference("q")[5:]
    below, above = 2 + (beyond < low).sum(), 3 + (beyond > high).sum()
    assert {text.get_text() for text in panel.texts} == {f"‹{below}", f"{above}›"}
    assert figure.axes[0].get_yticklabels()[0].get_text() == "blind  (60 of 62)"


def test_few_lenses_are_drawn_one_by_one():
    few = made_up.made_up_points(SUITE, "blind", made_up.made_up_lenses(SUITE, 60), count=5)
    axes = comparison.error_distributions([few]).axes[0]
    assert not axes.collections
    assert max(len(line.get_xdata()) for line in axes.lines) == 5


def test_scatter_shows_every_lens_beside_its_truth():
    found = points("cnn_flow")
    figure = comparison.scatter([found], TITLES)
    assert len(figure.axes) == 2 * len(TITLES) * len(made_up.NAMES)
    assert texts(figure).count("no answer") == 2 * len(made_up.NAMES)
    for line, name in enumerate(made_up.NAMES):
        upper, lower = figure.axes[2 * len(TITLES) * line :][:2]
        circles = [one for one in upper.lines if one.get_marker() == "o"]
        triangles = [one for one in upper.lines if one.get_marker() in "^v"]
        assert sum(one.get_xdata().size for one in circles + triangles) == 60
        hollow = [one.get_xdata().size for one in circles + triangles if one.get_markerfacecolor() == "white"]
        assert sum(hollow) == found.flagged.sum() > 0
        for one in circles:
            away = one.get_ydata() - one.get_xdata()
            assert all(np.abs(found.difference(name) - value).min() < 1e-9 for value in away)
        pulls = np.concatenate([one.get_ydata() for one in lower.lines if one.get_marker() == "o"])
        assert all(np.abs(found.difference(name) / found.sigma[name] - pull).min() < 1e-9 for pull in pulls)


def test_scatter_has_no_seam_and_lets_no_lens_fall_out():
    found = points("blind")
    turned = {**found.predicted, "phi": (found.predicted["phi"] + 180) % 180, "q": found.predicted["q"] + 0.0}
    turned["q"][0] += 50
    unknown = {**found.sigma, "slope": np.full(60, np.nan)}
    figure = comparison.scatter([replace(found, predicted=turned, sigma=unknown)])
    phi, q = figure.axes[2], figure.axes[4]
    assert all(np.abs(line.get_ydata() - line.get_xdata()).max(initial=0) <= 90 for line in phi.lines)
    up = [line for line in q.lines if line.get_marker() == "^"]
    assert sum(line.get_xdata().size for line in up) == 1
    assert not any(np.isfinite(line.get_ydata()).any() for line in figure.axes[7].lines if line.get_marker() in "o^v")


def time(row, **more):
    nothing = dict.fromkeys(("seconds_50", "seconds_16", "seconds_84", "cpu_50", "evaluations_50", "of_baseline"))
    return {"suite": SUITE, "row": row, "method": row, **nothing, "cpu_of_baseline": None, **more}


def test_times_are_those_of_the_points_or_else_of_the_table():
    clocked = replace(points("blind"), seconds=np.geomspace(10, 1000, 60), method="blind")
    known = {"seconds_16": 1.0, "seconds_50": 2.0, "seconds_84": 4.0}
    rows = [
        time("blind", seconds_50=100.0, of_baseline=1.0),
        time("cnn_flow", **known, of_baseline=0.02),
        time("other"),
    ]
    figure = comparison.times(rows, [clocked], {"blind": "blind", "cnn_flow": "flow"})
    seconds, cpu, _ = figure.axes
    assert [axes.get_xscale() for axes in figure.axes] == ["log"] * 3
    table, ours = sorted(bars_of(seconds), key=lambda ends: ends[0])
    np.testing.assert_allclose(table, [1.0, 4.0])
    np.testing.assert_allclose(np.log10(ours), np.percentile(np.linspace(1, 3, 60), [15.865, 84.135]), rtol=1e-6)
    assert {"×1", "÷50", "no answer"} == {text.get_text() for text in seconds.texts}
    assert len(bars_of(cpu)) == 1, "what is not known is not drawn"
    # the points of another method do not stand for the row
    assert not bars_of(comparison.times([time("blind")], [replace(clocked, method="other")]).axes[0])


def share(row, deviation, parameter="all", **more):
    value = 0.683 + deviation
    ends = {"low": value - 0.02, "high": value + 0.01}
    whose = {"suite": SUITE, "row": row, "method": row, "parameter": parameter, "level": 0.683}
    return {**whose, "share": value, "deviation": deviation, **ends, "met": True, "decided": True, **more}


def test_coverage_is_drawn_in_points_and_hollow_where_it_surely_misses():
    rows = [
        share("blind", 0.02),
        share("cnn_flow", -0.2, met=False),
        share("other", -0.06, met=False, decided=False),
        share("blind", 0.1, "e1", met=False),
        {**share("cnn_gaussian", 0.0), "share": None, "deviation": None},
    ]
    figure = comparison.coverage(rows, TITLES, within=0.03)
    (axes,) = figure.axes
    markers = {round(c.lines[0].get_xdata()[0]): c.lines[0].get_markerfacecolor() for c in axes.containers}
    assert {place: colour == "white" for place, colour in markers.items()} == {2: False, -20: True, -6: False}
    segments = {round(c.lines[0].get_xdata()[0]): c.lines[2][0].get_segments()[0][:, 0] for c in axes.containers}
    np.testing.assert_allclose(segments[2], [0.0, 3.0], atol=1e-9)
    assert [text.get_text() for text in axes.texts] == ["no answer"]
    band = axes.patches[0].get_extents().transformed(axes.transData.inverted())
    assert (band.x0, band.x1) == pytest.approx((-3, 3))


def test_splits_are_in_the_order_of_their_bins():
    bins = {"S/N 80+": 80.0, "S/N below 40": None, "S/N 40-80": 40.0}
    rows = [
        error(SUITE, "blind", ratio, split=name, property="S/N", bin_low=low)
        for ratio, (name, low) in zip((1.0, 3.0, 2.0), bins.items(), strict=True)
    ]
    rows += [
        error(SUITE, "blind", r, split=s, property="multiplicity", bin_low=low)
        for r, s, low in ((2.1, "doubles", 2.0), (1.0, "others", 3.0))
    ]
    rows += [error(SUITE, "blind", 9.0), error(SUITE, "blind", 9.0, "phi", split="others", property="multiplicity")]
    doubles, noise = comparison.splits(rows, TITLES).axes
    assert doubles.get_xlabel() == "images of the source"
    np.testing.assert_allclose([y for _, y, _ in drawn(doubles)], [0.042, 0.02])
    np.testing.assert_allclose([y for _, y, _ in drawn(noise)], [0.06, 0.04, 0.02])
    assert [text.get_text() for text in doubles.get_xticklabels()] == ["doubles", "others"]
    assert [text.get_text() for text in noise.get_xticklabels()] == ["40", "80"]
    np.testing.assert_allclose(noise.get_xticks(), [0.5, 1.5])
    assert doubles.get_ylim() == noise.get_ylim()


def test_the_summary_holds_every_published_cell_and_names_the_rest():
    rows = [
        error("a", "blind", 1.5),
        error("a", "cnn_gaussian", 0.6, wanted=0.014),
        gap("a", "cnn_flow"),
        error("b", "blind", 0.8),
        error("b", "blind", 0.7, "slope"),
        error("a", "blind", 5.0, split="doubles"),
        unpublished(error("c", "blind", 4.0)),
    ]
    figure = comparison.summary(rows, TITLES)
    radius, slope = figure.axes
    assert sorted(x for x, _, _ in drawn(radius)) == [0.6, 0.8, 1.5]
    assert [x for x, _, _ in drawn(slope)] == [0.7]
    strokes = [line.get_xdata()[0] for line in radius.lines if line.get_linewidth() == 1.4]
    np.testing.assert_allclose(strokes, [0.7])
    assert [text.get_text() for text in radius.texts] == ["no answer"]
    assert "without published values: c" in figure.get_supxlabel()
    assert [text.get_text() for text in radius.get_yticklabels()] == ["a", "b"]
    assert drawn(slope)[0][1] == next(y for x, y, _ in drawn(radius) if x == 0.8), "a row has one height in all panels"
    low, high = radius.get_xlim()
    assert low < 0.6 < 1.5 < high


def test_cost_against_error_is_relative_to_the_baseline_where_nothing_is_published():
    rows = [error("a", "blind", 1.5), error("b", "blind", 0.5), error("c", "cnn_flow", 2.0, "q")]
    rows += [unpublished(error("d", "cnn_flow", 0.4, table="Table 4")), gap("a", "cnn_gaussian")]
    seconds = [{**time("blind"), "suite": suite, "seconds_50": s} for suite, s in (("a", 100.0), ("b", 30.0))]
    seconds += [{**time("cnn_flow"), "suite": "d", "seconds_50": 0.1}, {**time("cnn_gaussian"), "suite": "a"}]
    figure = comparison.cost_and_error(rows, seconds, TITLES)
    one, four = figure.axes
    assert titles(figure) == ["Table 1", "Table 4"]
    assert [(x, y) for x, y, _ in drawn(one)] == [(100.0, 1.5), (30.0, 0.5)]
    assert [(x, y) for x, y, _ in drawn(four)] == [(0.1, 0.8)]
    assert "paper" in one.get_ylabel()
    assert "baseline" in four.get_ylabel()
    assert [text.get_text() for text in one.texts] == ["1", "2"]
    assert one.get_xlabel() == "1  a\n2  b"


def test_a_row_has_one_colour_in_all_figures_whoever_else_answers():
    rows = [error(SUITE, "cnn_gaussian", 0.6)]
    colours = {drawn(comparison.summary(rows, TITLES).axes[0])[0][2]}
    seconds = [time("cnn_gaussian", seconds_50=3.0)]
    colours |= {drawn(comparison.cost_and_error(rows, seconds, TITLES).axes[0])[0][2]}
    colours |= {drawn(comparison.coverage([share("cnn_gaussian", 0.0)], TITLES).axes[0])[0][2]}
    distributions = comparison.error_distributions([points("cnn_gaussian")], None, TITLES).axes[0]
    colours |= {to_hex(line.get_color()) for line in distributions.lines if line.get_linewidth() == 2.6}
    assert colours == {style.COLOURS[2].lower()}


@pytest.mark.parametrize(
    "draw",
    [
        lambda: comparison.error_distributions([], None, TITLES),
        lambda: comparison.scatter([]),
        lambda: comparison.times([], []),
        lambda: comparison.coverage([]),
        lambda: comparison.splits([error("a", "blind", 1.0)]),
        lambda: comparison.summary([unpublished(error("a", "blind", 1.0))]),
        lambda: comparison.cost_and_error([gap("a", "blind")], []),
    ],
)
def test_nothing_to_show_is_a_figure_too(draw, tmp_path):
    assert style.save(draw(), tmp_path / "empty.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("value", "text"), [(0.5, "0.5"), (5000, "5000"), (1e4, "$10^{4}$"), (2e4, "20000"), (1e-4, "$10^{-4}$")]
)
def test_the_numbers_of_an_axis_are_the_values(value, text):
    from lenssbi.plots.comparison.row_style import _number

    assert _number(value) == text
