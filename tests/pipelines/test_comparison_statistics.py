"""The comparison's coverage, failures, times and tables on made-up results with known answers."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from lenssbi.benchmark.comparison.bootstrap import share
from lenssbi.benchmark.comparison.compare import compare, estimates_for
from lenssbi.benchmark.config import BenchmarkConfig
from lenssbi.benchmark.runners.point_estimates import FailedLens
from lenssbi.config import ConfigError, parse

from .made_up_comparison import (
    MISSING,
    ROWS,
    SCATTER,
    SEVEN,
    THREE,
    made_up_comparison,
    made_up_lenses,
    made_up_plan,
)
from .made_up_points import SUITE, off, points, tables, the


class TestCoverage:
    @pytest.mark.parametrize(("claimed", "sign"), [(1.0, 0), (0.5, -1), (2.0, 1)])
    def test_of_exact_narrow_and_wide_posteriors(self, claimed, sign):
        found = points("cnn_bnn", claimed=claimed)
        rows = tables({"cnn_bnn": found})["coverage"]
        for parameter in ("einstein_radius", "e1", "e2", "all"):
            row = the(rows, row="cnn_bnn", parameter=parameter, level=0.683)
            assert row["low"] < row["share"] < row["high"]
            nominal = 2 * ndtr(claimed) - 1
            assert row["share"] == pytest.approx(nominal, abs=0.12)
            assert abs(row["deviation"]) < 0.1 if sign == 0 else sign * row["deviation"] > 0.15
        pooled, single = (the(rows, row="cnn_bnn", parameter=p, level=0.683) for p in ("all", "e1"))
        assert pooled["high"] - pooled["low"] < single["high"] - single["low"]
        if sign:
            assert (pooled["met"], pooled["decided"]) == (False, True)

    def test_flags_excuse_what_they_tell_of(self):
        good, bad = points("cnn_bnn"), points("cnn_bnn", claimed=0.3)
        wrong, uniform = np.arange(200) < 80, np.linspace(0.004, 0.996, 120)
        below = {name: np.concatenate([values[:80], uniform]) for name, values in bad.below.items()}
        for words, met in (("misspecified", True), ("edge", False)):
            told = tuple(words if one else "" for one in wrong)
            found = tables({"cnn_bnn": replace(good, below=below, flags=told)})
            row = the(found["coverage"], row="cnn_bnn", parameter="e1", level=0.683)
            target = the(found["targets"], row="cnn_bnn", kind="coverage")
            assert row["met"] is False
            assert row["flagged"] == (0.4 if met else 0.0)
            assert target["met"] is met

    def test_all_inside_has_wilsons_interval(self):
        row = share(np.ones(100, dtype=bool), made_up_plan())
        assert row == {"share": 1.0, "low": pytest.approx(100 / 101, rel=1e-3), "high": pytest.approx(1.0)}


class TestFailures:
    def test_are_counted(self):
        away = np.zeros(200)
        away[:6], away[6] = 0.3, 0.19
        sigma = np.full(200, 0.01)
        sigma[5] = 0.1  # three sigma
        flagged = np.zeros(200, dtype=bool)
        flagged[[0, 1, 100]] = True
        found = off("blind", away, flagged=flagged, failed=(FailedLens(200, "no arcs"), FailedLens(201, "no arcs")))
        found = replace(found, sigma={**found.sigma, "einstein_radius": sigma})
        row = the(tables({"blind": found})["failures"], row="blind")
        assert (row["catastrophic"], row["unflagged"], row["lenses"], row["asked"]) == (5, 3, 200, 202)
        assert row["unflagged_share"] == pytest.approx(0.015)
        assert row["unflagged_low"] < 0.015 < row["unflagged_high"]
        assert (row["met"], row["decided"]) == (False, False)
        assert (row["undone"], row["undone_why"], row["flagged_share"]) == (2, "no arcs: 2", 0.015)

    def test_none_of_many(self):
        row = the(tables({"blind": off("blind", np.zeros(200))})["failures"], row="blind")
        assert (row["catastrophic"], row["share"], row["low"]) == (0, 0, 0)
        assert row["high"] == pytest.approx(1 / 201, rel=1e-3)
        assert (row["met"], row["decided"]) == (True, True)


class TestTimes:
    def test_lenses_without_a_posterior_have_cost_theirs(self):
        slow = replace(points(count=3), seconds=np.array([10.0, 20.0, 30.0]), cpu=np.full(3, np.nan))
        slow = replace(
            slow, method="blind-nautilus", failed=(FailedLens(3, "stopped", 1800.0), FailedLens(4, "no arcs"))
        )
        fast = replace(
            points("importance", 3), seconds=np.array([1.0, 2.0, 3.0]), evaluations=np.array([5.0, 6.0, np.nan])
        )
        found = tables({"blind": slow, "importance": fast})["times"]
        row, blind = the(found, row="importance"), the(found, row="blind")
        assert (blind["lenses"], blind["seconds_50"], blind["cpu_50"]) == (4, 25.0, None)
        assert (row["seconds_50"], row["evaluations_50"]) == (2.0, 5.5)
        assert (row["of_baseline"], row["pairs"]) == (pytest.approx(0.1), 3)
        assert row["of_baseline_low"] == pytest.approx(row["of_baseline_high"]), "lens by lens the ratio is the same"
        assert row["cpu_of_baseline"] is None

    def test_only_what_was_timed_as_planned_is_compared(self):
        found = {row: replace(points(row), seconds=np.full(200, s)) for row, s in (("blind", 8.0), ("importance", 4.0))}
        timed = {**found, "blind": replace(found["blind"], method="blind-nautilus", seconds=np.full(200, 40.0))}
        for timed_by, ratio in ((timed, 0.1), (found, None)):
            rows = tables(found, timed=timed_by)
            row = the(rows["times"], row="importance")
            assert (row["seconds_50"], row["of_baseline"]) == (4.0, ratio)
            assert the(rows["targets"], kind="relative", row="importance", wanted=0.1)["value"] == ratio
        assert row["reason"] == "blind was not timed by blind-nautilus here"

    def test_other_methods_may_be_timed(self):
        found = tables(
            {"blind": points()}, timed={"blind": replace(points(), method="blind-nautilus", seconds=np.full(200, 7.0))}
        )
        assert the(found["times"], row="blind")["method"] == "blind-nautilus"
        assert the(found["times"], row="blind")["seconds_50"] == 7
        assert the(found["errors"], row="blind", split="all", parameter="q")["method"] == "blind"


@pytest.fixture(scope="module")
def comparison():
    return made_up_comparison(SEVEN, resamples=50)


class TestTables:
    def test_nobody_is_left_out(self, comparison):
        found = {(r["suite"], r["row"], r["parameter"]) for r in comparison.tables["errors"] if r["split"] == "all"}
        sie, pl = ("einstein_radius", "phi", "q"), ("einstein_radius", "phi", "q", "slope")
        assert found == {(s, row, p) for s in SEVEN for row in ROWS for p in (pl if s.startswith("pl") else sie)}
        for (suite, row), reason in MISSING.items():
            for name in ("errors", "times", "coverage", "failures"):
                mine = [r for r in comparison.tables[name] if (r["suite"], r["row"]) == (suite, row)]
                assert mine
                assert {r["reason"] for r in mine} == {reason}
                assert all(r["method"] is None and r["lenses"] == 0 for r in mine)
        cell = the(comparison.tables["errors"], suite="sie_real", row="cnn_flow", parameter="q")
        assert (cell["paper"], cell["error"], cell["met"]) == (0.029, None, None)

    def test_rows_have_one_layout(self, comparison):
        for name, rows in comparison.tables.items():
            assert rows, name
            assert {tuple(row) for row in rows} == {tuple(rows[0])}, name

    def test_targets_follow_from_the_tables(self, comparison):
        targets = comparison.tables["targets"]
        relative = the(targets, kind="relative", row="cnn_gaussian", wanted=0.63)
        assert relative["value"] == pytest.approx(SCATTER["cnn_gaussian"], rel=0.1)
        assert relative["low"] < relative["value"] < relative["high"]
        single = the(comparison.tables["errors"], suite=SUITE, row="cnn_gaussian", parameter="q", split="all")
        assert relative["high"] - relative["low"] < 0.5 * (single["of_baseline_high"] - single["of_baseline_low"])
        assert relative["cells"] == 5 * 3 + 2 * 4
        seconds = the(targets, kind="relative", row="importance", wanted=0.1)
        assert "without pl_real" in seconds["note"]
        assert (seconds["met"], seconds["cells"]) == (True, 6)
        errors = the(targets, kind="error", row="cnn_gaussian", suites="pl_real")
        cells = [
            r
            for r in comparison.tables["errors"]
            if (r["suite"], r["row"], r["split"]) == ("pl_real", "cnn_gaussian", "all")
        ]
        assert errors["value"] == max(r["error"] / r["wanted"] for r in cells)
        assert errors["cells_met"] == sum(r["met"] for r in cells)
        assert len([t for t in targets if t["kind"] == "error"]) == 5 * len(ROWS), "the paper's Table 4 is not known"
        assert len([t for t in targets if t["kind"] == "coverage"]) == 7 * 4
        assert len([t for t in targets if t["kind"] == "failures"]) == len(ROWS)

    def test_it_is_the_same_again(self):
        one, two = (made_up_comparison(THREE, resamples=30).tables for _ in range(2))
        assert one == two

    def test_a_method_that_lacks_a_parameter_says_so(self):
        found = replace(points(), names=("einstein_radius",))
        row = the(tables({"blind": found})["errors"], row="blind", parameter="q")
        assert (row["error"], row["paper"], row["reason"]) == (None, 0.027, "blind does not infer it")

    def test_one_lens_has_no_error(self):
        row = the(tables({"blind": points(count=1)})["errors"], row="blind", parameter="q", split="all")
        assert (row["lenses"], row["error"], row["paper"], row["met"]) == (1, None, 0.027, None)


class TestRows:
    def bench(self, **estimates):
        methods = {name: {"kind": "fit"} for row in ROWS.values() for name in row["methods"]}
        methods = {name.removesuffix("+prior"): method for name, method in methods.items()} | {
            "blind-nautilus": {"kind": "fit"}
        }
        plan = made_up_plan([SUITE], resamples=20).model_dump()
        config = parse({"methods": methods, "suites": {SUITE: {}}, "comparison": plan}, BenchmarkConfig, "test")
        statuses = {(SUITE, "gaussian"): "does not apply: no network", (SUITE, "blind"): "done"}
        said = {(SUITE, method): replace(found, row="", method=method) for method, found in estimates.items()}
        return type(
            "Bench",
            (),
            {"config": config, "statuses": statuses, "estimates": said, "lenses": {SUITE: made_up_lenses(SUITE)}},
        )

    def test_the_first_that_answered_speaks(self):
        estimates = {"a": points(count=3), "b": points(count=4)}
        estimates = {("sie", name): found for name, found in estimates.items()}
        assert len(estimates_for(estimates, "sie", "blind", ("none", "b", "a"))) == 4
        assert estimates_for(estimates, "sie", "blind", ("a",)).row == "blind"
        assert estimates_for(estimates, "pl", "blind", ("a",)) is None

    def test_of_a_run(self):
        bench = self.bench(**{"blind": points(), "bnn-pl": points("cnn_bnn"), "blind-nautilus": points(seed=1)})
        found = compare(bench.config.comparison, bench.lenses, bench.estimates, bench.statuses)
        assert [(p.row, p.method) for p in found.of(SUITE)] == [("cnn_bnn", "bnn-pl"), ("blind", "blind")]
        assert [(p.row, p.method) for p in found.timed] == [("cnn_bnn", "bnn-pl"), ("blind", "blind-nautilus")]
        row = the(found.tables["errors"], row="cnn_gaussian", parameter="q")
        assert row["reason"] == "gaussian+prior: does not apply: no network"
        assert the(found.tables["times"], row="importance")["reason"] == "importance: not asked"

    def test_a_suite_that_could_not_be_made_keeps_its_cells(self):
        bench = self.bench()
        found = compare(bench.config.comparison, {}, bench.estimates, bench.statuses)
        assert len(found.tables["errors"]) == 3 * len(ROWS)
        assert found.tables["points"] == []

    @pytest.mark.parametrize(
        ("changes", "word"),
        [
            ({"baseline": "none"}, "none of the rows"),
            ({"timed": {"blind": ["nobody"]}}, "'nobody' is none of the methods"),
            ({"tables": {"Table 1": ["nowhere"]}}, "'nowhere' is none of the suites"),
            ({"findings": {"nowhere": "text"}}, "'nowhere' is none of the suites"),
            ({"rows": {"blind": {"methods": ["blind"], "published": "nobody"}}}, "none of the"),
            ({"snr": [40, 20]}, "increase"),
            ({"published": {SUITE: {"blind": {"mass": 1.0}}}}, "mass"),
        ],
    )
    def test_names_are_checked(self, changes, word):
        good = self.bench().config.model_dump()
        plan = {**good["comparison"], **changes}
        with pytest.raises(ConfigError, match=word):
            parse({**good, "comparison": plan}, BenchmarkConfig, "test")
