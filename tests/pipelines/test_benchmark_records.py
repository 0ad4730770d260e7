"""Records of fits in a benchmark: statistics over them, and their files."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from scipy.special import ndtr

pytest.importorskip("galsim")
from lenssbi.benchmark.methods import WITH_PRIOR, WrongBasin
from lenssbi.benchmark.runners import records
from lenssbi.benchmark.runners.records import RESULT, PosteriorSummary, Record, answers_of, collect
from lenssbi.benchmark.scores import fits as judge_fits
from lenssbi.benchmark.scores.network import coverage
from lenssbi.calibration.splits import Split
from lenssbi.posteriors import Samples
from lenssbi.status import InputError, Status

WRONG = WrongBasin(arcsec=0.1, sigma=5)


def belief(off, sigma, true=1.0):
    """A Gaussian posterior of einstein_radius whose mean is `off` from the truth."""
    numbers = {"mean": true + off, "sigma": sigma, "median": true + off, "lower": true + off - sigma}
    numbers |= {"upper": true + off + sigma, "below": float(ndtr(-off / sigma)), "true": true}
    return PosteriorSummary(("einstein_radius",), **{key: (value,) for key, value in numbers.items()}, n_eff=500.0)


def record(index, off=0.0, sigma=0.01, flags=(), status=Status.DONE.value, **numbers):
    return Record(index, status, {RESULT: belief(off, sigma)}, tuple(flags), **numbers)


class TestStatistics:
    @pytest.mark.parametrize(
        ("off", "sigma", "lost"),
        [(0.4, 0.01, True), (-0.4, 0.01, True), (0.4, 0.1, False), (0.09, 0.001, False), (0.0, 0.01, False)],
    )
    def test_a_wrong_basin_is_far_and_confident(self, off, sigma, lost):
        assert judge_fits.in_wrong_basin(belief(off, sigma), WRONG) is lost

    def test_shares_are_those_that_were_put_in(self):
        found = [record(i, evaluations=100 * i, seconds=float(i), cpu=1.0) for i in range(1, 7)]
        found += [record(7, off=0.5), record(8, off=0.5, flags=["demagnified"])]
        found += [record(9, flags=["edge"]), record(10, flags=["estimator_not_applicable"])]
        found += [Record(11, "no arcs"), record(12, status=Status.TIMED_OUT.value)]
        row = judge_fits.summary(found, RESULT, WRONG)
        assert (row["lenses"], row["with_posterior"], row["done"]) == (12, 11, 10)
        shares = {name: row[name] * 11 for name in judge_fits.SHARES}
        assert shares == pytest.approx({"wrong": 2, "wrong_unflagged": 1, "flagged": 3, "false_alarms": 2})
        assert (row["seconds_50"], row["evaluations_50"], row["n_eff_50"]) == (3.5, 350, 500)
        assert "demagnified: 1" in row["flags"]
        assert "no arcs: 1" in row["not_done"]

    def test_a_basin_may_be_wrong_by_a_share_of_the_radius(self):
        wrong = WrongBasin(arcsec=0, sigma=0, share=0.15)
        found = [judge_fits.in_wrong_basin(belief(off, 1.0, true=2.0), wrong) for off in (0.31, -0.31, 0.29)]
        assert found == [True, True, False]

    def test_each_flag_is_counted_on_right_and_on_wrong_fits(self):
        found = [record(i) for i in range(3)]
        found += [record(3, flags=["edge"]), record(4, off=0.5, flags=["edge", "residuals"]), record(5, off=0.5)]
        found += [Record(6, "no arcs"), record(7, off=0.5, status=Status.WRONG.value)]
        rows = {row["flag"]: row for row in judge_fits.flag_rows(found, RESULT, WRONG)}
        assert list(rows) == ["edge", "residuals", judge_fits.NOT_DONE, judge_fits.ANY]
        assert {(row["right"], row["wrong"]) for row in rows.values()} == {(4, 3)}
        shares = {flag: (row["right_raised"], row["wrong_raised"]) for flag, row in rows.items()}
        third = pytest.approx(1 / 3)
        assert shares["edge"] == (0.25, third)
        assert shares["residuals"] == shares[judge_fits.NOT_DONE] == (0.0, third)
        assert shares[judge_fits.ANY] == (0.25, pytest.approx(2 / 3))
        assert rows["edge"]["right_low"] < 0.25 < rows["edge"]["right_high"]

    def test_no_wrong_fit_has_no_share(self):
        (row,) = [row for row in judge_fits.flag_rows([record(0)], RESULT, WRONG) if row["flag"] == judge_fits.ANY]
        assert (row["wrong"], row["wrong_raised"], row["wrong_low"]) == (0, None, None)

    def test_an_interval_of_none_is_wilsons(self):
        row = judge_fits.summary([record(i) for i in range(10)], RESULT, WRONG)
        assert row["wrong"] == row["wrong_low"] == 0
        assert row["wrong_high"] == pytest.approx(1 / 11, rel=1e-3)  # z^2 / (n + z^2) with z = 1

    @pytest.mark.parametrize(("width", "sign"), [(1.0, 0), (0.5, -1), (2.0, 1)])
    def test_coverage_of_exact_narrow_and_wide_fits(self, width, sign):
        rng = np.random.default_rng(0)
        found = [record(i, off=0.02 * rng.normal(), sigma=0.02 * width) for i in range(1500)]
        answers = answers_of([*found, Record(1500, "no arcs")], RESULT)
        (row,) = coverage(answers, [Split("all", np.ones(1500, bool))])
        deviation = row["credible_0.683"] - 0.683
        assert abs(deviation) < 0.04 if sign == 0 else sign * deviation > 0.1
        assert row["low_0.683"] < row["credible_0.683"] < row["high_0.683"]

    def test_the_belief_of_weighted_draws(self):
        rng = np.random.default_rng(1)
        values = rng.normal([1.0, 5.0], [0.2, 1.0], size=(20_000, 2))
        weights = -0.5 * ((values[:, 0] - 1.1) / 0.2) ** 2  # the product is N(1.05, 0.2 / sqrt 2)
        samples = Samples(values, ("einstein_radius", "log10_strength"), ("arcsec", ""), weights)
        found = PosteriorSummary.of(samples, {"einstein_radius": 1.0, "slope": 2.0})
        assert found.names == ("einstein_radius",)
        assert found.below[0] == pytest.approx(ndtr(-0.05 / (0.2 / np.sqrt(2))), abs=0.02)
        assert found.at("einstein_radius")["sigma"] == pytest.approx(0.2 / np.sqrt(2), rel=0.05)

    def test_rows_of_lenses(self):
        rows = list(judge_fits.lens_rows([record(3, off=0.1), Record(4, "no arcs")], RESULT))
        assert [(row["lens"], row["parameter"]) for row in rows] == [(3, "einstein_radius"), (4, "")]
        assert rows[0].keys() == rows[1].keys()
        assert rows[0]["median"] == pytest.approx(1.1)


@dataclass(frozen=True)
class Job:
    """A fit that does as it is told."""

    index: int
    path: Path
    identity: str = "one"
    does: str = "work"

    @property
    def work(self):
        return self.path.with_suffix(".work")

    def solve(self):
        self.work.mkdir(exist_ok=True)
        with (self.path.parent / "log").open("a") as log:
            log.write(f"{self.index}\n")
        if self.does == "killed":
            raise KeyboardInterrupt
        if self.does == "crashed":
            raise ZeroDivisionError("a bug")
        return record(self.index, flags=["edge"]) if self.does == "work" else Record(self.index, "no arcs")


def jobs(folder, *does, **changes):
    return [Job(i, folder / f"{i}.json", does=what, **changes) for i, what in enumerate(does)]


class TestKeeping:
    @pytest.fixture
    def solved(self, tmp_path):
        return lambda: (tmp_path / "log").read_text().split()

    def silent(self, *_):
        pass

    def test_a_killed_run_goes_on(self, tmp_path, solved):
        with pytest.raises(KeyboardInterrupt):
            collect([jobs(tmp_path, "work", "failed", "killed", "work")], 1, self.silent)
        (found,) = collect([jobs(tmp_path, "work", "failed", "work", "work")], 1, self.silent)
        assert solved() == ["0", "1", "2", "2", "3"], "what was kept is not done again, a status among it"
        assert [r.status for r in found] == ["done", "no arcs", "done", "done"]
        assert not list(tmp_path.glob("*.work"))
        assert found[0] == record(0, flags=["edge"]), "what comes back is what was kept"

    def test_another_question_is_asked_anew(self, tmp_path, solved):
        collect([jobs(tmp_path, "work")], 1, self.silent)
        collect([jobs(tmp_path, "work", identity="two")], 1, self.silent)
        assert solved() == ["0", "0"]

    def test_a_crash_is_a_row_and_is_tried_again(self, tmp_path, solved):
        (found,) = collect([jobs(tmp_path, "crashed", "work")], 1, self.silent)
        assert found[0].status.startswith(Status.FAILED.value)
        assert "a bug" in found[0].status
        assert collect([jobs(tmp_path, "work", "work")], 1, self.silent)[0][0].status == "done"
        assert solved() == ["0", "1", "0"]

    def test_what_the_user_has_to_mend_ends_the_group_and_no_other(self, tmp_path, monkeypatch, solved):
        keep = records.keep

        def refused(path, *rest):
            if path.parent.name == "full":
                raise InputError("cannot be written")
            keep(path, *rest)

        monkeypatch.setattr(records, "keep", refused)
        (tmp_path / "full").mkdir()
        full, empty = collect([jobs(tmp_path / "full", "work", "work"), jobs(tmp_path, "work", "work")], 1, self.silent)
        assert isinstance(full, InputError)
        assert [record.status for record in empty] == ["done", "done"]
        assert solved() == ["0", "1"]
        assert (tmp_path / "full" / "log").read_text().split() == ["0"], "nothing is done for a folder that is full"

    def test_lenses_of_equal_number_are_not_confused(self, tmp_path):
        (tmp_path / "other").mkdir()
        one, other = collect([jobs(tmp_path, "work"), jobs(tmp_path / "other", "failed")], 1, self.silent)
        assert (one[0].status, other[0].status) == ("done", "no arcs")

    def test_records_survive_json(self):
        one = Record(1, "done", {RESULT: belief(0.1, 0.2), WITH_PRIOR: belief(0.0, 0.1)}, ("edge",), 5, 1.0, 0.5, -3.0)
        assert Record.from_json({"identity": "x", **json.loads(json.dumps(one.as_json()))}) == one
