"""The comparison's errors and estimates on made-up results with known answers."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from lenssbi.benchmark.comparison.bootstrap import draws
from lenssbi.benchmark.runners.answers import Answers
from lenssbi.benchmark.runners.point_estimates import lenses_of, of_fits, of_network, paper_parameters
from lenssbi.benchmark.runners.records import RESULT, PosteriorSummary, Record
from lenssbi.calibration.scores import half_width, half_widths

from .made_up_comparison import (
    made_up_lenses,
    made_up_plan,
)
from .made_up_points import SUITE, off, points, tables, the

HALF_WIDTH = 0.962  # sigma of half the distance of the 16th and 84th percentiles of a Gaussian, times sqrt(n)


class TestErrors:
    def test_gaussian_errors_are_their_width(self):
        rng = np.random.default_rng(0)
        row = the(
            tables({"blind": off("blind", 0.01 + 0.05 * rng.normal(size=200))})["errors"],
            row="blind",
            split="all",
            parameter="einstein_radius",
        )
        assert row["lenses"] == 200
        assert row["error"] == pytest.approx(0.05, rel=0.15)
        assert row["low"] < row["error"] < row["high"]
        # of one set of lenses it scatters by 18 per cent: a quantile's error by the bootstrap converges slowly; of many, see below
        assert row["high"] - row["low"] == pytest.approx(2 * 0.05 * HALF_WIDTH / np.sqrt(200), rel=0.55)
        assert row["bias_low"] < 0.01 < row["bias_high"]
        assert (row["paper"], row["wanted"]) == (0.0089, 0.0089)
        assert row["of_paper"] == pytest.approx(row["error"] / 0.0089)
        assert (row["met"], row["decided"]) == (False, True)

    def test_the_interval_covers_the_truth_in_two_of_three_runs(self):
        plan, rng = made_up_plan(), np.random.default_rng(1)
        inside, widths = [], []
        for _ in range(400):
            again = half_widths(rng.normal(size=150)[draws(150, plan)])
            low, high = np.percentile(again, [15.865, 84.135])
            inside.append(low < 1 < high)
            widths.append(high - low)
        assert 0.60 < np.mean(inside) < 0.76
        assert np.mean(widths) == pytest.approx(2 * HALF_WIDTH / np.sqrt(150), rel=0.05)  # 1 per cent each, 2 too wide

    def test_rows_are_compared_lens_by_lens(self):
        rng = np.random.default_rng(2)
        hard = rng.normal(size=200)
        one, other = 0.5 * (hard + 0.2 * rng.normal(size=200)), hard + 0.2 * rng.normal(size=200)
        width = {}
        for name, order in (("paired", np.arange(200)), ("shuffled", rng.permutation(200))):
            found = tables({"blind": off("blind", other), "importance": off("importance", one[order])})["errors"]
            row = the(found, row="importance", split="all", parameter="einstein_radius")
            assert row["pairs"] == 200
            assert row["of_baseline"] == pytest.approx(0.5, rel=0.15)
            width[name] = row["of_baseline_high"] - row["of_baseline_low"]
        assert width["paired"] < 0.6 * width["shuffled"]

    def test_only_lenses_that_both_have_are_compared(self):
        few = off("blind", [0.01, -0.01] * 20)
        many = off("importance", np.concatenate([[0.02, -0.02] * 20, [5.0, -5.0] * 80]))
        row = the(
            tables({"blind": few, "importance": many})["errors"],
            row="importance",
            split="all",
            parameter="einstein_radius",
        )
        assert (row["lenses"], row["pairs"]) == (200, 40)
        assert row["of_baseline"] == pytest.approx(2.0)
        assert row["error"] == pytest.approx(5.0)
        own = the(tables({"blind": few})["errors"], row="blind", split="all", parameter="einstein_radius")
        assert own["of_baseline"] == own["of_baseline_low"] == own["of_baseline_high"] == 1

    def test_orientations_wrap(self):
        found = points()
        true, away = np.full(200, 179.0), np.where(np.arange(200) % 2, 3.0, -3.0)
        found = replace(
            found, true={**found.true, "phi": true}, predicted={**found.predicted, "phi": (true + away) % 180}
        )
        np.testing.assert_allclose(found.difference("phi"), away)
        row = the(tables({"blind": found})["errors"], row="blind", split="all", parameter="phi")
        assert (row["error"], row["unit"]) == (pytest.approx(3.0), "deg")

    def test_a_share_of_the_papers_error_is_wanted_of_some(self):
        rows = tables({"cnn_gaussian": off("cnn_gaussian", [0.005, -0.005] * 50)})["errors"]
        row = the(rows, row="cnn_gaussian", split="all", parameter="einstein_radius")
        assert row["wanted"] == pytest.approx(0.7 * 0.0055)
        assert (row["met"], row["of_paper"] < 1) == (False, True)

    def test_splits_hold_the_lenses_that_they_name(self):
        lenses = made_up_lenses(SUITE)
        lenses = replace(lenses, snr=np.where(np.arange(200) < 50, 30.0, 100.0), einstein_radius=np.full(200, 1.6))
        double = lenses.multiplicity == 2
        errors = np.where(double, 0.2, 0.1) * np.where(np.arange(200) // 3 % 2, 1, -1)
        rows = tables({"blind": off("blind", errors)}, lenses)["errors"]
        found = {r["split"]: r for r in rows if r["parameter"] == "einstein_radius" and r["row"] == "blind"}
        counts = {
            "all": 200,
            "doubles": 67,
            "others": 133,
            "S/N 20-40": 50,
            "S/N 80-160": 150,
            "einstein_radius 1.6-1.9": 200,
        }
        assert {name: row["lenses"] for name, row in found.items()} == counts
        assert found["doubles"]["error"] == pytest.approx(0.2)
        assert found["others"]["error"] == pytest.approx(0.1)
        assert found["doubles"]["of_others"] == pytest.approx(2.0)
        assert found["others"]["of_others"] is None
        assert (found["S/N 20-40"]["bin_low"], found["S/N 20-40"]["bin_high"]) == (20, 40)
        assert found["doubles"]["paper"] is None, "the paper has errors of all lenses"

    def test_a_bin_of_few_lenses_is_a_row_without_numbers(self):
        lenses = replace(made_up_lenses(SUITE), snr=np.where(np.arange(200) < 19, 30.0, 100.0))
        row = the(tables({"blind": points()}, lenses)["errors"], row="blind", split="S/N 20-40", parameter="q")
        assert (row["lenses"], row["error"], row["reason"]) == (19, None, "fewer than 20 lenses")


class Stamps:
    """Stamps of known truths, as far as points ask for them."""

    def __init__(self, params, info):
        self.params, self.info = params, info

    def __len__(self):
        return len(self.params["einstein_radius"])


class TestPoints:
    e = 0.3 * np.exp(2j * np.radians(np.array([10.0, 89.0, 170.0, 45.0])))
    stamps = Stamps(
        {"einstein_radius": np.array([1.0, 1.5, 2.0, 2.5]), "e1": e.real, "e2": e.imag, "slope": np.full(4, 2.0)},
        {"snr": np.full(4, 50.0), "multiplicity": np.array([2, 4, 4, 2])},
    )

    def test_of_a_network(self):
        names = ("einstein_radius", "e1", "e2")
        true = np.stack([self.stamps.params[name] for name in names], axis=1)
        mean, sigma = true + [0.01, 0.02, -0.02], np.array([0.02, 0.01, 0.04])
        answers = Answers(
            names, mean, (true - mean) / sigma, ndtr((true - mean) / sigma), np.empty(0), np.array([0, 1, 0, 0.0]), 2.0
        )
        found = of_network("sie", "flow", answers, self.stamps)
        assert found.names == ("einstein_radius", "phi", "q")
        np.testing.assert_allclose(found.sigma["einstein_radius"], 0.02)
        np.testing.assert_allclose(found.difference("einstein_radius"), 0.01)
        np.testing.assert_allclose(found.true["phi"], [10, 89, 170, 45])
        assert list(found.out_of_distribution) == list(found.flagged) == [False, True, False, False]
        assert list(found.seconds) == [0.5] * 4
        assert found.spent("evaluations")[1].size == 0
        lenses = lenses_of(self.stamps)
        assert lenses.names == found.names, "a slope that is 2 is no parameter"
        np.testing.assert_allclose(lenses.q, np.sqrt(0.7 / 1.3))

    def test_errors_of_q_and_phi_are_those_of_draws(self):
        rng = np.random.default_rng(0)
        sigma = {"e1": np.array([0.004]), "e2": np.array([0.012])}
        mean = {"e1": np.array([0.2]), "e2": np.array([-0.3])}
        _, errors = paper_parameters(mean, sigma)
        drawn = {name: rng.normal(mean[name], sigma[name], size=200_000) for name in mean}
        values, _ = paper_parameters(drawn, {name: np.zeros(200_000) for name in drawn})
        for name in ("q", "phi"):
            assert errors[name][0] == pytest.approx(values[name].std(), rel=0.02)
        _, unknown = paper_parameters({"e1": np.array([1e-6]), "e2": np.array([0.0])}, sigma)
        assert unknown["phi"][0] == pytest.approx(180 / np.sqrt(12))

    def test_of_fits(self):
        def belief(true):
            one = (true,)
            return PosteriorSummary(("einstein_radius",), (true + 0.1,), (0.05,), one, one, one, (0.02,), one, 500.0)

        records = [
            Record(1, "done", {RESULT: belief(1.5)}, ("prior_conflict", "edge"), 100, 9.0, 8.0),
            Record(2, "stopped", {}, (), 50, 60.0),
            Record(3, "done", {RESULT: belief(2.5)}, ("estimator_not_applicable",), 200, 11.0, 10.0),
        ]
        found = of_fits("sie", "blind", records, RESULT, self.stamps)
        assert (list(found.lens), found.attempted) == ([1, 3], 3)
        assert list(found.flagged) == list(found.out_of_distribution) == [True, False]
        np.testing.assert_allclose(found.difference("einstein_radius"), 0.1)
        np.testing.assert_allclose(found.sigma["einstein_radius"], 0.05)
        assert list(found.spent("seconds")[0]) == [1, 3, 2]
        assert (found.failed[0].status, found.failed[0].seconds) == ("stopped", 60.0)
        assert np.isnan(found.failed[0].cpu)
        assert of_fits("sie", "blind", records[1:2], RESULT, self.stamps) is None


def test_the_made_up_error_is_the_half_width():
    found = points()
    row = the(tables({"blind": found})["errors"], row="blind", split="all", parameter="q")
    assert row["error"] == half_width(found.difference("q"))
