"""A comparison whose numbers are known: bias, rms, NMAD, R^2, outliers and pulls, kind by kind."""

import numpy as np
import pytest

from lenssbi.benchmark.real.compare import MethodResult, StampComparison
from lenssbi.benchmark.real.config import RealConfig
from lenssbi.benchmark.real.published import COMPANIONS, NONE, ONE, SEVERAL, Published, Value
from lenssbi.benchmark.real.statistics import summary_rows
from lenssbi.benchmark.real.table import lens_rows, text_tables
from lenssbi.calibration.scores import wilson
from lenssbi.plots.real import ours_against_published

CONFIG = RealConfig(stamps="stamps", published="published.csv", resamples=400)
PUBLISHED = (1.0, 1.2, 0.8, 1.5)
AWAY = (0.01, -0.02, 0.03, 0.40)


def stamp(name, kind, published, fit=None, flags=(), network=None):
    """A stamp with a fit, and a network that is a tenth above it and flagged."""
    values = {key: Value(value, 0.03) for key, value in published.items()}
    fitted = {key: Value(value, 0.04) for key, value in (fit or {}).items()}
    guessed = {key: Value(value + 0.1, 0.1) for key, value in (fit or {}).items()} if network is None else network
    answers = {
        "network": MethodResult("done", guessed, ("misspecified",), 0.1),
        "fit": MethodResult("done", fitted, flags, 60.0),
    }
    return StampComparison(Published(name, kind, values), answers)


@pytest.fixture(scope="module")
def stamps():
    found = [
        stamp(
            f"one-{i}",
            ONE,
            {"einstein_radius": p, "effective_radius": p, "e1": 0.1},
            {"einstein_radius": p + d, "effective_radius": p, "e1": 0.1 + d},
        )
        for i, (p, d) in enumerate(zip(PUBLISHED, AWAY, strict=True))
    ]
    found.append(
        stamp(
            "merger",
            SEVERAL,
            {"effective_radius": 0.9},
            {"einstein_radius": 0.5, "effective_radius": 0.94},
            ("residuals",),
        )
    )
    found.append(stamp("alone", NONE, {}, {"einstein_radius": 0.7, "effective_radius": 0.7}))
    return found


@pytest.fixture(scope="module")
def rows(stamps):
    return list(summary_rows(stamps, CONFIG))


def one(rows, **wanted):
    (found,) = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
    return found


def test_the_numbers_of_a_toy(rows):
    row = one(rows, kind=ONE, method="fit", parameter="radius")
    assert (row["stamps"], row["answered"], row["compared"], row["flagged"]) == (4, 4, 4, 0)
    assert (row["quantity"], row["unit"], row["error"]) == ("einstein_radius", "arcsec", 0.04)
    assert row["bias"] == pytest.approx(0.02)
    assert row["rms"] == pytest.approx(np.sqrt(0.1614 / 4))
    assert row["nmad"] == pytest.approx(1.4826 * 0.025)
    assert row["r2"] == pytest.approx(1 - 0.1614 / 0.2675)
    assert row["pull"] == pytest.approx(np.sqrt(64.56 / 4)), "errors of 0.03 and 0.04 make 0.05"
    assert (row["outliers"], row["within"]) == (0.25, 0.75)
    for name in ("bias", "rms", "nmad", "r2", "pull", "outliers", "within"):
        assert row[f"{name}_low"] <= row[name] <= row[f"{name}_high"], name


def test_the_network_is_judged_by_its_own_errors(rows):
    row = one(rows, kind=ONE, method="network", parameter="radius")
    assert row["flagged"] == 4
    assert row["bias"] == pytest.approx(0.12)
    pulls = (np.array(AWAY) + 0.1) / np.hypot(0.1, 0.03)
    assert row["pull"] == pytest.approx(np.sqrt(np.mean(pulls**2)))


def test_agreement_has_wilsons_interval(rows):
    row = one(rows, kind=ONE, method="fit", parameter="effective_radius")
    assert (row["bias"], row["rms"], row["r2"], row["pull"]) == (0.0, 0.0, 1.0, 0.0)
    assert row["outliers"] == 0.0
    assert (row["outliers_low"], row["outliers_high"]) == wilson(0.0, 4)
    assert (row["within_low"], row["within_high"]) == wilson(1.0, 4)


def test_an_effective_radius_is_compared_with_an_effective_radius(rows):
    row = one(rows, kind=SEVERAL, method="fit")
    assert (row["parameter"], row["quantity"], row["flagged"]) == ("radius", "effective_radius", 1)
    assert row["bias"] == pytest.approx(0.04), "not the Einstein radius of 0.5"
    assert (row["bias_low"], row["nmad"], row["r2"]) == (None, None, None), "one stamp has no scatter"


def test_kinds_are_apart_and_only_what_was_published_is_compared(rows):
    assert list(dict.fromkeys(row["kind"] for row in rows)) == [ONE, SEVERAL, NONE]
    assert {row["parameter"] for row in rows if row["kind"] == ONE} == {"radius", "effective_radius", "e1"}
    row = one(rows, kind=NONE, method="fit")
    assert (row["parameter"], row["compared"], row["answered"], row["reason"]) == ("", 0, 1, "nothing to compare")
    assert one(rows, kind=ONE, method="fit", parameter="e1")["outliers"] is None, "of radii alone"


def test_a_stamp_without_an_answer_is_not_compared():
    lost = StampComparison(
        Published("a", COMPANIONS, {"effective_radius": Value(1.0, 0.1)}),
        {"network": MethodResult("no file", {}, (), 0.0)},
    )
    config = CONFIG.model_copy(update={"methods": ("network",)})
    (row,) = summary_rows([lost], config)
    assert (row["stamps"], row["answered"], row["compared"], row["flagged"]) == (1, 0, 0, 1)
    (told,) = lens_rows([lost], config)
    assert (told["network_status"], told["network_radius"], told["radius"]) == ("no file", None, 1.0)


def test_a_row_for_each_stamp(stamps):
    told = {row["id"]: row for row in lens_rows(stamps, CONFIG)}
    assert list(told) == ["one-0", "one-1", "one-2", "one-3", "merger", "alone"]
    assert len({tuple(row) for row in told.values()}) == 1, "the same columns"
    merger = told["merger"]
    assert (merger["radius"], merger["fit_radius"], merger["network_radius"]) == pytest.approx((0.9, 0.94, 1.04))
    assert (merger["fit_flags"], merger["fit_flagged"], merger["network_flags"]) == ("residuals", True, "misspecified")
    assert told["alone"]["radius"] is None
    assert told["alone"]["fit_radius"] == 0.7, "the model's own radius"


def test_the_tables_as_text(stamps, rows):
    over, each = text_tables(stamps, rows, CONFIG)
    assert [part.title for part in over.parts] == [f"{ONE}: 4", f"{SEVERAL}: 1", f"{NONE}: 1"]
    for table in (over, each):
        assert {len(cells) for part in table.parts for cells in part.rows} == {len(table.headings)}
    merger = [cell.text for cell in each.parts[1].rows[0]]
    assert merger[:3] == ["merger", "0.900 ± 0.030 (eff.)", "1.040 ± 0.100"]
    assert merger[5:7] == ["0.940 ± 0.040", "residuals"]


def test_the_figure_has_a_panel_for_each_method_and_hollow_markers_for_flags(stamps):
    figure = ours_against_published(list(lens_rows(stamps, CONFIG)), ("network", "fit"), 0.15)
    network, fit = figure.axes
    assert [axes.get_title() for axes in figure.axes] == ["network", "fit"]
    hollow = [[bars[0].get_markerfacecolor() == "white" for bars in axes.containers] for axes in (network, fit)]
    assert hollow == [[True] * 5, [False] * 4 + [True]], "the lens without a published value is not there"
    assert [bars[0].get_xydata()[0].tolist() for bars in fit.containers][-1] == pytest.approx([0.9, 0.94])
    assert all(bars.has_xerr and bars.has_yerr for bars in fit.containers)
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == [ONE, SEVERAL, "hollow: flagged"]


def test_a_figure_without_answers():
    (axes,) = ours_against_published([], ("network",), 0.15).axes
    assert [text.get_text() for text in axes.texts] == ["no answer"]
