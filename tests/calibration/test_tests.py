"""Every tool says right of exact posteriors, too narrow of narrow ones and too wide of wide ones, and splits reveal what cancels."""

from types import SimpleNamespace

import numpy as np
import pytest

from lenssbi.calibration.coverage import Passes, credible_coverage, misses, sigma_coverage
from lenssbi.calibration.lc2st import lc2st, principal
from lenssbi.calibration.ranks import findings, rank, tarp
from lenssbi.calibration.scores import LEVELS
from lenssbi.calibration.splits import FEWEST, Split, splits


def lands(width: float, share: float, nominal: float, slack: float) -> bool:
    """Whether a share lies on, below or above nominal as a posterior of that width should make it."""
    if width == 1:
        return abs(share - nominal) < slack
    return share < nominal - slack if width < 1 else share > nominal + slack


@pytest.fixture(scope="module")
def ranked(toy):
    width, posteriors, truths, _ = toy
    return width, rank(posteriors, truths, draws=100)


@pytest.mark.parametrize("measure", [sigma_coverage, credible_coverage])
def test_coverage(toy, measure):
    width, posteriors, truths, _ = toy
    table = measure(posteriors, truths)
    for row in table.values():
        assert lands(width, row["0.683"], LEVELS["0.683"], 0.04)
        assert lands(width, row["0.955"], LEVELS["0.955"], 0.015)
    assert bool(misses(table, len(truths), 0.02)) == (width != 1)


def test_expected_coverage(ranked):
    width, ranks = ranked
    assert lands(width, float((ranks.joint < 0.5).mean()), 0.5, 0.05)


def test_expected_coverage_of_draws_as_a_belief(problem):
    """A flow's belief, draws with narrow kernels, is as right as the posterior that they come from."""
    posteriors, truths, _ = problem(1.0, stamps=400)
    rng = np.random.default_rng(0)
    mean = posteriors.means.mean(axis=1, keepdims=True)
    sigma = np.sqrt(np.mean(posteriors.sigmas**2, axis=1) + posteriors.means.var(axis=1))[:, None]
    draws = mean + sigma * (np.sqrt(0.99) * rng.normal(size=(400, 300, 3)))
    belief = Passes(draws, np.broadcast_to(0.1 * sigma, draws.shape), posteriors.names)
    inside = rank(belief, truths, draws=100).joint
    assert (inside < 0.5).mean() == pytest.approx(0.5, abs=0.08)


def test_sbc_ranks_are_those_counted_by_hand(ranked):
    width, ranks = ranked
    counted = (ranks.draws < ranks.truths).mean(axis=0)
    np.testing.assert_allclose(ranks.marginal, counted, atol=1e-6)
    middle = (np.abs(counted - 0.5) < 0.25).mean(axis=0)
    assert all(lands(width, share, 0.5, 0.045) for share in middle)


def test_tarp(ranked):
    width, ranks = ranked
    shares, levels = tarp(ranks)
    inside = np.interp(0.9, levels, shares) - np.interp(0.1, levels, shares)
    assert lands(width, float(inside), 0.8, 0.04)


def test_the_table_of_tests_says_so_too(ranked):
    width, ranks = ranked
    found = findings(
        ranks, [Split("all", np.ones(len(ranks.joint), bool)), Split("few", np.arange(len(ranks.joint)) < 50)]
    )
    assert {f.split for f in found} == {"all"}
    p = [f.value for f in found if f.quantity == "p"]
    assert len(p) == 5
    assert min(p) > 1e-3 if width == 1 else max(p) < 1e-2
    area = next(f.value for f in found if f.quantity == "area to curve")
    assert lands(width, area, 0.0, 0.012)


def test_lc2st_rejects_the_wrong_ones(toy):
    width, posteriors, truths, images = toy
    few = slice(0, 800)
    test = lc2st(posteriors.take(few), truths[few], images[few], trials=25)
    assert (test.p > 0.05) if width == 1 else (test.p < 0.05 and test.rejected > 0.5)


def test_splits_reveal_two_errors_that_cancel(problem):
    faint = np.arange(3000) % 2 == 0
    widths = np.where(faint, 0.6, 1.75)[:, None]
    posteriors, truths, _ = problem(widths, stamps=3000)
    whole = credible_coverage(posteriors, truths)
    assert all(abs(row["0.683"] - LEVELS["0.683"]) < 0.03 for row in whole.values())
    info, params = {"snr": np.where(faint, 30.0, 100.0)}, {"einstein_radius": np.ones(3000)}
    stamps = _set(params, info)
    found = {split.name: credible_coverage(posteriors.take(split.rows), truths[split.rows]) for split in splits(stamps)}
    assert all(row["0.683"] < 0.55 for row in found["S/N 20-40"].values())
    assert all(row["0.683"] > 0.85 for row in found["S/N 80-160"].values())
    assert all(len(misses(table, 1500, 0.05)) >= 3 for name, table in found.items() if name.startswith("S/N"))
    few = slice(0, 800)
    local = lc2st(posteriors.take(few), truths[few], np.where(faint, 1.0, -1.0)[few, None], trials=25)
    assert local.p < 0.05


def test_splits_are_bins_of_what_the_set_knows():
    rng = np.random.default_rng(2)
    params = {"einstein_radius": rng.uniform(0.2, 3, 1000), "e1": rng.uniform(-0.5, 0.5, 1000), "e2": np.zeros(1000)}
    info = {"snr": rng.uniform(20, 300, 1000), "multiplicity": rng.choice([2, 3, 4, 5], 1000, p=[0.8, 0.05, 0.1, 0.05])}
    found = splits(_set(params, info))
    names = [name for name, _ in found]
    assert names[0] == "all"
    assert {"S/N 160+", "multiplicity 2", "multiplicity 4+", "einstein_radius 0-0.8", "q 0.6-0.8"} <= set(names)
    assert "S/N 0-20" not in names
    for kind in ("S/N", "einstein_radius", "multiplicity", "q"):
        total = np.sum([rows for name, rows in found if name.startswith(f"{kind} ")], axis=0)
        np.testing.assert_array_equal(total, 1)
    assert all(split.small == (split.rows.sum() < FEWEST) for split in found)
    two = next(split for split in found if split.name == "multiplicity 2")
    np.testing.assert_array_equal(two.of(slice(1, None, 2)).rows, info["multiplicity"][1::2] == 2)
    assert [name for name, _ in splits(_set({"einstein_radius": np.ones(3)}, {}))] == ["all", "einstein_radius 0.8-1.6"]


def test_a_miss_is_beyond_tolerance_and_two_binomial_errors():
    table = {"a": {"0.683": 0.683 + 0.02 + 2 * 0.0147 + 0.001, "0.955": 0.955, "0.997": 1.0}}
    assert misses(table, 1000, 0.02) == [("a", "0.683")]
    assert misses(table, 500, 0.02) == []
    assert misses(table, 1000, 0.03) == []


def test_principal_components_are_found_in_noise():
    rng = np.random.default_rng(1)
    hidden = rng.normal(size=(300, 2))
    features = hidden @ rng.normal(size=(2, 40)) * 5 + rng.normal(size=(300, 40))
    places = principal(features, 2)
    np.testing.assert_allclose(places.std(axis=0), 1, rtol=1e-6)
    residual = (
        hidden - places @ np.linalg.lstsq(places, hidden - hidden.mean(axis=0), rcond=None)[0] - hidden.mean(axis=0)
    )
    assert residual.std() < 0.1


def _set(params, info):
    size = len(next(iter(params.values())))

    class Made(SimpleNamespace):
        def __len__(self):
            return size

    return Made(params=params, info=info)
