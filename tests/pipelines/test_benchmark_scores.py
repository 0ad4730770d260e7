"""Scores and tables of a benchmark on made-up results with known errors."""

import numpy as np
import pytest

pytest.importorskip("galsim")
from lenssbi.benchmark import session
from lenssbi.benchmark.config import BenchmarkConfig, Paper
from lenssbi.benchmark.output.table import lines
from lenssbi.benchmark.runners import answers as answering
from lenssbi.benchmark.runners.answers import Answers, read_answers, write_answers
from lenssbi.benchmark.scores.network import accuracy, coverage, log_score, misspecification
from lenssbi.calibration.splits import Split
from lenssbi.config import parse
from lenssbi.parameters import ellipticity
from lenssbi.plots.benchmark import coverage_by_split, errors_by_snr
from lenssbi.posteriors import DiagonalMixture
from lenssbi.refinement.config import ModelErrorConfig

NAMES = ("einstein_radius", "e1", "e2", "slope")
STAMPS = 2000
SIGMA = {"bright": 0.01, "faint": 0.04}


def made_up(width=1.0):
    """Posteriors that claim `width` times their true sigma, for a faint and a bright half."""
    rng = np.random.default_rng(1)
    e = ellipticity(rng.uniform(0.5, 0.8, STAMPS), rng.uniform(0, np.pi, STAMPS))
    truth = np.stack([rng.uniform(0.5, 2, STAMPS), e.real, e.imag, rng.uniform(1.5, 2.5, STAMPS)], axis=-1)
    faint = np.arange(STAMPS) % 2 == 0
    sigma = np.where(faint, SIGMA["faint"], SIGMA["bright"])[:, None]
    pulls = rng.normal(size=truth.shape)
    from scipy.special import ndtr

    log_scores = -0.5 * (pulls**2).sum(axis=1)
    found = Answers(NAMES, truth - sigma * pulls, pulls / width, ndtr(pulls / width), log_scores, 1.0 * faint, 1.0)
    parts = [Split("all", np.ones(STAMPS, bool)), Split("S/N 20-40", faint), Split("S/N 40-80", ~faint)]
    return found, dict(zip(NAMES, truth.T, strict=True)), [*parts, Split("few", np.arange(STAMPS) < 50)]


def by(rows, **wanted):
    (row,) = [row for row in rows if all(row[key] == value for key, value in wanted.items())]
    return row


class TestJudging:
    def test_errors_are_those_that_were_put_in(self):
        found, truths, parts = made_up()
        rows = list(accuracy(found, truths, parts, Paper(einstein_radius=0.04, slope=0.1, wanted=0.5)))
        scatter = []
        for split, sigma in (("S/N 20-40", SIGMA["faint"]), ("S/N 40-80", SIGMA["bright"])):
            for name in ("einstein_radius", "slope"):
                row = by(rows, split=split, parameter=name)
                assert row["error"] == pytest.approx(sigma, rel=0.06)
                scatter.append(row["scatter"] / sigma * np.sqrt(STAMPS / 2))
        # of the half width of a Gaussian: sqrt(p (1 - 2 p) / 2) / phi(1); by the bootstrap it scatters by 13 per cent in each of four
        assert np.mean(scatter) == pytest.approx(0.962, rel=0.2)
        whole = by(rows, split="all", parameter="einstein_radius")
        assert (whole["paper"], whole["wanted"]) == (0.04, 0.02)
        assert SIGMA["bright"] < whole["error"] < SIGMA["faint"]
        assert by(rows, split="all", parameter="q")["paper"] is None
        assert {row["parameter"] for row in rows} == {"einstein_radius", "phi", "q", "slope"}

    def test_orientations_are_wrapped(self):
        found, truths, parts = made_up()
        e = ellipticity(0.5, np.deg2rad(np.where(np.arange(STAMPS) % 2, 179.0, 1.0)))
        other = ellipticity(0.5, np.deg2rad(np.where(np.arange(STAMPS) % 2, 1.0, 179.0)))
        found.mean[:, 1], found.mean[:, 2] = e.real, e.imag
        truths = {**truths, "e1": other.real, "e2": other.imag}
        assert by(accuracy(found, truths, parts, None), split="all", parameter="phi")["error"] == pytest.approx(2.0)

    @pytest.mark.parametrize(("width", "sign"), [(1.0, 0), (0.5, -1), (2.0, 1)])
    def test_exact_lands_on_narrow_below_wide_above(self, width, sign):
        found, _, parts = made_up(width)
        rows = list(coverage(found, parts))
        assert {row["split"] for row in rows} == {"all", "S/N 20-40", "S/N 40-80"}, "few stamps judge nothing"
        for row in rows:
            if sign == 0:
                assert abs(row["largest_deviation"]) < 5 * row["scatter"]
            else:
                assert sign * row["largest_deviation"] > 0.1
            for level in ("0.683", "0.955", "0.997"):  # Gaussian posteriors: both definitions are one
                assert row[f"credible_{level}"] == pytest.approx(row[f"sigma_{level}"], abs=1e-9)

    def test_log_scores_are_averaged(self):
        found, _, parts = made_up()
        row = by(log_score(found, parts), split="all")
        assert row["log_score"] == pytest.approx(-2.0, abs=4 * row["scatter"])
        assert row["scatter"] == pytest.approx(np.sqrt(2 / STAMPS), rel=0.1)
        without = Answers(NAMES, found.mean, found.pulls, found.below, np.empty(0), np.empty(0), 1.0)
        assert list(log_score(without, parts)) == []
        assert list(misspecification(without)) == []

    def test_flags_are_counted_where_errors_are_large(self):
        found, _, _ = made_up(0.5)
        (row,) = misspecification(found)
        assert row["flagged"] == 0.5
        # beyond 3 claimed, 1.5 true sigma in any of four parameters
        assert row["far"] / STAMPS == pytest.approx(1 - 0.8664**4, abs=0.05)
        assert row["flagged_of_far"] == pytest.approx(0.5, abs=0.1)
        assert row["warned"] >= row["flagged"]
        assert row["warned_of_far"] >= row["flagged_of_far"]

    def test_the_table_says_what_is_as_good_as_wanted(self):
        tables = {name: [] for name in session.TABLES}
        paper = Paper(einstein_radius=0.1, phi=0.001, wanted=0.5)
        for method, width in (("exact", 1.0), ("narrow", 0.5)):
            found, truths, parts = made_up(width)
            whose = {"suite": "sie", "method": method}
            tables["accuracy"] += [{**whose, **row} for row in accuracy(found, truths, parts, paper)]
            tables["coverage"] += [{**whose, **row} for row in coverage(found, parts)]
            tables["misspecification"] += [{**whose, **row} for row in misspecification(found)]
        suite = {"paper": paper.model_dump(), "misspecified": True, "coverage": {"overall": 0.03, "splits": 0.05}}
        config = parse({"methods": {"exact": {"estimator": "x"}}, "suites": {"sie": suite}}, BenchmarkConfig, "test")
        errors, overall, splits, strange, _, warned = lines(config, tables)
        assert (errors.paper, errors.wanted) == ("0.1, 0.001", "0.05, 0.0005")
        assert [cell.met for cell in errors.cells["exact"]] == [True, False]
        for line in (overall, splits):
            assert [line.cells[method][0].met for method in ("exact", "narrow")] == [True, False]
        assert [cell.met for cell in strange.cells["narrow"]] == [False]
        assert strange.paper == "not done"
        assert warned.what.startswith("any flag")
        assert "S/N" in splits.cells["narrow"][0].text

    def test_the_figures_show_every_bin_and_method(self):
        found, truths, parts = made_up()
        whose = {"suite": "sie", "method": "cnn"}
        errors = [{**whose, **row} for row in accuracy(found, truths, parts, Paper(einstein_radius=0.1))]
        panels = errors_by_snr(errors).axes
        assert [panel.get_title().partition(":")[0] for panel in panels] == ["sie"] * 4
        assert [tick.get_text() for tick in panels[0].get_xticklabels()] == ["20-40", "40-80", "all"]
        shares = [{**whose, **row} for row in coverage(found, parts)]
        panels = coverage_by_split(shares, 0.02, 0.05).axes
        assert [tick.get_text() for tick in panels[0].get_yticklabels()] == ["all", "S/N 20-40", "S/N 40-80"]
        assert len(panels) == 3


def test_answers_come_back_and_those_to_another_question_do_not(tmp_path):
    found, _, _ = made_up()
    write_answers(tmp_path / "a.json", "one", found)
    again = read_answers(tmp_path / "a.json", "one")
    assert again.names == found.names
    for key in answering.ARRAYS:
        np.testing.assert_allclose(getattr(again, key), getattr(found, key), rtol=1e-6)
    assert read_answers(tmp_path / "a.json", "another") is None
    (tmp_path / "a.json").write_text('{"identity": "one", "names"')
    assert read_answers(tmp_path / "a.json", "one") is None


def test_a_model_error_is_added_to_what_a_network_says():
    rng = np.random.default_rng(3)
    error = ModelErrorConfig(einstein_radius=0.02, ellipticity=0.03, degrees=8.0)
    names, count = ("einstein_radius", "e1", "e2"), 400
    truths = np.column_stack([rng.uniform(1, 2, count), rng.uniform(-0.3, 0.3, (count, 2))])
    scales = np.column_stack([0.02 * truths[:, 0], np.full((count, 2), 0.03)])
    width = np.sqrt(8 / rng.chisquare(8, size=(count, 1)))
    means = truths + 0.01 * rng.normal(size=truths.shape) + scales * width * rng.normal(size=truths.shape)
    found = [DiagonalMixture([mean], [[0.01] * 3], names, ("arcsec", "", "")) for mean in means]
    told = answering._with_error(found, names, truths, error, 0)
    inside = 2 * np.abs(told["below"] - 0.5)
    for level in (0.683, 0.955):
        assert np.mean(inside < level) == pytest.approx(level, abs=0.035), "departures of the scale that was told"
    assert told["mean"] == pytest.approx(means, abs=0.01)
    assert np.std(told["pulls"]) == pytest.approx(1.0, abs=0.12)
