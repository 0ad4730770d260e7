"""Gross errors and ROC areas on answers whose numbers are known."""

import numpy as np
import pytest
from scipy import stats

from lenssbi.benchmark.runners.answers import Answers
from lenssbi.benchmark.scores.radii import areas, radii
from lenssbi.calibration.splits import splits


def answers(mean, flagged, broad=()):
    nothing = np.zeros_like(mean)
    names = ("einstein_radius", "e1", "e2")
    return Answers(names, mean, nothing, nothing, np.empty(0), flagged, 0.0, np.array(broad), flagged)


def test_gross_errors_are_counted_flagged_or_not():
    n = 100
    truths = {"einstein_radius": np.full(n, 1.0), "e1": np.zeros(n), "e2": np.zeros(n)}
    mean = np.zeros((n, 3))
    mean[:, 0] = 1.0
    mean[:10, 0] = 1.2
    mean[10:20, 0] = 1.1
    mean[:, 1] = 0.3
    mean[:50, 2] = 0.1
    flagged = np.zeros(n)
    flagged[:4] = 1
    (row,) = radii(answers(mean, flagged), truths, np.where(np.arange(n) < 50, 80.0, 20.0))
    assert row["gross"] == pytest.approx(0.10)
    assert row["unflagged"] == pytest.approx(0.06)
    assert row["gross_low"] < 0.10 < row["gross_high"]
    assert row["rms"] == pytest.approx(np.sqrt((10 * 0.04 + 10 * 0.01) / 100))
    assert row["nmad"] == 0
    assert row["bright"] == 50
    assert row["rms_e1"] == pytest.approx(0.3)
    assert row["rms_e2"] == pytest.approx(0.1)
    (row,) = radii(answers(mean, flagged, np.arange(n) >= 8), truths, None)
    assert row["unflagged"] == pytest.approx(0.04)
    assert row["broad"] == pytest.approx(0.92)
    (row,) = radii(answers(mean, np.empty(0)), truths, None)
    assert row["unflagged"] == row["gross"]
    assert row["bright"] == n


def test_nmad_is_sigma_of_a_gaussian():
    rng = np.random.default_rng(1)
    mean = np.zeros((20_000, 3))
    mean[:, 0] = 1 + rng.normal(0.01, 0.02, len(mean))
    truths = {name: np.zeros(len(mean)) for name in ("e1", "e2")} | {"einstein_radius": np.ones(len(mean))}
    (row,) = radii(answers(mean, np.zeros(len(mean))), truths, None)
    assert row["nmad"] == pytest.approx(0.02, rel=0.03)


def test_areas_of_gaussian_scores():
    """The area of two unit Gaussians a distance d apart is Phi(d / sqrt 2)."""
    rng = np.random.default_rng(1)
    scores = {"usual": rng.normal(0, 1, 3000), "odd": rng.normal(1.5, 1, 3000), "same": rng.normal(0, 1, 3000)}
    rows = {row["suite"]: row for row in areas({**scores, "none": np.empty(0)}, ["usual"])}
    assert set(rows) == {"odd", "same"}
    assert rows["odd"]["area"] == pytest.approx(stats.norm.cdf(1.5 / np.sqrt(2)), abs=4 * rows["odd"]["scatter"])
    assert rows["same"]["area"] == pytest.approx(0.5, abs=4 * rows["same"]["scatter"])
    assert 0.004 < rows["odd"]["scatter"] < 0.01
    assert list(areas(scores, ["missing"])) == []


def test_observed_sets_are_split_by_contrast_and_neighbours():
    class Made:
        params = {"einstein_radius": np.ones(3)}
        info = {
            "snr": np.full(3, 30.0),
            "arc_magnitude": np.array([22.0, 22.0, 22.0]),
            "lens_magnitude": np.array([22.5, 20.5, np.inf]),
            "neighbours": np.array([0, 1, 5]),
        }

        def __len__(self):
            return 3

    found = {split.name: split.rows.tolist() for split in splits(Made())}
    assert found["arc contrast below 0"] == [True, False, True]
    assert found["arc contrast 1-2"] == [False, True, False]
    assert found["neighbours 0"] == [True, False, False]
    assert found["neighbours 3+"] == [False, False, True]
